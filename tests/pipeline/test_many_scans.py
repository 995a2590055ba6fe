"""Many scans, some of which kill, hang, eat or raise: nothing stops, nothing is done twice."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.pipeline import RunOptions, Shard, read_status, rehearse, run_pipeline
from medgan.pipeline.ledger import read_lines
from tests.pipeline.fake_run import start
from tests.pipeline.fake_stages import UNREADABLE
from tests.pipeline.test_run import INLINE, tree

COVERS = ("choose", "carry", "rehearse", "tally")

Cohort = Callable[..., Path]
FAULTS = {"kills": "die", "raises": "raise", "hangs": "hang", "eats": "eat"}
REASONS = {
    "kills": "was killed by SIGKILL",
    "raises": "did not foresee (ValueError)",
    "hangs": "longer than the limit of 4 s",
    "eats": "more than the 0.6 GB",
}
"""Alone, a scan may use all of the 0.6 GB."""


def tries(out: Path) -> Counter[str]:
    file = out / ".medgan" / "tries.txt"
    return Counter(file.read_text().split()) if file.is_file() else Counter()


def good(n: int) -> dict[str, str]:
    return {f"good{number:02d}": "ok" for number in range(n)}


def last_lines(out: Path) -> dict[str, dict[str, object]]:
    return {line["unit"].rpartition("/")[2]: line for line in read_lines(out / ".medgan")}


def check_named(out: Path, n_good: int, reasons: dict[str, str] = REASONS) -> None:
    """All good ones are done, and each of the four faults has its reason in the ledger."""
    lines = last_lines(out)
    assert {path.stem for path in out.glob("*.out")} == set(good(n_good))
    assert {name for name, line in lines.items() if line["status"] == "done"} >= set(good(n_good))
    for name, reason in reasons.items():
        failure = lines[name]["failure"]
        assert isinstance(failure, dict)
        assert failure["stage"] == "fake_work"
        assert reason in failure["what"]
        assert failure["hint"]


@pytest.mark.parametrize("n_good", [4, pytest.param(56, marks=pytest.mark.slow)])
def test_four_faults_cost_four_scans_and_only_they_are_tried_again(
    n_good: int, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(**good(n_good), **FAULTS)
    words = ("run", pipeline, source, "-o", out, "--json", "--time-limit", 4)
    how = ("--workers", 2, "--memory", 0.6)
    first = start(*words, *how)
    said, errors = first.communicate()
    assert first.returncode == 3, errors
    document = json.loads(said)
    assert (document["done"], set(document["failed"])) == (n_good + 1, set(FAULTS))
    check_named(out, n_good)
    suspects = {"kills", "hangs", "eats"}
    assert tries(out) == Counter([*good(n_good), *FAULTS, *suspects])
    for name, reason in REASONS.items():
        assert re.search(rf"failed: {name}: fake_work: .*{re.escape(reason)}", errors)

    # What is mended outside (more time, more memory, another machine) is asked for by name.
    for name in FAULTS:
        (source / f"{name}.txt").write_text("ok")
    (out / ".medgan" / "tries.txt").unlink()
    again = start(*words, "--workers", 1, "--retry-failed")
    said, errors = again.communicate()
    assert again.returncode == 0, errors
    assert tries(out) == Counter(list(FAULTS))
    assert len(tree(out)) == n_good + 5


def test_failed_ones_alone_are_tried_again(pipeline: str, cohort: Cohort, tmp_path: Path) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="refuse", c="ok")
    run_pipeline(pipeline, source, out, options=INLINE)
    cohort(d="ok")
    only_failed = RunOptions(workers=0, only="failed")
    summary = run_pipeline(pipeline, source, out, options=only_failed)
    assert tries(out) == Counter("abbc")
    assert [record.id for record in summary.failed] == ["b"]
    assert [record.id for record in summary.waiting] == ["d"]
    assert summary.exit_code == 3
    assert rehearse(pipeline, source, out, options=only_failed) == [
        ("fake/fake_list/b", "it failed the last time"),
        ("fake/fake_total", "comes after these"),
    ]
    # With other settings what was done before is out of date, which is said, not done.
    (source / "b.txt").write_text("ok")
    summary = run_pipeline(pipeline, source, out, ["fake_work.suffix=.new"], only_failed)
    assert sorted(tree(out)) == ["a.out", "b.new", "c.out", "total.txt"]
    reasons = {r.id: r.failure.what for r in summary.waiting if r.failure}
    assert reasons["a"] == "its input, settings, model or program changed"


def test_enough_failures_stop_the_run_and_the_same_command_goes_on(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b="refuse", c="raise", d="ok", e="ok")
    stopping = RunOptions(workers=0, max_failures=2)
    summary = run_pipeline(pipeline, source, out, options=stopping)
    assert summary.exit_code == 3
    assert "2 scans failed" in summary.cut_short
    assert "2 were not tried" in summary.cut_short
    assert tries(out) == Counter("abc")
    assert [record.id for record in summary.waiting] == ["d", "e"]
    assert "d failed" in (out / "total.txt").read_text()  # the report comes all the same
    summary = run_pipeline(pipeline, source, out, options=INLINE)
    assert tries(out) == Counter("abbccde")
    assert (summary.exit_code, summary.cut_short) == (3, "")


def test_suspects_count_as_failures_before_their_second_try(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="die", b="die", **good(6))
    options = RunOptions(workers=1, max_failures=2)
    summary = run_pipeline(pipeline, source, out, options=options)
    assert {record.id for record in summary.failed} == {"a", "b"}
    assert summary.cut_short
    assert tries(out)["a"] == tries(out)["b"] == 1


def test_what_was_refused_and_has_been_replaced_is_tried_again(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b=UNREADABLE, c="ok")
    run_pipeline(pipeline, source, out, options=INLINE)
    cohort(b="ok", d="ok")
    only_failed = RunOptions(workers=0, only="failed")
    said = [unit for unit, _ in rehearse(pipeline, source, out, options=only_failed)]
    assert said[0] == "fake/fake_list/b"
    summary = run_pipeline(pipeline, source, out, options=only_failed)
    assert tries(out) == Counter("acb")  # d is new, and was never refused
    assert [record.id for record in summary.waiting] == ["d"]
    # Once it is done, it is a scan like any other.
    run_pipeline(pipeline, source, out, options=only_failed)
    run_pipeline(pipeline, source, out, ["fake_work.suffix=.new"], only_failed)
    assert tries(out) == Counter("acb")


def test_what_a_shard_refused_is_known_to_the_whole_run(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok", b=UNREADABLE)
    run_pipeline(pipeline, source, out, options=RunOptions(workers=0, shard=Shard(1, 1)))
    cohort(b="ok")
    run_pipeline(pipeline, source, out, options=RunOptions(workers=0, only="failed"))
    assert tries(out) == Counter("ab")


def test_refused_inputs_count_as_failures(pipeline: str, cohort: Cohort, tmp_path: Path) -> None:
    out, source = tmp_path / "out", cohort(a=UNREADABLE, b="refuse", c="ok", d="ok")
    summary = run_pipeline(pipeline, source, out, options=RunOptions(workers=0, max_failures=2))
    assert "2 were not tried" in summary.cut_short
    assert tries(out) == Counter("b")
    other = tmp_path / "other"
    summary = run_pipeline(pipeline, source, other, options=RunOptions(workers=0, max_failures=1))
    assert "1 scans failed" in summary.cut_short
    assert not (other / ".medgan" / "tries.txt").exists()
    assert (other / "total.txt").exists()  # the report comes all the same


def test_a_shard_counts_its_own_refused_inputs_alone(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    bad = {f"bad{number:02d}": UNREADABLE for number in range(12)}
    source = cohort(**good(12), **bad)
    own = [n for n in bad if Shard(1, 2).holds(f"fake/fake_list/{n}.txt")]
    assert 0 < len(own) < len(bad)
    for more, is_over in ((1, False), (0, True)):
        options = RunOptions(workers=0, shard=Shard(1, 2), max_failures=len(own) + more)
        summary = run_pipeline(pipeline, source, tmp_path / f"out{more}", options=options)
        assert bool(summary.cut_short) is is_over


def test_few_failures_do_not_stop_a_run_at_its_end(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    options = RunOptions(workers=0, max_failures=1)
    summary = run_pipeline(pipeline, cohort(a="ok", b="refuse"), tmp_path / "out", (), options)
    assert (summary.cut_short, summary.exit_code) == ("", 3)


# Shards


def test_shards_and_a_merge_are_as_one_run(pipeline: str, cohort: Cohort, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    source = cohort(**good(20), bad="refuse")
    expected = run_pipeline(pipeline, source, whole, options=INLINE)
    merge = RunOptions(workers=0, only="merge")
    for number in (2, 3, 1):
        shard = RunOptions(workers=0, shard=Shard(number, 3))
        before = sum(tries(out).values())
        part = run_pipeline(pipeline, source, out, options=shard)
        assert len(part.records) == sum(tries(out).values()) - before > 0
        assert not (out / "total.txt").exists()
    assert tries(out) == Counter([*good(20), "bad"])
    assert rehearse(pipeline, source, out, options=merge) == [("fake/fake_total", "not done yet")]
    summary = run_pipeline(pipeline, source, out, options=merge)
    assert tree(out) == tree(whole)
    assert summary.records == expected.records
    assert summary.exit_code == 3
    assert tries(out) == Counter([*good(20), "bad"])  # a merge does no scan
    assert len(list((out / ".medgan").glob("*.shard-*.jsonl"))) == 0
    assert run_pipeline(pipeline, source, out, options=merge).n_done == 0


def test_a_merge_with_other_settings_than_the_shards_is_refused_and_rewrites_nothing(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(**good(6), bad=UNREADABLE)
    for number in (1, 2):
        shard = RunOptions(workers=0, shard=Shard(number, 2))
        run_pipeline(pipeline, source, out, ["fake_work.suffix=.new"], shard)
    merge = RunOptions(workers=0, only="merge")
    before, status = tree(out), read_status(out)
    for _ in range(2):
        with pytest.raises(UsageError, match="6 with others: the shards had other options"):
            run_pipeline(pipeline, source, out, options=merge)
    with pytest.raises(UsageError, match="with others"):
        rehearse(pipeline, source, out, options=merge)
    assert (tree(out), read_status(out)) == (before, status)
    summary = run_pipeline(pipeline, source, out, ["fake_work.suffix=.new"], merge)
    assert summary.n_up_to_date == 6
    with pytest.raises(UsageError, match="with others"):
        run_pipeline(pipeline, source, out, options=merge)
    assert "good00 complete" in (out / "total.txt").read_text()


def test_a_merge_names_what_no_shard_came_to(pipeline: str, cohort: Cohort, tmp_path: Path) -> None:
    out, source = tmp_path / "out", cohort(**good(10))
    run_pipeline(pipeline, source, out, options=RunOptions(workers=0, shard=Shard(1, 2)))
    summary = run_pipeline(pipeline, source, out, options=RunOptions(only="merge", workers=0))
    own = {n for n in good(10) if Shard(1, 2).holds(f"fake/fake_list/{n}")}
    assert {record.id for record in summary.waiting} == set(good(10)) - own
    assert summary.exit_code == 3
    summary = run_pipeline(pipeline, source, out, options=INLINE)
    assert (summary.exit_code, tries(out)) == (0, Counter(list(good(10))))


def test_another_number_of_shards_redoes_nothing(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(**good(10))
    for count in (2, 3):
        for number in range(1, count + 1):
            options = RunOptions(workers=0, shard=Shard(number, count))
            run_pipeline(pipeline, source, out, options=options)
    assert tries(out) == Counter(list(good(10)))


def test_shards_cannot_share_what_waits_for_a_stage_done_once(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(a="ok")
    stages = ["stages=[fake_total, fake_list, fake_work]"]
    options = RunOptions(workers=0, shard=Shard(1, 1))
    with pytest.raises(UsageError, match="before fake_total is done once"):
        run_pipeline(pipeline, source, out, stages, options)
    run_pipeline(pipeline, source, out, ["stages=[fake_total]"], INLINE)
    assert run_pipeline(pipeline, source, out, stages, options).exit_code == 0


@pytest.mark.slow
def test_four_faults_in_four_shards_at_once(pipeline: str, cohort: Cohort, tmp_path: Path) -> None:
    out, source = tmp_path / "out", cohort(**good(56), **FAULTS)
    words = ("run", pipeline, source, "-o", out, "--time-limit", 4, "--memory", 0.6)
    started = [start(*words, "--workers", 1, "--shard", f"{n}/4") for n in range(1, 5)]
    for process in started:
        process.communicate()
    faulty = {
        number
        for number in range(1, 5)
        for name in FAULTS
        if Shard(number, 4).holds(f"fake/fake_list/{name}")
    }
    codes = {number: process.returncode for number, process in enumerate(started, 1)}
    assert codes == {number: 3 if number in faulty else 0 for number in range(1, 5)}
    merge = start(*words, "--workers", 1, "--merge")
    _, errors = merge.communicate()
    assert merge.returncode == 3, errors
    check_named(out, 56)
    assert tries(out) == Counter([*good(56), *FAULTS, "kills", "hangs", "eats"])
    (out / ".medgan" / "tries.txt").unlink()
    started = [
        start(*words, "--workers", 1, "--shard", f"{n}/4", "--retry-failed") for n in range(1, 5)
    ]
    for process in started:
        process.communicate()
    assert set(tries(out)) == set(FAULTS)


# kill -9


@pytest.mark.parametrize("n_kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_resumed_is_as_unbroken(
    n_kills: int, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    n_scans, n_workers = 24, 2
    unbroken, out = tmp_path / "unbroken", tmp_path / "out"
    source = cohort(**dict.fromkeys(good(n_scans), "brief"))
    began = time.monotonic()
    words = ("run", pipeline, source, "--workers", n_workers, "-o")
    whole = start(*words, unbroken)
    whole.communicate()
    seconds = time.monotonic() - began
    expected = tree(unbroken)
    chance = random.Random(20251107)
    kills_here = 0
    for _ in range(n_kills):
        run = start(*words, out)
        time.sleep(chance.uniform(0.3, 1.0) * seconds)
        run.kill()
        run.communicate()
        kills_here += 1
        check_half_way(out, expected, at_most=n_scans + kills_here * n_workers)
        if run.returncode != -signal.SIGKILL:  # it had ended before
            assert tree(out) == expected
            shutil.rmtree(out)
            kills_here = 0
    last = start(*words, out)
    _, errors = last.communicate()
    assert last.returncode == 0, errors
    assert tree(out) == expected
    check_half_way(out, expected, at_most=n_scans + kills_here * n_workers)
    keys = [line["key"] for line in read_lines(out / ".medgan")]
    assert len(keys) == len(set(keys)) == n_scans + 1


def check_half_way(out: Path, expected: dict[str, bytes], at_most: int) -> None:
    """Whatever has a final name is whole, and no more was begun twice than was in hand."""
    end = time.monotonic() + 20
    while is_at_work(out):  # children go with their driver, but not in the same instant
        assert time.monotonic() < end, "children outlive their driver"
        time.sleep(0.02)
    if out.exists():
        assert tree(out).items() <= expected.items()
    assert sum(tries(out).values()) <= at_most


def is_at_work(out: Path) -> bool:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    pids = {line.split()[0] for line in listed.stdout.splitlines() if "spawn_main" in line}
    loads = out / ".medgan" / "loads.txt"
    return bool(pids & set(loads.read_text().split() if loads.is_file() else ()))
