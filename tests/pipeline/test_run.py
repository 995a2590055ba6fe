from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from medgan.errors import ConfigError, ReadError, UsageError, WriteError
from medgan.pipeline import RunOptions, rehearse, run_pipeline
from medgan.pipeline.ledger import Ledger
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.progress import Progress, summary_lines

INLINE = RunOptions(workers=0)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".medgan" not in path.parts
    }


def loads(out: Path) -> int:
    return len((out / ".medgan" / "loads.txt").read_text().splitlines())


def test_outputs_records_and_facts(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    summary = run_pipeline(pipeline, cohort(a="ok", b="ok"), out, options=INLINE)
    assert tree(out) == {
        "a.out": b"all of a: ok",
        "b.out": b"all of b: ok",
        "total.txt": b"a complete\nb complete",
    }
    assert [record.id for record in summary.records] == ["a", "b"]
    assert summary.outputs == ("a.out", "b.out", "total.txt")
    assert (summary.exit_code, summary.n_done, summary.n_up_to_date) == (0, 3, 0)
    assert summary.facts == {"fake_total": {"n": 2}}
    assert json.dumps(summary.as_json())


def test_a_second_run_redoes_nothing(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="ok")
    run_pipeline(pipeline, source, out, options=INLINE)
    before = {path: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    summary = run_pipeline(pipeline, source, out, options=INLINE)
    assert (summary.n_done, summary.n_up_to_date) == (0, 3)
    assert loads(out) == 1
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    assert [record.id for record in summary.records] == ["a", "b"]


def test_what_a_stage_says_is_shown_in_this_process_too(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    said = io.StringIO()
    run_pipeline(
        pipeline, cohort(a="ok"), tmp_path / "out", (), INLINE, Progress(Console(file=said))
    )
    assert said.getvalue().count("all are counted") == 1


def test_what_is_left_of_scans_that_are_gone_is_named(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="ok")
    run_pipeline(pipeline, source, out, options=INLINE)
    (gone,) = source.glob("b*")
    gone.unlink()
    said = io.StringIO()
    summary = run_pipeline(pipeline, source, out, (), INLINE, Progress(Console(file=said)))
    assert [record.id for record in summary.records] == ["a"]
    assert (out / "b.out").is_file()
    assert "what an earlier run wrote of 1 other is still there (b)" in said.getvalue()
    (out / "b.out").unlink()
    said = io.StringIO()
    run_pipeline(pipeline, source, out, (), INLINE, Progress(Console(file=said)))
    assert "an earlier run" not in said.getvalue()


def test_what_changed_is_done_again_and_nothing_else(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="ok", c="ok")
    run_pipeline(pipeline, source, out, options=INLINE)
    (source / "b.txt").write_text("ok, changed")
    (out / "c.out").write_text("changed by hand")
    summary = run_pipeline(pipeline, source, out, options=INLINE)
    # The total depends on records, and on the keys of b, which changed.
    assert (summary.n_done, summary.n_up_to_date) == (3, 1)
    assert tree(out)["b.out"] == b"all of b: ok, changed"
    assert tree(out)["c.out"] == b"all of c: ok"


def test_a_moved_input_folder_is_up_to_date(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok")
    run_pipeline(pipeline, source, out, options=INLINE)
    moved = source.rename(tmp_path / "elsewhere")
    summary = run_pipeline(pipeline, moved, out, options=INLINE)
    assert (summary.n_done, summary.n_up_to_date) == (0, 2)


def test_other_settings_or_weights_redo_and_leave_no_old_outputs(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok")
    weights = tmp_path / "weights"
    weights.write_text("1")
    model = f"fake_work.model={weights}"
    run_pipeline(pipeline, source, out, [model], INLINE)
    weights.write_text("2")
    assert run_pipeline(pipeline, source, out, [model], INLINE).n_done == 2
    run_pipeline(pipeline, source, out, [model, "fake_work.suffix=.new"], INLINE)
    assert sorted(tree(out)) == ["a.new", "total.txt"]


def test_one_failure_is_named_and_the_rest_is_done(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    summary = run_pipeline(pipeline, cohort(a="ok", b="refuse", c="raise"), out, options=INLINE)
    assert summary.exit_code == 3
    b, c = summary.failed
    assert b.failure is not None
    assert c.failure is not None
    assert (b.failure.stage, b.failure.kind) == ("fake_work", "RestoreError")
    assert (b.failure.what, b.failure.hint) == ("cannot be filled", "Try something.")
    assert (c.failure.kind, c.format) == ("ValueError", "text")
    assert sorted(tree(out)) == ["a.out", "total.txt"]
    # What a foreign exception said may hold a name: it stays in the trace.
    assert "secret" not in (out / ".medgan" / "ledger.jsonl").read_text()
    (trace,) = (out / ".medgan" / "traces").glob("*.txt")
    assert "secret" in trace.read_text()
    assert out / c.failure.trace == trace
    assert b.failure.trace == ""  # foreseen: its message says all


def test_all_failed_is_exit_1(pipeline: str, cohort: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_pipeline(pipeline, cohort(a="refuse"), out, options=INLINE).exit_code == 1


def test_failed_units_are_tried_again(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="refuse")
    run_pipeline(pipeline, source, out, options=INLINE)
    cohort(b="ok")
    assert run_pipeline(pipeline, source, out, options=INLINE).exit_code == 0


def test_a_failed_per_run_stage_stops_all_but_the_report(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    stages = "stages=[fake_list, fake_fail, fake_total]"
    summary = run_pipeline(pipeline, cohort(a="ok"), out, [stages], INLINE)
    assert summary.stopped is not None
    assert summary.stopped.what == "this stage never works"
    assert summary.exit_code == 1
    assert (out / "total.txt").exists()


@pytest.mark.parametrize("is_disk_full", [False, True])
def test_a_report_that_cannot_be_written_costs_the_report_alone(
    pipeline: str,
    cohort: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_disk_full: bool,
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="ok")
    (out / "total.txt").mkdir(parents=True)
    (out / ".medgan").mkdir()

    write = Ledger.write

    def full(self: Ledger, outcome: Outcome) -> None:
        if outcome.unit == "fake/fake_total":
            raise WriteError("cannot be written: No space left on device", where="ledger.jsonl")
        write(self, outcome)

    if is_disk_full:
        monkeypatch.setattr(Ledger, "write", full)
    summary = run_pipeline(pipeline, source, out, options=INLINE)
    assert summary.exit_code == 3
    assert (summary.stopped, summary.failed) == (None, ())
    assert summary.unreported is not None
    assert any(line.startswith("failed: fake_total: ") for line in summary_lines(summary))
    assert summary.as_json()["unreported"] == summary.unreported.what
    monkeypatch.undo()
    (out / "total.txt").rmdir()
    summary = run_pipeline(pipeline, source, out, options=INLINE)
    assert (summary.exit_code, summary.n_up_to_date, summary.unreported) == (0, 2, None)


def test_rehearsal_says_what_and_why_and_writes_nothing(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="ok")
    said = rehearse(pipeline, source, out)
    assert said == [
        ("fake/fake_list/a", "not done yet"),
        ("fake/fake_list/b", "not done yet"),
        ("fake/fake_total", "comes after these"),
    ]
    assert not out.exists()
    run_pipeline(pipeline, source, out, options=INLINE)
    assert rehearse(pipeline, source, out) == []
    (source / "a.txt").write_text("changed")
    (out / "b.out").unlink()
    reasons = dict(rehearse(pipeline, source, out))
    assert reasons["fake/fake_list/a"] == "its input, settings, model or program changed"
    assert reasons["fake/fake_list/b"] == "its outputs were changed or deleted"


@pytest.mark.parametrize("inside", ["", "deep/out"])
def test_output_inside_input_is_refused(
    pipeline: str, cohort: Callable[..., Path], inside: str
) -> None:
    source = cohort(a="ok")
    with pytest.raises(UsageError, match="inside the input"):
        run_pipeline(pipeline, source, source / inside, options=INLINE)


def test_input_inside_output_is_refused(pipeline: str, cohort: Callable[..., Path]) -> None:
    source = cohort(a="ok")
    with pytest.raises(UsageError, match="inside the output folder"):
        run_pipeline(pipeline, source, source.parent, options=INLINE)


def test_a_folder_with_foreign_files_is_refused(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "home"
    out.mkdir()
    (out / "thesis.txt").write_text("important")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        run_pipeline(pipeline, cohort(a="ok"), out, options=INLINE)
    assert list(out.iterdir()) == [out / "thesis.txt"]


def test_an_output_that_is_a_file_is_refused(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "file"
    out.write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        run_pipeline(pipeline, cohort(a="ok"), out, options=INLINE)


def test_a_missing_model_is_told_before_any_work(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ReadError):
        run_pipeline(pipeline, cohort(a="ok"), out, ["fake_work.model=/not/there"], INLINE)
    assert not out.exists()


def test_an_unknown_key_is_told_before_any_work(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="unknown key"):
        run_pipeline(pipeline, cohort(a="ok"), out, ["fake_work.sufix=x"], INLINE)
    assert not out.exists()
