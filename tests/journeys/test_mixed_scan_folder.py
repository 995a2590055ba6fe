"""A messy folder of real series with slices missing: what its README says is missing is filled."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from tests.cli.conftest import Run

# README of the data set: instance numbers that were taken away, and x of the slices (LPS mm).
TRUTH = {
    "HFS/3_t1_fl2d_sag": ([13, 22], [-24.0, 19.2]),
    "HFP/2_t1_fl2d_sag": ([17, 18], [-4.8, 0.0]),
}
SET_ASIDE = ("HFDR/", "HFS/4_ep2d_diff_mddw_20_p2/", "HFS/HFS.txt", "HFP/HFP.txt")


@pytest.fixture(scope="module")
def restored(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from typer.testing import CliRunner

    from medgan.cli.app import app

    source, out = data_dir / "mixed_scan_folder", tmp_path_factory.mktemp("mixed") / "out"
    words = ["restore", str(source), "-o", str(out), "--format", "nifti,dicom"]
    result = CliRunner().invoke(app, [*words, "--model", "none", "--workers", "0"])
    assert result.exit_code == 0, result.output
    return out


def series_of(folder: Path) -> dict[tuple[str, ...], pydicom.Dataset]:
    """Slices by position as it stands in the file, to the micrometre."""
    slices = {}
    for path in folder.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        slices[tuple(f"{float(x):.3f}" for x in dataset.ImagePositionPatient)] = dataset
    return slices


def stem_of(out: Path, place: str) -> Path:
    (sidecar,) = (out / place).glob("*.json")
    return sidecar.with_suffix("")


@pytest.mark.parametrize("place", TRUTH)
def test_exactly_the_missing_slices_are_filled(restored: Path, place: str) -> None:
    record = json.loads(Path(f"{stem_of(restored, place)}.json").read_text())
    instances, x_mm = TRUTH[place]
    assert sorted(filled["instance"] for filled in record["filled"]) == instances
    # Records are in RAS: x changes its sign.
    assert sorted(-filled["world_mm"][0] for filled in record["filled"]) == pytest.approx(
        x_mm, abs=0.01
    )


@pytest.mark.parametrize("place", TRUTH)
def test_measured_slices_are_bit_identical_in_dicom(
    restored: Path, data_dir: Path, place: str
) -> None:
    before = series_of(data_dir / "mixed_scan_folder" / place)
    after = series_of(stem_of(restored, place))
    assert len(after) == len(before) + 2
    for position, dataset in before.items():
        assert after[position].PixelData == dataset.PixelData
        assert after[position].get("SyntheticData", "NO") == "NO"
    made = [dataset for position, dataset in after.items() if position not in before]
    assert {dataset.SyntheticData for dataset in made} == {"YES"}
    x_mm = sorted(float(dataset.ImagePositionPatient[0]) for dataset in made)
    assert x_mm == pytest.approx(TRUTH[place][1], abs=0.01)


@pytest.mark.parametrize("place", TRUTH)
def test_measured_slices_are_bit_identical_in_nifti(
    restored: Path, data_dir: Path, place: str
) -> None:
    image = nib.load(f"{stem_of(restored, place)}.nii.gz")
    stored = np.asarray(image.dataobj.get_unscaled())
    inverse = np.linalg.inv(image.affine)
    for dataset in series_of(data_dir / "mixed_scan_folder" / place).values():
        x, y, z = map(float, dataset.ImagePositionPatient)
        i, j, k = np.rint(inverse @ [-x, -y, z, 1])[:3].astype(int)
        assert (i, j) == (0, 0)
        assert np.array_equal(stored[:, :, k], dataset.pixel_array.T)


def test_what_is_no_stack_is_set_aside_by_name(restored: Path) -> None:
    document = json.loads((restored / "report.json").read_text())
    names = [name for entry in document["set_aside"] for name in entry["files"]]
    assert len(names) == 5
    assert {prefix for prefix in SET_ASIDE for name in names if name.startswith(prefix)} == set(
        SET_ASIDE
    )
    assert all(entry["reason"] for entry in document["set_aside"])


def test_run_and_restore_are_one_road(
    restored: Path, data_dir: Path, medgan: Run, tmp_path: Path
) -> None:
    source, out = data_dir / "mixed_scan_folder", tmp_path / "out"
    settings = ("--set", "restore.model=none", "--set", "export.formats=[nifti,dicom]")
    result = medgan("run", "restore_folder", source, "-o", out, *settings, "--workers", 0)
    assert result.exit_code == 0, result.output
    for path in out.rglob("*"):
        name = path.relative_to(out)
        if path.is_file() and ".medgan" not in name.parts and not name.name.startswith("report."):
            assert path.read_bytes() == (restored / name).read_bytes()


def test_no_name_of_the_person_is_in_any_text_of_ours(restored: Path) -> None:
    # The person's ID in every file of this data set, and the institution.
    for path in restored.rglob("*"):
        if path.suffix in {".json", ".html", ".jsonl"}:
            text = path.read_text(encoding="utf-8")
            assert "crlab" not in text
            assert "Prisma Health" not in text
