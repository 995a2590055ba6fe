from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from medgan.pipeline.outcome import Outcome
from medgan.pipeline.progress import Progress, describe, line, summary_lines
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Listed
from medgan.pipeline.summary import RunSummary
from medgan.record import Candidate, Failure, FilledRegion, FilledSlice, ScanRecord

COVERS = ("summary",)


def restored(damaged: tuple[int, ...] = ()) -> ScanRecord:
    filled = tuple(FilledSlice(p, (0, 0, 0), None, 1, "good") for p in (3, 7, 8, 9, 12))
    candidates = tuple(
        Candidate(name, 1, psnr, 0.9)
        for name, psnr in (("mixture", 31.84), ("linear", 29.44), ("mixture", 20.0))
    )
    return ScanRecord(
        "sub-012_T1w", "restored", filled=filled, candidates=candidates, damaged=damaged
    )


def test_a_line_says_id_gaps_estimate_seconds_and_verdict() -> None:
    outcome = Outcome("k", "restore_folder/index/sub-012_T1w", "done", (restored(),), seconds=4.13)
    assert line(outcome) == (
        "sub-012_T1w  3 gaps, 5 slices filled  est. 31.8 dB (linear 29.4)  4.1 s  OK"
    )


def test_a_failed_line_names_stage_and_reason() -> None:
    failure = Failure("export", "WriteError", "no space left", "scan.nii.gz")
    outcome = Outcome("k", "p/index/deep/a", "failed", (), failure=failure, seconds=1)
    assert line(outcome) == "deep/a  export: no space left (scan.nii.gz)  1.0 s  FAILED"


def test_per_run_stages_go_by_their_name() -> None:
    assert line(Outcome("k", "restore_folder/report", "done", seconds=0.4)) == "report  0.4 s  OK"


def test_one_gap_one_slice() -> None:
    filled = (FilledSlice(3, (0, 0, 0), None, 1, "unknown"),)
    record = ScanRecord("a", "restored", filled=filled, damaged=(3,))
    assert describe(record) == "1 gap, 1 slice filled (1 damaged slice among them)  no estimate"


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        (("UnprovenError",), 3),  # an answer, though nothing was done
        (("UnprovenError", "UnprovenError"), 3),
        (("UnprovenError", "ReadError"), 1),
        (("ReadError", "ReadError"), 1),
        (("UnprovenError", ""), 3),
        (("ReadError", ""), 3),
        (("", ""), 0),
    ],
)
def test_a_refusal_for_want_of_proof_is_no_failed_run(kinds: tuple[str, ...], code: int) -> None:
    records = tuple(
        ScanRecord(f"s{n}", "failed", failure=Failure("restore", kind, "no"))
        if kind
        else ScanRecord(f"s{n}", "restored")
        for n, kind in enumerate(kinds)
    )
    assert RunSummary("p", Path("out"), records).exit_code == code


def test_names_are_printed_and_not_obeyed() -> None:
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=40), is_verbose=True)
    refused = Failure("index", "Refused", "cut short", "b\x1b[31m.dcm")
    failed = ScanRecord("b", "failed", failure=refused)
    listed = Listed((), (failed,), ({"files": ["a\x1b]0;x\n.txt"], "reason": "no scan"},))
    progress.begin([Step("index", None)], 0, 0, listed)  # type: ignore[arg-type]
    progress.note("read c\x1b[2J")
    assert "\x1b" not in stream.getvalue()
    assert r"set aside: a\x1b]0;x\n.txt: no scan" in stream.getvalue().splitlines()


def test_lines_are_counted_and_plain_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=40), is_verbose=True)
    label = ScanRecord("mask", "complete", notes=("label map: listed, never filled",))
    listed = Listed((), (label,), ({"files": ["a.txt"], "reason": "no scan"},))
    progress.begin([Step("index", None)], 2, 7, listed)  # type: ignore[arg-type]
    for name in ("a", "b"):
        progress.unit(Outcome("k", f"p/index/{name}", "done", (ScanRecord(name, "copied"),)))
    assert stream.getvalue().splitlines() == [
        "mask  label map: listed, never filled",
        "set aside: a.txt: no scan",
        "index: 7 up to date",
        "[1/2] a  copied  0.0 s  OK",
        "[2/2] b  copied  0.0 s  OK",
    ]


def test_the_summary_names_what_failed_and_what_is_damaged() -> None:
    failure = Failure("restore", "RestoreError", "no neighbours", hint="x")
    records = (restored(damaged=(3,)), ScanRecord("b", "failed", failure=failure))
    stray = ({"files": ["x", "y"], "reason": "stray"},)
    summary = RunSummary("p", Path("out"), records, stray, outputs=("report.html",))
    assert summary.exit_code == 3
    assert summary_lines(summary) == [
        "1 failed, 1 restored",
        "2 files set aside, see the report",
        "failed: b: restore: no neighbours",
        "  try: x",
        "damaged: sub-012_T1w: positions 3 could not be decoded",
    ]


def test_a_run_without_work_says_so() -> None:
    summary = RunSummary("p", Path("out"), (restored(),), n_up_to_date=2)
    assert summary_lines(summary)[0].endswith("nothing was done again")
    assert summary.exit_code == 0


def test_regions_are_counted_and_not_called_gaps() -> None:
    region = FilledRegion((1, 1, 1), (3, 3, 3), 27, 27.0, (0.0, 0.0, 0.0), "high")
    record = ScanRecord("scan", "restored", regions=(region, region))
    assert describe(record) == "2 regions filled  no estimate"
