"""Every transfer syntax gives the stored values; a stream that was cut gives a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from medgan.scans import discover, load_found
from medgan.scans.dicom_header import read_planes
from medgan.scans.dicom_pixels import DECODERS, read_stored, significant_bits
from medgan.scans.planes import PixelFormat
from tests.scans.messy_formats import to_jpeg_lossless
from tests.scans.series import make_series, save, score

COMPRESSED = (RLELossless, JPEG2000Lossless, JPEGLSLossless)


def stack(*, signed: bool = False) -> list[Dataset]:
    return make_series(
        rows=40,
        columns=44,
        n=5,
        spacing_mm=(0.5, 0.5),
        signed=signed,
        intercept=0.0 if signed else -1024.0,
    )


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda uid: uid.name)
def test_compressed_stacks_are_read(syntax: str, signed: bool, tmp_path: Path) -> None:
    datasets = stack(signed=signed)
    for dataset in datasets:
        dataset.compress(syntax, generate_instance_uid=False)
    save(datasets, tmp_path)
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.51
    assert found.missing == ()


@pytest.mark.parametrize("process", ["JPEGLosslessProcess14_1", "JPEGLosslessProcess14"])
def test_jpeg_lossless_written_by_gdcm_is_read(process: str, tmp_path: Path) -> None:
    for path in save(stack(), tmp_path):
        to_jpeg_lossless(path, process)
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.51


@pytest.mark.parametrize("part", [0.99, 0.8, 0.1])
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda uid: uid.name)
def test_a_cut_stream_is_a_gap(syntax: str, part: float, tmp_path: Path) -> None:
    """The frame's item is whole, its code stream is not: only a strict decoder can tell."""
    datasets = stack()
    for dataset in datasets:
        dataset.compress(syntax, generate_instance_uid=False)
    (stream,) = generate_frames(datasets[2].PixelData, number_of_frames=1)
    datasets[2].PixelData = encapsulate([stream[: int(len(stream) * part)]])
    save(datasets, tmp_path)
    (found,) = discover(tmp_path).scans
    assert found.missing == found.damaged == (2,)
    assert score(load_found(found)) <= 0.51


def test_a_compressed_file_that_ends_inside_its_frame_is_a_gap(tmp_path: Path) -> None:
    datasets = stack()
    for dataset in datasets:
        dataset.compress(RLELossless, generate_instance_uid=False)
    paths = save(datasets, tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:-300])
    (found,) = discover(tmp_path).scans
    assert found.damaged == (2,)
    assert any("cut short" in note for note in found.notes)


def test_mixed_transfer_syntaxes_make_one_stack(tmp_path: Path) -> None:
    datasets = stack()
    datasets[0].compress(RLELossless, generate_instance_uid=False)
    datasets[1].compress(JPEG2000Lossless, generate_instance_uid=False)
    datasets[3].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    datasets[4].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    save(datasets, tmp_path)
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.51


def test_deflated_file_that_was_cut_is_no_slice(tmp_path: Path) -> None:
    datasets = stack()
    for dataset in datasets:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    paths = save(datasets, tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:-500])
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert found.missing == (2,)
    assert listing.refused or found.damaged


def test_big_endian_is_read(tmp_path: Path) -> None:
    for n, dataset in enumerate(stack()):
        stored = np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = stored.astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(
            tmp_path / f"{n}.dcm",
            dataset,
            implicit_vr=False,
            little_endian=False,
            enforce_file_format=True,
        )
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.51


@pytest.mark.parametrize("implicit", [True, False])
def test_a_bare_data_set_without_preamble_is_read(implicit: bool, tmp_path: Path) -> None:
    for n, dataset in enumerate(stack()):
        del dataset.file_meta
        dataset.save_as(
            tmp_path / f"IM{n}",
            implicit_vr=implicit,
            little_endian=True,
            enforce_file_format=False,
        )
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.51


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_padded.dcm",
        "693_J2KI.dcm",
    ],
)
def test_samples_of_pydicom_decode_as_pydicom_does(name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    header = read_planes(path).planes[0].header
    assert not header.damage
    (stored,) = read_stored(header, [0])
    np.testing.assert_array_equal(stored, pydicom.dcmread(path).pixel_array)


def test_a_truncated_sample_is_damaged() -> None:
    path = Path(str(get_testdata_file("MR_truncated.dcm")))
    assert "cut short" in read_planes(path).planes[0].header.damage


def test_no_decoder_of_jpeg_ls_is_the_lax_one() -> None:
    """pylibjpeg-libjpeg returns garbage for JPEG-LS data that was cut."""
    assert {DECODERS[f"1.2.840.10008.1.2.4.{n}"] for n in (80, 81)} == {"gdcm"}


@pytest.mark.parametrize(
    ("bits", "high_bit", "signed", "raw", "expected"),
    [
        (12, 11, False, 0xF123, 0x123),
        (12, 11, True, 0x0FFF, -1),
        (12, 11, True, 0xF800, -2048),
        (12, 15, False, 0x1234, 0x123),
        (16, 15, True, 0x8000, -32768),
        (10, 9, True, 0x0200, -512),
    ],
)
def test_stored_bits_by_hand(
    bits: int, high_bit: int, signed: bool, raw: int, expected: int
) -> None:
    pixels = PixelFormat(1, 1, 16, bits, high_bit, signed, "")
    assert significant_bits(np.array([[raw]], dtype="<u2"), pixels).item() == expected
