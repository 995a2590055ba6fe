"""Planted faults in an output folder are found, each by name, and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.pipeline import RunOptions, run_pipeline
from medgan.pipeline.written import read_outputs
from medgan.record import ScanRecord, dump
from medgan.scans.atomic import sha256_of
from medgan.scans.dciodvfy import is_installed
from medgan.scans.validate_folder import ScanCheck, validate_folder
from medgan.scans.validate_source import Sources, is_ordered_part
from tests.cli.small_scans import write_scan
from tests.scans.series import make_series, save, without

COVERS = ("sidecars", "validate_files", "validate_source")

NIFTI, SERIES = "ct/4_test_stack.nii.gz", "ct/4_test_stack"
SIDECAR, MASK = "ct/4_test_stack.json", "ct/4_test_stack_mask.nii.gz"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `in` of a CT and a NIfTI file with gaps, and `out` with both of them restored."""
    place = tmp_path_factory.mktemp("made")
    save(without(make_series(), 4, 5), place / "in" / "ct")
    write_scan(place / "in" / "mr.nii.gz", gaps=(8, 9))
    settings = ["restore.model=none", "export.formats=[nifti, dicom]"]
    options = RunOptions(workers=0)
    summary = run_pipeline("restore_folder", place / "in", place / "out", settings, options)
    assert summary.exit_code == 0
    return place


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "out", tmp_path / "out"))


def faults(out: Path, source: Path | None = None, *, is_honest: bool = True) -> list[str]:
    """What is found; `is_honest`: the sidecar still has the hash that was written."""
    if not is_honest:
        _forget_hashes(out)
    sources = None if source is None else Sources(source)
    checks = validate_folder(out, lambda record: sources, must_find=source is not None)
    return [fault for check in checks for fault in check.faults]


def _forget_hashes(out: Path) -> None:
    """Take the hashes of files out of a sidecar: contents alone have to tell."""
    document = json.loads((out / SIDECAR).read_text())
    (out / SIDECAR).write_text(dump(document | {"output_hashes": {}}))


def rewrite(path: Path, change: Callable[[pydicom.Dataset], None]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def change_voxel(path: Path, index: tuple[int, int, int]) -> None:
    image = nib.load(path)
    values = np.asanyarray(image.dataobj.get_unscaled()).copy()
    values[index] ^= 1
    raw = bytearray(gunzipped(path))
    raw[352:] = values.tobytes(order="F")
    path.write_bytes(bytes(raw) if path.suffix == ".nii" else zipped(bytes(raw)))


def gunzipped(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes())


def zipped(data: bytes) -> bytes:
    import gzip

    return gzip.compress(data)


def by_id(checks: list[ScanCheck], name: str) -> ScanCheck:
    (found,) = [check for check in checks if check.id == name]
    return found


def test_what_was_written_is_as_it_was_written(made: Path) -> None:
    sources = Sources(made / "in")
    told = read_outputs(made / "out")
    checks = list(validate_folder(made / "out", lambda r: sources, told, must_find=True))
    assert [check.faults for check in checks] == [(), ()]
    ct = by_id(checks, "ct/4_test_stack")
    assert (ct.measured, ct.made, ct.is_compared) == (2 * 10, 2 * 2, True)
    assert by_id(checks, "mr").measured == 2 * 18


@pytest.mark.parametrize("is_honest", [True, False])
def test_one_changed_pixel_is_found_in_dicom(out: Path, is_honest: bool) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.PixelData = bytes([dataset.PixelData[0] ^ 1]) + dataset.PixelData[1:]

    rewrite(out / SERIES / "0003.dcm", change)
    found = faults(out, is_honest=is_honest)
    assert f"{SERIES}/0003.dcm: measured slice 2 is not as it was" in found
    assert (f"{SERIES}/0003.dcm: was changed since it was written" in found) == is_honest


@pytest.mark.parametrize("is_honest", [True, False])
def test_one_changed_pixel_is_found_in_nifti(out: Path, is_honest: bool) -> None:
    change_voxel(out / NIFTI, (3, 2, 7))
    found = faults(out, is_honest=is_honest)
    assert f"{NIFTI}: measured slice 7 is not as it was" in found
    change_voxel(out / "mr.nii.gz", (3, 2, 8))  # a slice that was made: its hash alone tells
    assert faults(out)[-1] == "mr.nii.gz: was changed since it was written"


@pytest.mark.parametrize("moved_mm", [0.002, 1.4, 3.0])
def test_a_moved_position_is_found(made: Path, out: Path, moved_mm: float) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, f"{float(z) + moved_mm:.6g}"]

    rewrite(out / SERIES / "0003.dcm", change)
    assert f"{SERIES}/0003.dcm: was changed since it was written" in faults(out)
    assert any("0003.dcm" in fault for fault in faults(out, made / "in", is_honest=False))


