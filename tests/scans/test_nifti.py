"""NIfTI in all its shapes: right at every voxel, or refused."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.errors import ReadError
from medgan.scans import Scan, discover, load_found
from medgan.scans.nifti import read_nifti
from tests.scans.series import score
from tests.scans.volumes import SHEARED, STRAIGHT, oblique_affine, patch, world_volume, write

COVERS = ("rasters",)


def only(path: Path, **options: int) -> Scan:
    listing = discover(path, **options)
    assert not listing.refused
    (found,) = listing.scans
    return load_found(found)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.img"])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<i4", "<f4", "<f8", ">f4"])
def test_every_container_and_type(name: str, dtype: str, tmp_path: Path) -> None:
    family = nib.Nifti1Pair if name.endswith(".img") else nib.Nifti1Image
    stored = np.rint(world_volume(STRAIGHT)).astype(dtype)
    image = family(stored, STRAIGHT, nib.Nifti1Header(endianness=dtype[0]))
    image.set_data_dtype(stored.dtype)
    nib.save(image, tmp_path / name)
    scan = only(tmp_path)
    assert scan.stored.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(scan.stored, stored)
    assert score(scan) <= 0.51
    assert scan.axis == 2


def test_the_two_files_of_a_pair_are_one_scan(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT), tmp_path / "a")
    (found,) = discover(tmp_path).scans
    assert found.n_files == 2
    (tmp_path / "a.img").unlink()
    (refusal,) = discover(tmp_path).refused
    assert "not beside it" in refusal.reason


def test_nifti_2(tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "a.nii.gz", stored, STRAIGHT, family=nib.Nifti2Image)
    assert score(only(tmp_path)) <= 0.51


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (2, 1), (4, 4)])
def test_either_code_is_enough(sform: int, qform: int, tmp_path: Path) -> None:
    affine = oblique_affine()
    stored = np.rint(world_volume(affine)).astype("i2")
    write(tmp_path / "a.nii", stored, affine, sform=sform, qform=qform)
    scan = only(tmp_path)
    np.testing.assert_allclose(scan.affine, affine, atol=1e-5)
    assert score(scan) <= 0.52


def test_no_codes_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", np.ones((4, 4, 4), "i2"), STRAIGHT, sform=0, qform=0)
    (refusal,) = discover(tmp_path).refused
    assert "no world" in refusal.reason


def test_disagreeing_forms_are_noted_and_sform_is_used(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    moved = STRAIGHT.copy()
    moved[0, 3] += 7
    image.set_sform(STRAIGHT, 1)
    image.set_qform(moved, 1)
    nib.save(image, tmp_path / "a.nii")
    scan = only(tmp_path)
    assert score(scan) <= 0.51
    assert any("disagree by up to 7.00 mm" in note for note in scan.notes)


def test_shear_is_kept(tmp_path: Path) -> None:
    stored = np.rint(world_volume(SHEARED)).astype("i2")
    write(tmp_path / "a.nii", stored, SHEARED, qform=0)
    scan = only(tmp_path)
    assert score(scan) <= 0.51
    assert scan.grid.shear_mm == pytest.approx(np.hypot(0.4, 0.9), rel=1e-5)


def test_scaled_integers_stay_stored(tmp_path: Path) -> None:
    physical = world_volume(STRAIGHT)
    stored = np.rint((physical + 1000) / 0.25).astype("i2")
    write(tmp_path / "a.nii", stored, STRAIGHT, slope=0.25, intercept=-1000.0)
    scan = only(tmp_path)
    np.testing.assert_array_equal(scan.stored, stored)
    assert (scan.slope[0], scan.intercept[0]) == (0.25, -1000.0)
    assert score(scan) <= 0.13


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_no_slope_means_no_scaling(slope: float, tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "a.nii", stored, STRAIGHT, slope=slope, intercept=5.0)
    assert score(only(tmp_path)) <= 0.51


def test_a_slope_that_is_no_number_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    assert not any("scl_slope" in note for note in discover(tmp_path).scans[0].notes)
    patch(path, 112, np.array([np.nan, 5.0], "<f4").tobytes())
    (found,) = discover(tmp_path).scans
    assert "scl_slope is nan: values are taken as stored" in found.notes
    scan = load_found(found)
    assert (scan.slope[0], scan.intercept[0]) == (1.0, 0.0)


def test_lengths_in_metres_or_micrometres_are_converted(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    scale = np.diag([1e-3, 1e-3, 1e-3, 1.0])
    image.set_sform(scale @ STRAIGHT, 1)
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "a.nii")
    assert score(only(tmp_path)) <= 0.52


def test_four_dimensions_give_a_scan_each(tmp_path: Path) -> None:
    first = np.rint(world_volume(STRAIGHT)).astype("i2")
    second = first.copy()
    second[:, :, 5] = 0
    write(tmp_path / "a.nii.gz", np.stack([first, second], axis=-1), STRAIGHT)
    listing = discover(tmp_path)
    assert [found.id for found in listing.scans] == ["a_v000", "a_v001"]
    assert [found.missing for found in listing.scans] == [(), (5,)]
    assert [found.source.n_volumes for found in listing.scans] == [2, 2]
    for found in listing.scans:
        assert score(load_found(found)) <= 0.51


def test_nan_slices_are_gaps(tmp_path: Path) -> None:
    stored = world_volume(STRAIGHT).astype("f4")
    stored[:, :, 3:5] = np.nan
    write(tmp_path / "a.nii", stored, STRAIGHT)
    scan = only(tmp_path)
    assert scan.missing == (3, 4)
    assert score(scan) <= 0.01


@pytest.mark.parametrize("keep", [0.2, 0.7, 0.99])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_cut_short_is_refused(name: str, keep: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / name, rng.integers(0, 900, (16, 14, 12)).astype("i2"), STRAIGHT)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(keep * len(content))])
    (refusal,) = discover(tmp_path).refused
    assert "cut short" in refusal.reason or "cannot be read" in refusal.reason


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "a.nii.gz", stored, STRAIGHT)
    content = bytearray((tmp_path / "a.nii.gz").read_bytes())
    content[-6] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(content)
    (refusal,) = discover(tmp_path).refused
    assert "damaged" in refusal.reason


@pytest.mark.parametrize(("family", "least"), [(nib.Nifti1Image, 352), (nib.Nifti2Image, 544)])
def test_values_inside_the_header_are_refused(family: type, least: int, tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    path = write(tmp_path / "a.nii", stored, STRAIGHT, family=family)
    for offset in (0, least - 2):
        if family is nib.Nifti1Image:
            patch(path, 108, np.array([offset], "<f4").tobytes())
        else:
            patch(path, 168, np.array([offset], "<i8").tobytes())
        (refusal,) = discover(tmp_path).refused
        assert f"vox_offset is {offset}" in refusal.reason
        assert f"before byte {least}" in refusal.reason


@pytest.mark.parametrize("offset", [np.nan, np.inf, 360.5])
def test_an_offset_that_is_no_place_is_refused(offset: float, tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    patch(path, 108, np.array([offset], "<f4").tobytes())
    (refusal,) = discover(tmp_path).refused
    assert "vox_offset" in refusal.reason


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_bytes_behind_the_values_are_noted(name: str, tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    content = write(tmp_path / "a.nii", stored, STRAIGHT).read_bytes() + b"surplus"
    (tmp_path / "a.nii").unlink()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    scan = only(tmp_path)
    assert score(scan) <= 0.51
    assert "7 bytes behind the values are not read" in scan.notes


@pytest.mark.parametrize(
    "endings", [("", ".gz"), (".gz", ".gz"), (".gz", ""), (".bz2", ".bz2")], ids="-".join
)
def test_compressed_pairs(endings: tuple[str, str], tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "in" / "a.img", stored, STRAIGHT, family=nib.Nifti1Pair)
    packers = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}
    for suffix, ending in zip((".hdr", ".img"), endings, strict=True):
        content = (tmp_path / "in" / f"a{suffix}").read_bytes()
        (tmp_path / f"a{suffix}{ending}").write_bytes(packers[ending](content))
        (tmp_path / "in" / f"a{suffix}").unlink()
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert (found.id, found.n_files, listing.set_aside) == ("a", 2, ())
    assert score(load_found(found)) <= 0.51
    (tmp_path / f"a.hdr{endings[0]}").unlink()
    (refusal,) = discover(tmp_path).refused
    assert ".hdr file is not beside it" in refusal.reason


def test_a_plain_pair_and_a_compressed_one_of_the_same_name_are_two(tmp_path: Path) -> None:
    plain = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "a.img", plain, STRAIGHT, family=nib.Nifti1Pair)
    for suffix in (".hdr", ".img"):
        content = (tmp_path / f"a{suffix}").read_bytes()
        (tmp_path / f"a{suffix}.gz").write_bytes(gzip.compress(content))
    write(tmp_path / "a.img", plain + np.int16(100), STRAIGHT, family=nib.Nifti1Pair)
    first, second = (load_found(found) for found in discover(tmp_path).scans)
    np.testing.assert_array_equal(first.stored, second.stored + 100)


def test_bzip2_is_read_and_its_checksum_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    packed = bytearray(bz2.compress(path.read_bytes()))
    path.unlink()
    (tmp_path / "a.nii.bz2").write_bytes(packed)
    scan = only(tmp_path)
    assert (scan.id, score(scan) <= 0.51) == ("a", True)
    packed[len(packed) // 2] ^= 1
    (tmp_path / "a.nii.bz2").write_bytes(packed)
    (refusal,) = discover(tmp_path).refused
    assert "damaged" in refusal.reason


def test_names_that_lie_about_compression_are_read_by_content(tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "in.nii", stored, STRAIGHT)
    content = (tmp_path / "in.nii").read_bytes()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "plain.nii.gz").write_bytes(content)
    (tmp_path / "b" / "zipped.nii").write_bytes(gzip.compress(content))
    assert [len(found.missing) for found in discover(tmp_path / "b").scans] == [0, 0]


@pytest.mark.parametrize(
    ("shape", "words"), [((20, 20), "single slice"), ((20, 20, 1), "single slice")]
)
def test_pictures_are_set_aside(shape: tuple[int, ...], words: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "a.nii", rng.integers(0, 900, shape).astype("i2"), STRAIGHT)
    listing = discover(tmp_path)
    assert not listing.refused
    assert words in listing.set_aside[0].reason


def test_a_constant_volume_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", np.full((4, 5, 6), 7, "i2"), STRAIGHT)
    assert "same value" in discover(tmp_path).set_aside[0].reason


@pytest.mark.parametrize(
    ("offset", "data", "words"),
    [
        (344, b"zzz\0", "magic"),
        (70, b"\x00\x70", "data type"),
        (40, b"\x09\x00", "impossible dimensions"),
        (42, b"\xff\xff", "impossible dimensions"),
        (42, b"\xff\x7f", "cut short"),
        (112, b"\x00\x00\x80\x3f\x00\x00\x80\x7f", "scl_slope"),
        (280, b"\x00" * 48, "cannot be inverted"),
        (70, b"\x80\x00", "no scalar"),
        (70, b"\x20\x00", "no scalar"),
    ],
)
def test_faulty_headers_are_refused(offset: int, data: bytes, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    patch(path, offset, data)
    (refusal,) = discover(tmp_path).refused
    assert words in refusal.reason


def test_the_error_names_the_file_and_not_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"no header")
    with pytest.raises(ReadError) as caught:
        read_nifti(tmp_path / "a.nii")
    assert caught.value.where == "a.nii"
