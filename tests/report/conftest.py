"""Records and a context as a run would hand them over."""

import pytest

from medgan.record import Candidate, Failure, FilledSlice, Interval, ScanRecord
from medgan.report import Column, Listed, ModelUse, ReportContext, Table

HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}"


def restored(id: str = "HFS/3_t1", psnr_db: float = 31.0, grade: str = "good") -> ScanRecord:
    estimate = Interval(psnr_db, psnr_db - 2, psnr_db + 1.5)
    return ScanRecord(
        id=id,
        status="restored",
        format="dicom",
        modality="mr",
        shape=(64, 64, 12),
        spacing_mm=(1.0, 1.0, 4.8),
        orientation="PIR",
        ruler="||||..|||.||",
        missing=(4, 5, 9),
        missing_instances=(5, 6, 10),
        filled=tuple(
            FilledSlice(p, (0.0, 1.0, 4.8 * p), p + 1, 1, grade, estimate, Interval(0.9, 0.8, 0.95))
            for p in (4, 5, 9)
        ),
        candidates=(
            Candidate("slices-faithful", 0.7, 31.5, 0.91),
            Candidate("mixture", 1.0, 32.0, 0.92),
            Candidate("linear", 0.3, 29.5, 0.88),
        ),
        n_hidden=6,
        model={"name": "slices-faithful", "sha256": "ab" * 32},
        measured_hashes={str(p): "cd" * 32 for p in (0, 1, 2, 3, 6, 7, 8, 10, 11)},
        outputs=("HFS/3_t1/0001.dcm",),
    )


def failed(id: str = "brain/t2") -> ScanRecord:
    failure = Failure("restore", "RestoreError", "the gap is too wide", id, "Give --force.")
    return ScanRecord(id=id, status="failed", format="nifti", modality="mr", failure=failure)


@pytest.fixture
def context() -> ReportContext:
    figures = Table(
        "Real beside virtual", (Column("set"), Column("KID", "", "down")), (("a", 1.5),)
    )
    return ReportContext(
        title="Restored scans",
        command="medgan restore scans -o out",
        settings={"model": "slices-faithful", "stages": ["index", "restore", "export", "validate"]},
        versions={"medgan": "0.1.0", "torch": "2.13.0"},
        models=(ModelUse("slices-faithful", "ab" * 32, "CC-BY-SA-4.0"),),
        refused=(Listed(("broken.dcm",), "the file ends inside the pixel data"),),
        set_aside=(Listed(("note.txt",), "no scan"),),
        synthesis=figures,
    )