def test_moved_voxels_of_a_nifti_file_are_found(out: Path) -> None:
    raw = bytearray(gunzipped(out / NIFTI))
    header = nib.Nifti1Header.from_fileobj(__import__("io").BytesIO(bytes(raw)), check=False)
    affine = header.get_best_affine()
    affine[2, 3] += 0.01
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1)
    raw[:348] = header.binaryblock
    (out / NIFTI).write_bytes(zipped(bytes(raw)))
    assert any("0.01 mm from where they were" in f for f in faults(out, is_honest=False))


def test_a_deleted_slice_is_found(out: Path) -> None:
    (out / SERIES / "0007.dcm").unlink()
    found = faults(out)
    assert f"{SERIES}/0007.dcm: is missing" in found
    assert f"{SERIES}: no slice at positions [6]" in found


def test_a_flipped_mask_is_found(out: Path) -> None:
    change_voxel(out / MASK, (0, 0, 4))
    assert f"{MASK}: the mask of slices [4] is wrong" in faults(out, is_honest=False)
    change_voxel(out / MASK, (0, 0, 4))
    change_voxel(out / MASK, (5, 5, 1))
    assert f"{MASK}: the mask of slices [1] is wrong" in faults(out, is_honest=False)


@pytest.mark.parametrize(("name", "mark"), [("0005.dcm", "NO"), ("0004.dcm", "YES")])
def test_a_wrong_mark_is_found(out: Path, name: str, mark: str) -> None:
    rewrite(out / SERIES / name, lambda dataset: setattr(dataset, "SyntheticData", mark))
    meant = {"NO": "YES", "YES": "NO"}[mark]
    wanted = f"{SERIES}/{name}: Synthetic Data (0008,001C) is {mark}, {meant} meant"
    assert wanted in faults(out, is_honest=False)


