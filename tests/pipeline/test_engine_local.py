"""Children that die, hang, eat and raise cost one unit each, and are named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medgan.errors import StageError
from medgan.pipeline.engine_local import LocalEngine
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import read_pipeline
from medgan.pipeline.stage import Context, Done, Source
from medgan.pipeline.unit import Unit

COVERS = ("child", "children", "unit", "deaths", "suspects")


def stream(
    pipeline: str,
    folder: Path,
    out: Path,
    overrides: tuple[str, ...] = (),
    limit_s: float = 4.0,
    workers: int = 2,
) -> Iterator[Outcome]:
    steps = read_pipeline(pipeline, overrides).groups[0]
    context = Context(folder, out)
    context.state.mkdir(parents=True, exist_ok=True)
    source = steps[0].stage
    assert isinstance(source, Source)
    listed = source.list_items(steps[0].settings, context, Done())
    units = [Unit(f"{item.id:*<16}", item.id, item) for item in listed.items]
    yield from LocalEngine(context, workers, limit_s, memory_mb=500).run(steps, units)


def run(
    pipeline: str, folder: Path, out: Path, overrides: tuple[str, ...] = ()
) -> dict[str, Outcome]:
    return {outcome.unit: outcome for outcome in stream(pipeline, folder, out, overrides)}


def tries(out: Path) -> list[str]:
    """Scans in the order in which work on them began."""
    return (out / ".medgan" / "tries.txt").read_text().split()


def test_each_fault_costs_one_unit_and_is_named(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    orders = {f"ok{n}": "ok" for n in range(8)}
    folder = cohort(die="die", hang="hang", eat="eat", refuse="refuse", **orders)
    out = tmp_path / "out"
    every = list(stream(pipeline, folder, out))
    outcomes = {outcome.unit: outcome for outcome in every if outcome.is_final}
    assert {name for name, outcome in outcomes.items() if outcome.is_done} == set(orders)
    assert {name: outcomes[name].status for name in ("die", "hang", "eat", "refuse")} == {
        "die": "crashed",
        "hang": "time",
        "eat": "memory",
        "refuse": "failed",
    }
    failures = {name: o.failure for name, o in outcomes.items() if o.failure}
    assert {failure.stage for failure in failures.values()} == {"fake_work"}
    assert "SIGKILL" in failures["die"].what
    assert "limit of 4 s" in failures["hang"].what
    assert "0.5 GB" in failures["eat"].what
    assert outcomes["die"].records[0].status == "failed"
    names = {path.name for path in out.glob("*.*")}
    assert names == {".medgan", *(f"{name}.out" for name in orders)}
    assert not list((out / ".medgan" / "staging").iterdir())

    # Suspects had one more try each, when all others were done; what was refused had none.
    suspects = {"die", "hang", "eat"}
    assert {o.unit for o in every if not o.is_final} == suspects
    assert set(tries(out)[-3:]) == suspects
    assert sorted(tries(out)) == sorted([*orders, "refuse", *suspects, *suspects])


def test_a_suspect_that_does_well_alone_is_done(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcomes = run(pipeline, cohort(a="die once", b="ok", c="ok"), out)
    assert all(outcome.is_done for outcome in outcomes.values())
    assert tries(out)[-1] == "a"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_watched_from_outside_too(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    folder = cohort(a="eat unwatched", b="ok")
    outcomes = list(stream(pipeline, folder, tmp_path / "out", limit_s=30))
    assert [o.status for o in outcomes if o.unit == "a"] == ["memory", "memory"]


def test_the_time_limit_starts_after_loading(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    slow = ("fake_work.load=slow",)
    (outcome,) = stream(pipeline, cohort(a="ok"), tmp_path / "out", slow, limit_s=1)
    assert outcome.is_done


def test_without_workers_all_is_done_in_this_process(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (outcome,) = stream(pipeline, cohort(a="ok"), out, workers=0)
    assert outcome.is_done
    assert (out / ".medgan" / "loads.txt").read_text().split() == [str(os.getpid())]


def test_a_model_is_loaded_once_per_child(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcomes = run(pipeline, cohort(**{f"ok{n}": "ok" for n in range(12)}), out)
    pids = (out / ".medgan" / "loads.txt").read_text().split()
    assert len(outcomes) == 12
    assert len(pids) == len(set(pids)) <= 2


def test_a_model_that_cannot_be_loaded_is_told_as_such(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    outcomes = run(pipeline, cohort(a="ok"), tmp_path / "out", ("fake_work.load=raise",))
    outcome = outcomes["a"]
    assert outcome.status == "start"
    assert outcome.failure is not None
    assert outcome.failure.what == "the model is broken"


def test_children_that_die_while_loading_stop_the_run(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(StageError, match="die while they start"):
        run(pipeline, cohort(a="ok"), tmp_path / "out", ("fake_work.load=die",))


def test_many_deaths_in_a_row_stop_the_run(
    pipeline: str,
    cohort: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("medgan.pipeline.suspects.DEATHS_IN_A_ROW", 2)
    with pytest.raises(StageError, match="died one after the other"):
        run(pipeline, cohort(**{f"d{n}": "die" for n in range(4)}), tmp_path / "out")


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import tests.pipeline.fake_stages
from medgan.pipeline import RunOptions, run_pipeline

if __name__ == "__main__":
    run_pipeline({pipeline!r}, Path({folder!r}), Path({out!r}), options=RunOptions(workers=2))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_child_outlives_its_driver(
    how: signal.Signals, pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = tmp_path / "driver.py"
    script.write_text(
        DRIVER.format(
            tests=str(Path(__file__).parents[2]),
            pipeline=pipeline,
            folder=str(cohort(a="hang", b="hang", c="ok")),
            out=str(out),
        )
    )
    driver = subprocess.Popen(
        [sys.executable, str(script)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        # A test run that was started in the background ignores Ctrl-C, and so would the driver.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    pids_file = out / ".medgan" / "loads.txt"
    wait_for(lambda: pids_file.exists() and len(pids_file.read_text().split()) == 2)
    children = [int(pid) for pid in pids_file.read_text().split()]
    time.sleep(0.2)
    # Ctrl-C reaches the whole group of a terminal, children included.
    os.killpg(driver.pid, how) if how == signal.SIGINT else driver.kill()
    _, errors = driver.communicate(timeout=20)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
    if how == signal.SIGINT:
        # The script is no command line, so Python prints the one trace of its own driver.
        assert errors.count("Traceback") == 1
        assert not list(out.glob("*.out"))
        assert not (out / ".medgan" / "staging").exists()


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
