"""What a run that de-identifies may say: no names, whatever goes wrong."""

from __future__ import annotations

import io
import json
import os
import traceback
import warnings
from pathlib import Path

import pydicom
import pytest
from rich.console import Console

from medgan.errors import MedganError, ReadError, UsageError, WriteError
from medgan.pipeline import Progress, RunOptions, RunSummary, rehearse, run_pipeline
from medgan.pipeline.export_words import series_order
from medgan.pipeline.hide import hidden_error, hide_settings, plain_trace, told_without_names
from medgan.pipeline.pseudonym import pseudonym
from medgan.pipeline.stage import Context
from medgan.record import ScanRecord
from medgan.scans import load, write_segmentation
from tests.cli.small_scans import write_scan
from tests.scans.series import make_series, save, without

COVERS = ("pseudonym",)

SALT = "0123456789abcdef"
ON = "export.deidentify=true"


@pytest.fixture(autouse=True)
def _salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDGAN_SALT", SALT)


def run(source: Path, out: Path, *overrides: str, pipeline: str = "export_folder") -> RunSummary:
    return run_pipeline(pipeline, source, out, [ON, *overrides], RunOptions(workers=0))


def _context(tmp_path: Path) -> Context:
    return Context(tmp_path / "in", tmp_path / "out", salt=SALT)


def everything(out: Path) -> str:
    """All text that a run left, names of files included."""
    files = [path for path in out.rglob("*") if path.is_file()]
    return str(files).replace(str(out), "") + "".join(
        path.read_text(errors="replace") for path in files
    )


# Texts


def test_a_pseudonym_needs_its_salt() -> None:
    assert pseudonym("scan", "Smith", SALT) == pseudonym("scan", "Smith", SALT)
    assert pseudonym("scan", "Smith", SALT) != pseudonym("scan", "Smith", SALT + "x")
    assert pseudonym("scan", "Smith", SALT) != pseudonym("file", "Smith", SALT)


def test_a_trace_says_where_and_not_what() -> None:
    try:
        try:
            int("Smith")
        except ValueError as error:
            raise KeyError("Jones") from error
    except KeyError as error:
        trace = plain_trace(error)
    assert "ValueError" in trace
    assert "KeyError" in trace
    assert "test_hide.py" in trace
    assert "Smith" not in trace
    assert "Jones" not in trace


@pytest.mark.parametrize(
    "error",
    [
        ReadError("no scan can be read: Smith/a.dcm: torn", where="/data/Smith", hint="Smith?"),
        UsageError("Smith has no gap", where="--missing, Smith/3_t1"),
        WriteError("Smith is full", where="OUT/scan-1.json"),
        ValueError("Smith"),
        OSError(2, "no such file", "/data/Smith/a.dcm"),
    ],
)
def test_no_error_names_anybody(error: Exception, tmp_path: Path) -> None:
    (tmp_path / "in" / "Smith").mkdir(parents=True)
    context = _context(tmp_path)
    with pytest.raises(MedganError) as caught, told_without_names(context):
        raise error
    shown = "".join(traceback.format_exception(caught.value))
    assert "Smith" not in str(caught.value)
    assert "Smith" not in shown
    assert caught.value.__suppress_context__


