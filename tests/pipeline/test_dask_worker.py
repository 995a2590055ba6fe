"""The inside of a Dask worker, without Dask: it is a module with one child."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from medgan.pipeline import dask_worker
from medgan.pipeline.dask_worker import Job, do, let_go
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import read_pipeline
from medgan.pipeline.stage import Context, Done, Source
from medgan.pipeline.unit import Unit

Cohort = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    dask_worker._take_up(None)
    dask_worker._ended.clear()


def work_of(
    pipeline: str, folder: Path, out: Path, overrides: tuple[str, ...] = ()
) -> tuple[Job, dict[str, Unit]]:
    steps = read_pipeline(pipeline, overrides).groups[0]
    context = Context(folder, out)
    context.state.mkdir(parents=True)
    source = steps[0].stage
    assert isinstance(source, Source)
    listed = source.list_items(steps[0].settings, context, Done())
    units = {item.id: Unit(f"{item.id:*<16}", item.id, item) for item in listed.items}
    return Job("token", steps, context, 30.0, 500.0), units


def told(outcome: Outcome) -> tuple[str, str]:
    assert outcome.failure is not None
    return outcome.status, outcome.failure.what


def test_one_child_does_one_unit_after_the_other_until_it_is_let_go(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    job, units = work_of(pipeline, cohort(a="ok", b="refuse", c="ok", d="ok"), out)
    outcomes = [do(units[name], job) for name in "abc"]
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert len((out / ".medgan" / "loads.txt").read_text().split()) == 1
    assert (out / "c.out").read_text() == "all of c: ok"
    let_go(job.token)
    assert told(do(units["d"], job)) == ("left", "the run was stopped")
    assert not (out / "d.out").exists()
    # Another job has a child of its own, and stages in a folder of its own.
    assert do(units["d"], dataclasses.replace(job, token="other")).is_done
    assert len((out / ".medgan" / "loads.txt").read_text().split()) == 2
    assert len(list((out / ".medgan" / "staging").iterdir())) == 2


def test_another_version_of_the_program_does_nothing(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    job, units = work_of(pipeline, cohort(a="ok"), tmp_path / "out")
    status, what = told(do(units["a"], dataclasses.replace(job, version="0.0.0")))
    assert status == "start"
    assert "this is 0.0.0" in what


def test_a_folder_that_is_not_seen_from_there_is_told(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    job, units = work_of(pipeline, cohort(a="ok"), tmp_path / "out")
    elsewhere = dataclasses.replace(job.context, out=tmp_path / "not there")
    status, what = told(do(units["a"], dataclasses.replace(job, context=elsewhere)))
    assert (status, what) == ("start", "a Dask worker does not see the output folder")


def test_children_that_die_while_they_start_are_told(
    pipeline: str, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, units = work_of(pipeline, cohort(a="ok"), tmp_path / "out")

    def broken(unit: Unit, job: Job) -> Outcome:
        raise BrokenProcessPool

    monkeypatch.setattr(dask_worker, "_in_child", broken)
    assert told(do(units["a"], job)) == ("start", "child processes die while they start")


def test_a_fault_of_ours_comes_back_as_a_value(
    pipeline: str, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, units = work_of(pipeline, cohort(a="ok"), tmp_path / "out")

    def faulty(unit: Unit, job: Job) -> Outcome:
        raise RuntimeError("secret patient name")

    monkeypatch.setattr(dask_worker, "_in_child", faulty)
    status, what = told(do(units["a"], job))
    assert status == "failed"
    assert "secret" not in what
