from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.pipeline import RunOptions, Shard, read_status, run_pipeline
from medgan.pipeline.lock import locked
from medgan.pipeline.plan_file import PLAN, read_plans
from tests.pipeline.test_run import INLINE, tree

COVERS = ("plan_file",)


def states(out: Path) -> dict[str, str]:
    return {unit.unit.split("/", 1)[1]: unit.state for unit in read_status(out).units}


def test_done_failed_and_not_yet(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = RunOptions(workers=0, max_failures=1)
    run_pipeline(pipeline, cohort(a="ok", b="refuse", c="ok"), out, options=options)
    found = read_status(out)
    assert states(out) == {
        "fake_total": "done",
        "fake_list/a": "done",
        "fake_list/b": "failed",
        "fake_list/c": "not done",
    }
    (failed,) = found.of("failed")
    assert failed.failure is not None
    assert (failed.why, failed.failure.hint) == ("cannot be filled", "Try something.")
    assert found.of("not done")[0].why == "not done yet"
    assert found.exit_code == 3
    document = found.as_json()
    assert (document["done"], document["failed"], document["not_done"]) == (2, 1, 1)


def test_what_is_done_is_checked_against_the_files(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_pipeline(pipeline, cohort(a="ok", b="ok", c="ok"), out, options=INLINE)
    assert read_status(out).exit_code == 0
    (out / "a.out").unlink()
    (out / "b.out").write_text("changed by hand")
    before = tree(out)
    found = read_status(out)
    assert {unit.unit: unit.why for unit in found.of("not done")} == {
        "fake/fake_list/a": "its outputs were changed or deleted",
        "fake/fake_list/b": "its outputs were changed or deleted",
    }
    assert tree(out) == before


def test_what_a_later_run_found_changed_and_did_not_come_to(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_pipeline(pipeline, cohort(a="ok", b="ok"), out, options=INLINE)
    source = cohort(a="refuse", b="ok, but otherwise")
    run_pipeline(pipeline, source, out, options=RunOptions(workers=0, max_failures=1))
    assert states(out) == {"fake_total": "done", "fake_list/a": "failed", "fake_list/b": "not done"}


def test_shards_that_have_not_begun_are_not_done(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    names = [f"s{n}" for n in range(12)]
    source = cohort(**dict.fromkeys(names, "ok"))
    run_pipeline(pipeline, source, out, options=RunOptions(workers=0, shard=Shard(1, 2)))
    own = {name for name in names if Shard(1, 2).holds(f"fake/fake_list/{name}")}
    assert states(out) == {
        "fake_total": "not done",
        **{f"fake_list/{name}": "done" if name in own else "not done" for name in names},
    }


def test_a_folder_without_a_plan_tells_what_its_ledger_knows(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_pipeline(pipeline, cohort(a="ok", b="refuse"), out, options=INLINE)
    (out / ".medgan" / PLAN).unlink()
    expected = {"fake_list/a": "done", "fake_list/b": "failed", "fake_total": "done"}
    assert states(out) == expected
    (out / ".medgan" / PLAN).write_text("nonsense")
    assert read_plans(out / ".medgan") == {}
    assert states(out) == expected


def test_who_is_at_work_is_named(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_pipeline(pipeline, cohort(a="ok"), out, options=INLINE)
    assert read_status(out).at_work == ()
    with locked(out / ".medgan"):
        assert read_status(out).at_work[0].startswith("process ")
    with locked(out / ".medgan", "shard-1-of-2"):
        assert read_status(out).at_work[0].startswith("shard-1-of-2: process ")


def test_a_folder_that_was_never_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run has written"):
        read_status(tmp_path)
    assert list(tmp_path.iterdir()) == []
