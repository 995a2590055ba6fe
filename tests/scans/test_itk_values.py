"""Values behind NRRD and MetaImage headers written by hand: whole and undamaged, or refused."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest

from medgan.scans import Scan, discover, load_found
from tests.scans.series import score
from tests.scans.volumes import STRAIGHT, world_volume

STORED = np.rint(world_volume(STRAIGHT)).astype("<i2")
RAW = STORED.tobytes(order="F")
WHERE = "(1.5,0,0) (0,1.25,0) (0,0,3)"
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 16 14 12\nspace: left-posterior-superior\n"
META = "ObjectType = Image\nNDims = 3\nDimSize = 16 14 12\nElementType = MET_SHORT\n"


def nrrd(
    path: Path, data: bytes, more: str = "endian: little\nencoding: raw", **other: str
) -> Path:
    """Write a header, and the values behind it unless `file` names where they are."""
    origin = other.get("origin", "space origin: (-12,-9,-16)\n")
    world = f"space directions: {other.get('where', WHERE)}\n{origin}"
    beside = f"data file: {other['file']}\n" if "file" in other else ""
    path.write_bytes(f"{NRRD}{world}{more}\n{beside}\n".encode() + (b"" if beside else data))
    if beside:
        path.with_name(other["file"]).write_bytes(data)
    return path


def meta(path: Path, data: bytes, more: str = "", **other: str) -> Path:
    """Write a header, and the values behind it unless `file` names where they are."""
    fields = {
        "BinaryDataByteOrderMSB": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "-12 -9 -16",
        "ElementSpacing": "1.5 1.25 3",
        **other,
    }
    beside = fields.pop("file", "")
    lines = "".join(f"{key} = {value}\n" for key, value in fields.items() if value)
    text = f"{META}{lines}{more}ElementDataFile = {beside or 'LOCAL'}\n"
    path.write_bytes(text.encode() + (b"" if beside else data))
    if beside:
        path.with_name(beside).write_bytes(data)
    return path


def only(path: Path) -> Scan:
    listing = discover(path)
    assert not listing.refused, listing.refused
    (found,) = listing.scans
    return load_found(found)


def reason(path: Path) -> str:
    listing = discover(path)
    assert not listing.scans
    return listing.refused[0].reason


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_the_headers_of_this_file_are_read_right(tmp_path: Path) -> None:
    for scan in (only(nrrd(tmp_path / "a.nrrd", RAW)), only(meta(tmp_path / "a.mha", RAW))):
        np.testing.assert_array_equal(scan.stored, STORED)
        assert score(scan) <= 0.51
        assert not any("origin" in note or "behind" in note for note in scan.notes)


@pytest.mark.parametrize("at", [40, -3])
def test_one_flipped_bit_in_compressed_values_is_refused(at: int, tmp_path: Path) -> None:
    packed, inflatable = gzip.compress(RAW), zlib.compress(RAW)
    more = "endian: little\nencoding: gzip"
    assert score(only(nrrd(tmp_path / "a.nrrd", packed, more))) <= 0.51
    assert "damaged" in reason(nrrd(tmp_path / "a.nrrd", flipped(packed, at - 3 * (at < 0)), more))
    (tmp_path / "a.nrrd").unlink()
    size = f"CompressedData = True\nCompressedDataSize = {len(inflatable)}\n"
    for name, other in (("b.mha", {}), ("b.mhd", {"file": "b.zraw"})):
        assert score(only(meta(tmp_path / name, inflatable, size, **other))) <= 0.51
        assert "damaged" in reason(meta(tmp_path / name, flipped(inflatable, at), size, **other))


def test_a_wrong_checksum_is_named(tmp_path: Path) -> None:
    """Behind values that all inflate: nothing but the checksum tells."""
    packed = flipped(gzip.compress(RAW), -6)
    text = reason(nrrd(tmp_path / "a.nrrd", packed, "endian: little\nencoding: gzip"))
    assert "checksum is wrong" in text
    inflatable = flipped(zlib.compress(RAW), -2)
    text = reason(meta(tmp_path / "a.mha", inflatable, "CompressedData = True\n"))
    assert "checksum is wrong" in text


@pytest.mark.parametrize("n_bytes", [100, -100])
def test_compressed_values_of_another_length_are_refused(n_bytes: int, tmp_path: Path) -> None:
    data = RAW + bytes(n_bytes) if n_bytes > 0 else RAW[:n_bytes]
    text = reason(meta(tmp_path / "a.mha", zlib.compress(data), "CompressedData = True\n"))
    assert ("more of them" if n_bytes > 0 else "cut short") in text


def test_a_compressed_stream_that_ends_early_is_refused(tmp_path: Path) -> None:
    inflatable = zlib.compress(RAW)[:-3]
    text = reason(meta(tmp_path / "a.mha", inflatable, "CompressedData = True\n"))
    assert "cut short" in text
    packed = gzip.compress(RAW)[:-3]
    (tmp_path / "a.mha").unlink()
    text = reason(nrrd(tmp_path / "a.nrrd", packed, "encoding: gzip\nendian: little"))
    assert "cut short" in text


def test_a_raw_file_longer_than_its_matrix_is_refused_unless_its_place_is_said(
    tmp_path: Path,
) -> None:
    longer = b"head" * 25 + RAW
    for size in ("", "HeaderSize = 0\n"):
        text = reason(meta(tmp_path / "a.mhd", longer, size, file="a.raw"))
        assert "100 bytes longer" in text
    for size in ("HeaderSize = 100\n", "HeaderSize = -1\n"):
        assert score(only(meta(tmp_path / "a.mhd", longer, size, file="a.raw"))) <= 0.51
    (tmp_path / "a.mhd").unlink()
    plain = "endian: little\nencoding: raw"
    assert "100 bytes longer" in reason(nrrd(tmp_path / "a.nhdr", longer, plain, file="a.raw"))
    for skip in ("100", "-1"):
        more = f"{plain}\nbyte skip: {skip}"
        assert score(only(nrrd(tmp_path / "a.nhdr", longer, more, file="a.raw"))) <= 0.51
    more = "endian: little\nencoding: gzip\nbyteskip: 100"
    packed = gzip.compress(longer)
    assert score(only(nrrd(tmp_path / "a.nhdr", packed, more, file="a.raw"))) <= 0.51
    more = f"{plain}\nline skip: 2"
    assert score(only(nrrd(tmp_path / "a.nhdr", b"x\ny\n" + RAW, more, file="a.raw"))) <= 0.51


def test_bytes_behind_the_values_are_noted(tmp_path: Path) -> None:
    for scan in (
        only(nrrd(tmp_path / "a.nrrd", RAW + b"tail")),
        only(meta(tmp_path / "a.mha", RAW + b"tail")),
    ):
        assert score(scan) <= 0.51
        assert "4 bytes behind the values are not read" in scan.notes


@pytest.mark.parametrize("order", ["little", "big"])
def test_either_byte_order(order: str, tmp_path: Path) -> None:
    data = STORED.astype(f"{'<' if order == 'little' else '>'}i2").tobytes(order="F")
    more = f"endian: {order}\nencoding: raw"
    assert score(only(nrrd(tmp_path / "a.nrrd", data, more))) <= 0.51
    said = str(order == "big")
    scan = only(meta(tmp_path / "a.mha", data, BinaryDataByteOrderMSB=said))
    assert score(scan) <= 0.51
    assert scan.stored.dtype == np.dtype("i2")


def test_a_byte_order_that_is_not_said_is_noted(tmp_path: Path) -> None:
    scan = only(meta(tmp_path / "a.mha", RAW, BinaryDataByteOrderMSB=""))
    assert any("no byte order" in note for note in scan.notes)


def test_values_as_text(tmp_path: Path) -> None:
    words = " ".join(map(str, STORED.ravel(order="F"))).encode()
    assert score(only(nrrd(tmp_path / "a.nrrd", words, "encoding: ascii"))) <= 0.51
    more = "encoding: ascii\nbyte skip: 3"
    assert score(only(nrrd(tmp_path / "a.nrrd", b"99 " + words, more))) <= 0.51
    assert score(only(meta(tmp_path / "a.mha", words, BinaryData="False"))) <= 0.51
    (tmp_path / "a.nrrd").unlink()
    assert "cut short" in reason(meta(tmp_path / "a.mha", words[:-20], BinaryData="False"))
    for word in (b"70000", b"1.5", b"x"):
        odd = word + words[words.index(b" ") :]
        assert "no numbers of its type" in reason(meta(tmp_path / "a.mha", odd, BinaryData="False"))


def test_a_header_without_end_is_none(tmp_path: Path) -> None:
    more = "endian: little\nencoding: raw\n" + "key:=value\n" * 120_000
    assert "no header" in reason(nrrd(tmp_path / "a.nrrd", RAW, more))


@pytest.mark.parametrize("name", ["bzip2", "bz2"])
def test_bzip2_is_named_as_unsupported(name: str, tmp_path: Path) -> None:
    more = f"endian: little\nencoding: {name}"
    assert "unsupported encoding" in reason(nrrd(tmp_path / "a.nrrd", bz2.compress(RAW), more))


@pytest.mark.parametrize(("unit", "mm"), [("cm", 10.0), ("m", 1000.0), ("um", 0.001)])
def test_units_of_length_are_converted(unit: str, mm: float, tmp_path: Path) -> None:
    def lengths(*numbers: float) -> list[str]:
        return [f"{number / mm:.12g}" for number in numbers]

    x, y, z = lengths(1.5, 1.25, 3)
    where, (a, b, c) = f"({x},0,0) (0,{y},0) (0,0,{z})", lengths(-12, -9, -16)
    units = f'space units: "{unit}" "{unit}" "{unit}"\nendian: little\nencoding: raw'
    origin = f"space origin: ({a},{b},{c})\n"
    spaced = {"ElementSpacing": f"{x} {y} {z}", "Offset": f"{a} {b} {c}", "DistanceUnits": unit}
    scans = [only(nrrd(tmp_path / "a.nrrd", RAW, units, where=where, origin=origin))]
    if unit != "m":
        scans.append(only(meta(tmp_path / "a.mha", RAW, **spaced)))
    for scan in scans:
        np.testing.assert_allclose(scan.affine, STRAIGHT, atol=1e-6)
        assert score(scan) <= 0.51
        assert any(f"units of {mm:g} mm" in note for note in scan.notes)


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    more = 'space units: "inch" "inch" "inch"\nendian: little\nencoding: raw'
    assert "unit of length" in reason(nrrd(tmp_path / "a.nrrd", RAW, more))
    assert "unit of length" in reason(meta(tmp_path / "a.mha", RAW, DistanceUnits="parsec"))


def test_a_lacking_spacing_is_refused_and_a_lacking_origin_noted(tmp_path: Path) -> None:
    assert "no ElementSpacing" in reason(meta(tmp_path / "a.mha", RAW, ElementSpacing=""))
    scan = only(meta(tmp_path / "a.mha", RAW, Offset=""))
    assert any("no origin" in note for note in scan.notes)
    scan = only(nrrd(tmp_path / "a.nrrd", RAW, origin=""))
    assert any("no origin" in note for note in scan.notes)


def test_a_spacing_below_zero_is_refused(tmp_path: Path) -> None:
    path = meta(tmp_path / "a.mha", RAW, ElementSpacing="1.5 -1.25 3")
    assert "make no grid" in reason(path)


def test_the_intensity_function_is_the_rescale(tmp_path: Path) -> None:
    stored = np.rint((world_volume(STRAIGHT) + 1000) / 0.25).astype("<i2")
    function = {
        "ElementToIntensityFunctionSlope": "0.25",
        "ElementToIntensityFunctionOffset": "-1000",
    }
    scan = only(meta(tmp_path / "a.mha", stored.tobytes(order="F"), **function))
    np.testing.assert_array_equal(scan.stored, stored)
    assert score(scan) <= 0.13
    assert any("0.25" in note for note in scan.notes)
    function["ElementToIntensityFunctionSlope"] = "0"
    assert "intensity function" in reason(meta(tmp_path / "a.mha", RAW, **function))


def test_a_key_of_somebodys_own_is_no_field(tmp_path: Path) -> None:
    more = 'endian: little\nencoding: raw\nspace units:="cm" "cm" "cm"'
    assert score(only(nrrd(tmp_path / "a.nrrd", RAW, more))) <= 0.51


def test_a_matrix_larger_than_memory_is_cut_short(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "a.nrrd", RAW)
    large = path.read_bytes().replace(b"16 14 12", b"900000 900000 900000")
    path.write_bytes(large)
    assert "cut short" in reason(path)