@pytest.mark.parametrize("name", [f"{SERIES}/0003.dcm", NIFTI])
def test_a_truncated_file_is_found(out: Path, name: str) -> None:
    data = (out / name).read_bytes()
    (out / name).write_bytes(data[: len(data) // 2])
    assert f"{name}: was changed since it was written" in faults(out)
    assert any(f.startswith(f"{name}: cannot be read back") for f in faults(out))


def test_a_sidecar_of_another_scan_is_found(out: Path) -> None:
    shutil.copy(out / "mr.json", out / SIDECAR)
    found = faults(out)
    assert "it is the sidecar of another scan, mr" in found
    assert f"{NIFTI}: no sidecar names it" in found


def test_a_sidecar_with_the_hashes_of_another_scan_is_found(made: Path, out: Path) -> None:
    document = json.loads((out / SIDECAR).read_text())
    other = json.loads((out / "mr.json").read_text())["measured_hashes"]
    document["measured_hashes"] = {
        key: other[key if key in other else "0"] for key in document["measured_hashes"]
    }
    (out / SIDECAR).write_text(dump(document))
    found = faults(out, made / "in")
    assert any("holds other slices" in fault for fault in found)
    assert f"{NIFTI}: measured slice 0 is not as it was" in found


@pytest.mark.parametrize("text", ["", "{", '{"id": 3, "status": 1, "outputs": 1}', "[1]", "{}"])
def test_a_damaged_sidecar_is_found(out: Path, text: str) -> None:
    (out / SIDECAR).write_text(text)
    found = faults(out)
    assert any(f.startswith(f"{NIFTI}: no sidecar") for f in found)
    told = [f for c in validate_folder(out, written={SIDECAR: "0"}) for f in c.faults]
    assert len(told) > len(found) or any("it cannot be read" in f for f in found)


def test_the_ledger_knows_what_has_gone_without_a_trace(out: Path) -> None:
    told = read_outputs(out)
    for name in [name for name in told if name.startswith("ct/")]:
        (out / name).unlink()
    found = [f for check in validate_folder(out, written=told) for f in check.faults]
    assert f"{SIDECAR}: is missing" in found
    document = json.loads((out / "mr.json").read_text())
    (out / "mr.json").write_text(dump(document | {"notes": ["all is well"]}))
    found = [f for check in validate_folder(out, written=told) for f in check.faults]
    assert "mr.json: was changed since it was written" in found


def test_a_source_that_has_changed_is_found(made: Path, out: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(made / "in", tmp_path / "in"))
    assert faults(out, source) == []
    path = sorted((source / "ct").iterdir())[2]
    rewrite(path, lambda d: setattr(d, "PixelData", d.PixelData[:-1] + b"\x07"))
    assert any("it has changed" in fault for fault in faults(out, source))
    shutil.rmtree(source / "ct")
    assert faults(out, source) == ["its source was not found"]


def test_a_source_is_found_by_content_whatever_it_is_called(
    made: Path, out: Path, tmp_path: Path
) -> None:
    source = tmp_path / "elsewhere"
    shutil.copytree(made / "in" / "ct", source / "x" / "y")
    shutil.copy(made / "in" / "mr.nii.gz", source / "renamed.nii.gz")
    sources = Sources(source)
    checks = list(validate_folder(out, lambda record: sources, must_find=True))
    assert all(check.is_compared and not check.faults for check in checks)


def test_a_file_that_a_sidecar_puts_elsewhere_is_not_touched(out: Path) -> None:
    document = json.loads((out / "mr.json").read_text())
    outputs = [*document["outputs"], "../secret.nii"]
    (out / "mr.json").write_text(dump(document | {"outputs": outputs}))
    assert "../secret.nii: lies outside of the folder" in faults(out)


@pytest.mark.skipif(not is_installed(), reason="dciodvfy is not installed (Debian: dicom3tools)")
def test_an_error_that_dciodvfy_does_not_know_from_the_source_is_a_fault(
    made: Path, out: Path
) -> None:
    rewrite(out / SERIES / "0005.dcm", lambda dataset: delattr(dataset, "SliceThickness"))
    found = faults(out, made / "in", is_honest=False)
    assert [f for f in found if "0005.dcm: dciodvfy: Error" in f and "SliceThickness" in f]
    assert not [f for f in faults(out) if "dciodvfy" in f]  # who knows what the source had


def test_sidecars_say_what_was_written(made: Path) -> None:
    record = ScanRecord.from_json(json.loads((made / "out" / SIDECAR).read_text()))
    assert record.synthetic == (4, 5)
    assert record.stored_type == "uint16"
    assert record.volume is None
    assert np.allclose(record.affine, nib.load(made / "out" / NIFTI).affine, atol=1e-5)
    assert set(record.output_hashes) == set(record.outputs) - {SIDECAR}
    for name, told in record.output_hashes.items():
        assert sha256_of(made / "out" / name) == told


@pytest.mark.parametrize(
    ("part", "is_part"), [("", True), ("ac", True), ("abc", True), ("ca", False), ("ad", False)]
)
def test_parts_in_order(part: str, is_part: bool) -> None:
    assert is_ordered_part(part, "abc") == is_part
