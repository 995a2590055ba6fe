"""What headers and file names say never leads out of OUT, nor becomes an odd name inside it."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path, PureWindowsPath

import numpy as np
import pydicom
import pytest
from pydicom import DataElement
from pydicom.dataset import Dataset

from medgan.scans import discover
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan
from tests.scans.hostile_names import HOSTILE
from tests.scans.series import make_series, save
from tests.scans.test_segmentation_read import write_seg

PATIENT_NAME, PATIENT_ID, STUDY_ID = 0x00100010, 0x00100020, 0x00200010
STUDY_UID, SERIES_UID, NUMBER, DESCRIPTION = 0x0020000D, 0x0020000E, 0x00200011, 0x0008103E
FRAME_UID, MODALITY, PROTOCOL = 0x00200052, 0x00080060, 0x00181030
TEXTS = (PATIENT_NAME, PATIENT_ID, STUDY_ID, DESCRIPTION, PROTOCOL)
KEYS = (STUDY_UID, SERIES_UID, NUMBER, FRAME_UID)

WORST = ("../../x", "/etc/x", "-rf", ".hidden", "a\nb", "\u202egnp", "CON", "x" * 300, "..\\x")


def spoil(dataset: Dataset, text: str, tags: tuple[int, ...]) -> None:
    """Put a text where the standard wants a number or UID; written as it is."""
    for tag in tags:
        dataset[tag] = DataElement(tag, "LT", text)


def series(folder: Path, text: str, tags: tuple[int, ...]) -> None:
    """A series with a gap whose headers hold that text."""
    datasets = make_series(n=8, rows=16, columns=16)
    for dataset in datasets:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        spoil(dataset, text, tags)
    save(datasets[:4] + datasets[5:], folder)


def segmentation(folder: Path, text: str) -> None:
    mask = np.zeros((4, 10, 14), np.uint8)
    mask[1:3, 3:6, 4:8] = 1
    mask[1:3, 6:8, 4:8] = 2
    path = write_seg(folder, mask)
    dataset = pydicom.dcmread(path)
    spoil(dataset, text, (NUMBER, DESCRIPTION))
    dataset.save_as(path)


def volume(folder: Path, text: str) -> None:
    """A NIfTI file of that name, in a folder of that name, as far as the disk allows."""
    name = text.replace("/", "\u2215").replace("\0", "")[:60]
    with contextlib.suppress(OSError):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_scan(folder / name / f"{name}.nii.gz", gaps=(8,))


def is_safe(name: str) -> bool:
    plain = re.fullmatch(r"\.medgan|\.bidsignore|[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    return plain is not None and len(name) < 200 and not PureWindowsPath(name).is_reserved()


def below(folder: Path) -> set[str]:
    return {
        (Path(at) / name).relative_to(folder).as_posix()
        for at, folders, names in os.walk(folder)
        for name in (*folders, *names)
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans whose names and headers hold the worst of all texts."""
    root = tmp_path_factory.mktemp("hostile") / "in"
    for n, text in enumerate(WORST):
        series(root / "texts" / f"t{n}", text, TEXTS)
        series(root / "keys" / f"k{n}", text, KEYS)
        segmentation(root / "segmentations" / f"s{n}", text)
        volume(root / "volumes", text)
    return root


def test_every_id_is_a_path_that_stays_inside(tmp_path: Path) -> None:
    for n, text in enumerate(HOSTILE):
        segmentation(tmp_path / f"{n:02d}", text)
        volume(tmp_path / "volumes", text)
    found = discover(tmp_path).scans
    assert len(found) > len(HOSTILE)
    for scan in found:
        assert not scan.id.startswith("/")
        assert [part for part in scan.id.split("/") if not is_safe(part)] == []


@pytest.mark.parametrize("form", ["nifti,dicom", "bids"])
def test_every_writer_stays_inside_out_and_uses_safe_names(
    medgan: Run, hostile: Path, tmp_path: Path, form: str
) -> None:
    before = below(hostile.parent)
    out = tmp_path / "a" / "b" / "out"
    result = medgan(
        *("restore", hostile, "-o", out, "--format", form, "--copy-complete"),
        *("--model", "none", "--workers", 0),
    )
    assert result.exit_code in (0, 3), result.output
    assert "internal error" not in result.output
    written = below(out)
    assert len([name for name in written if name.endswith((".nii.gz", ".dcm"))]) > 2 * len(WORST)
    assert [name for name in written if not all(map(is_safe, Path(name).parts))] == []
    assert below(tmp_path) == {"a", "a/b", "a/b/out"} | {f"a/b/out/{name}" for name in written}
    assert below(hostile.parent) == before
    for line in result.output.splitlines():
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", line)


def test_pictures_and_pages_hold_no_markup_of_names(
    medgan: Run, hostile: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    series(source / "t", "<script>alert(1)</script>", TEXTS)
    name = "<img src=x onerror=alert(1)>"
    write_scan(source / f"{name}.nii.gz", gaps=(8,))
    result = medgan(*("restore", source, "-o", tmp_path / "out", "--model", "none", "--workers", 0))
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page.lower()
    assert "<img src=x" not in page