def test_libraries_do_not_warn_meanwhile(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as heard, told_without_names(_context(tmp_path)):
        warnings.warn("Smith", stacklevel=1)
        assert os.environ["PYTHONWARNINGS"] == "ignore"
    assert not heard


def test_errors_keep_the_option_or_the_output_they_are_about(tmp_path: Path) -> None:
    context = Context(None, tmp_path, salt=SALT)
    asked = hidden_error(UsageError("x", where="--missing, --insert, Smith"), context)
    assert asked.where == "--missing, --insert"
    full = hidden_error(WriteError("x", where=f"{tmp_path}/a.json"), context)
    assert full.where == f"{tmp_path}/a.json"


def test_the_name_of_a_mask_is_no_setting() -> None:
    settings = {"index": {"mask": "/data/Smith.nii", "axis": 1}, "name": "x"}
    assert hide_settings(settings) == {"index": {"mask": "MASK", "axis": 1}, "name": "x"}


# Runs


def test_a_scan_that_fails_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_scan(tmp_path / "in" / "Smith_John.nii.gz", gaps=(8,)).parent
    heard = io.StringIO()

    def fault(*given: object, **more: object) -> None:
        raise KeyError("Smith_John.nii.gz of Smith")

    monkeypatch.setattr("medgan.pipeline.stages.export.write_nifti", fault)
    progress = Progress(Console(file=heard), is_verbose=True)
    summary = run_pipeline(
        "restore_folder",
        source,
        tmp_path / "out",
        [ON, "restore.model=none"],
        RunOptions(workers=0),
        progress,
    )
    (record,) = summary.failed
    assert record.failure is not None
    assert record.failure.trace
    trace = (tmp_path / "out" / record.failure.trace).read_text()
    assert "medgan/pipeline/stages/export.py" in trace
    assert trace.endswith("KeyError\n")
    said = heard.getvalue() + everything(tmp_path / "out") + json.dumps(summary.as_json())
    assert "smith" not in said.replace(str(tmp_path), "").lower()


def test_paths_that_are_no_utf8_work_from_end_to_end(tmp_path: Path) -> None:
    place, out = tmp_path / os.fsdecode(b"Quill\xfc"), tmp_path / os.fsdecode(b"out\xfc")
    write_scan(place / "in\nner" / os.fsdecode(b"Quill\xe9.nii.gz"), gaps=(8,))
    save(without(make_series(), 4), place / "in\nner" / os.fsdecode(b"\xff\xfe"))
    for number in (1, 2):
        summary = run(
            place / "in\nner",
            out,
            "restore.model=none",
            "export.formats=[nifti, dicom]",
            pipeline="restore_folder",
        )
        assert summary.exit_code == 0, summary.failed
        assert summary.n_up_to_date == (0 if number == 1 else 3)
    assert "quill" not in everything(out).lower()


def test_results_of_paths_that_are_no_utf8_are_found_again(tmp_path: Path) -> None:
    """Without de-identification too: what the ledger holds of them has to be readable."""
    source = write_scan(tmp_path / os.fsdecode(b"in\xfc") / os.fsdecode(b"a\xe9.nii.gz"), gaps=(8,))
    for number in (0, 1):
        write = ["export.formats=[bids]"]
        summary = run_pipeline(
            "export_folder", source.parent, tmp_path / "out", write, RunOptions(workers=0)
        )
        assert summary.exit_code == 0, summary.failed
        assert summary.n_up_to_date == number


def test_what_lies_in_the_output_folder_is_not_named(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz").parent
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Smith 4711").touch()
    with pytest.raises(UsageError, match="did not make") as caught:
        run(source, tmp_path / "out")
    assert "Smith" not in str(caught.value)
    assert "4711" not in str(caught.value)


def test_text_in_the_pixels_is_refused_in_every_format(tmp_path: Path) -> None:
    datasets = make_series()
    datasets[3].BurnedInAnnotation = "YES"
    save(datasets, tmp_path / "in" / "Smith")
    for format in ("nifti", "dicom", "bids"):
        summary = run(tmp_path / "in", tmp_path / format, f"export.formats=[{format}]")
        (record,) = summary.failed
        assert record.failure is not None
        assert "burned into the pixels" in record.failure.what
        assert record.failure.where == record.id
        assert "Smith" not in everything(tmp_path / format)


def test_a_tree_of_bids_names_nobody(tmp_path: Path) -> None:
    save(without(make_series(), 4), tmp_path / "in" / "Smith")
    write_scan(tmp_path / "in" / "sub-Smith" / "anat" / "sub-Smith_T1w.nii.gz")
    assert run(tmp_path / "in", tmp_path / "out", "export.formats=[bids]").exit_code == 0
    assert len(list((tmp_path / "out").rglob("sub-*_desc-asread_*.nii.gz"))) == 2
    assert "smith" not in everything(tmp_path / "out").lower()


def test_labels_of_a_segmentation_go_by_number(tmp_path: Path) -> None:
    save(make_series(), tmp_path / "in" / "ct")
    write = ["export.formats=[dicom]"]
    first = tmp_path / "first"
    plain = run_pipeline("export_folder", tmp_path / "in", first, write, RunOptions(workers=0))
    assert plain.exit_code == 0
    (scan,) = load(first / "ct")
    files = sorted((first / "ct").rglob("*.dcm"))
    labels = (scan.values > 100).astype("u1")
    (tmp_path / "both").mkdir()
    (first / "ct").rename(tmp_path / "both" / "ct")
    files = [tmp_path / "both" / "ct" / f.relative_to(first / "ct") for f in files]
    seg = tmp_path / "both" / "seg.dcm"
    write_segmentation(labels, scan.grid, {1: "Tumour of Smith"}, files, seg)
    summary = run(tmp_path / "both", tmp_path / "out", *write)
    assert summary.exit_code == 0, summary.failed
    objects = [pydicom.dcmread(path) for path in (tmp_path / "out").glob("*.dcm")]
    (label,) = objects
    assert label.SegmentSequence[0].SegmentLabel == "label 1"
    assert label.PatientIdentityRemoved == "YES"
    series = {pydicom.dcmread(p).SeriesInstanceUID for p in (tmp_path / "out").glob("*/*.dcm")}
    assert {label.ReferencedSeriesSequence[0].SeriesInstanceUID} == series
    text = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"Smith" not in text
    assert b"Canary" not in text


def test_series_of_one_study_stay_together(tmp_path: Path) -> None:
    """A filled one and a complete one: the model must not come between them."""
    record = ScanRecord("scan-1", "restored", model={"name": "m", "sha256": "0" * 64})
    assert series_order(record, SALT).salt == SALT
    assert series_order(record).salt == "0" * 64
    save(without(make_series(number=1, description="a"), 4), tmp_path / "in" / "a")
    save(make_series(number=2, description="b"), tmp_path / "in" / "b")
    settings = ("restore.model=none", "index.take=all")
    assert (
        run(tmp_path / "in", tmp_path / "out", *settings, pipeline="restore_folder").exit_code == 0
    )
    images = [pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert len({image.SeriesInstanceUID for image in images}) == 2
    assert len({image.StudyInstanceUID for image in images}) == 1
    assert len({image.PatientID for image in images}) == 1


def test_a_rehearsal_names_nobody(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "Smith.nii.gz", gaps=(8,)).parent
    said = rehearse("export_folder", source, tmp_path / "out", [ON], RunOptions(workers=0))
    assert said
    assert "Smith" not in str(said)
    assert not (tmp_path / "out").exists()


def test_paths_that_a_person_typed_are_not_repeated(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "Smith" / "a.nii.gz").parent
    for out in (source / "out", tmp_path):
        with pytest.raises(UsageError, match="lies inside") as caught:
            run(source, out)
        assert "Smith" not in str(caught.value)
    with pytest.raises(MedganError) as caught:
        run(tmp_path / "Smith" / "none", tmp_path / "out")
    assert "Smith" not in str(caught.value)
