from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import WriteError
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.ledger import LEDGER, Ledger, fold, read_lines
from medgan.pipeline.outcome import Outcome, Output
from medgan.pipeline.plan_file import PlanFile
from medgan.pipeline.settings import read_pipeline
from medgan.record import Failure, FilledSlice, Interval, ScanRecord

COVERS = ("digests", "outcome", "state_files")


def open_ledger(out: Path) -> Ledger:
    state = out / ".medgan"
    state.mkdir(parents=True, exist_ok=True)
    return Ledger(out, state, FileDigests(state))


def done(out: Path, key: str, name: str, text: str, unit: str = "u") -> Outcome:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    filled = FilledSlice(3, (0.0, 1.0, 2.0), None, 1, "good", Interval(30.0, 28.0, 32.0))
    record = ScanRecord("a", "restored", shape=(4, 4, 5), filled=(filled,))
    return Outcome(key, unit, "done", (record,), (Output.of(path, out),))


def test_outcomes_come_back_as_they_were(tmp_path: Path) -> None:
    outcome = done(tmp_path, "k", "a.out", "x")
    open_ledger(tmp_path).write(outcome)
    assert open_ledger(tmp_path).up_to_date("k") == outcome


@pytest.mark.parametrize("harm", ["change", "delete", "same size"])
def test_an_outcome_is_believed_only_while_its_outputs_stand(tmp_path: Path, harm: str) -> None:
    open_ledger(tmp_path).write(done(tmp_path, "k", "a.out", "text"))
    if harm == "delete":
        (tmp_path / "a.out").unlink()
    else:
        (tmp_path / "a.out").write_text("texts" if harm == "change" else "tixt")
    ledger = open_ledger(tmp_path)
    assert ledger.up_to_date("k") is None
    assert ledger.why("k", "u") == "its outputs were changed or deleted"


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_torn_last_line_is_dropped_and_the_next_stands_alone(tmp_path: Path, cut: int) -> None:
    first, second = done(tmp_path, "k1", "a", "x", "u1"), done(tmp_path, "k2", "b", "y", "u2")
    ledger = open_ledger(tmp_path)
    ledger.write(first)
    ledger.write(second)
    file = tmp_path / ".medgan" / LEDGER
    file.write_bytes(file.read_bytes()[:-cut])
    ledger = open_ledger(tmp_path)
    assert ledger.up_to_date("k1") == first
    assert ledger.up_to_date("k2") is None
    ledger.write(second)
    assert open_ledger(tmp_path).up_to_date("k2") == second
    assert [line["key"] for line in read_lines(tmp_path / ".medgan")] == ["k1", "k2"]


def test_a_line_of_nonsense_costs_that_line_alone(tmp_path: Path) -> None:
    outcome = done(tmp_path, "k", "a", "x")
    open_ledger(tmp_path).write(outcome)
    file = tmp_path / ".medgan" / LEDGER
    file.write_text("nonsense\n" + '{"key": 1}\n' + file.read_text())
    assert open_ledger(tmp_path).up_to_date("k") == outcome


def test_files_of_an_older_outcome_go_unless_somebody_changed_them(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.write(done(tmp_path, "k1", "deep/old.out", "x"))
    ledger.write(done(tmp_path, "k2", "new.out", "y"))
    assert not (tmp_path / "deep").exists()
    ledger.write(done(tmp_path, "k3", "third.out", "z"))
    assert not (tmp_path / "new.out").exists()
    (tmp_path / "third.out").write_text("edited by hand")
    ledger.write(done(tmp_path, "k4", "fourth.out", "w"))
    assert (tmp_path / "third.out").exists()


def test_shards_write_files_of_their_own_and_all_read_all(tmp_path: Path) -> None:
    state = tmp_path / ".medgan"
    state.mkdir()
    ledgers = [
        Ledger(tmp_path, state, FileDigests(state, part), part)
        for part in ("", "shard-1-of-2", "shard-2-of-2")
    ]
    outcomes = [done(tmp_path, f"k{n}", f"{n}.out", "x", f"u{n}") for n in range(3)]
    for ledger, outcome in zip(ledgers, outcomes, strict=True):
        ledger.write(outcome)
    assert len(list(state.glob("ledger*.jsonl"))) == len(list(state.glob("files*.jsonl"))) == 3
    assert [open_ledger(tmp_path).up_to_date(o.key) for o in outcomes] == outcomes

    fold(state)
    assert [path.name for path in state.glob("ledger*.jsonl")] == [LEDGER]
    assert [open_ledger(tmp_path).up_to_date(o.key) for o in outcomes] == outcomes


def test_folding_twice_after_a_crash_repeats_no_line(tmp_path: Path) -> None:
    state = tmp_path / ".medgan"
    state.mkdir()
    Ledger(tmp_path, state, FileDigests(state), "shard-1-of-1").write(
        done(tmp_path, "k", "a.out", "x")
    )
    (shard,) = state.glob("ledger*.jsonl")
    text = shard.read_bytes()
    fold(state)
    shard.write_bytes(text + b'{"torn')  # as if the crash came before it was deleted
    (state / LEDGER).write_bytes(text + b'{"torn too')
    fold(state)
    assert (state / LEDGER).read_bytes() == text


def test_the_last_word_on_a_unit_stands_beside_its_last_success(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.write(done(tmp_path, "k", "a.out", "x"))
    failure = Failure("s", "StageError", "it broke")
    ledger.write(Outcome("k2", "u", "crashed", failure=failure))
    ledger = open_ledger(tmp_path)
    last = ledger.last("u")
    assert last is not None
    assert (last.key, last.failure) == ("k2", failure)
    assert ledger.up_to_date("k") is not None
    assert ledger.why("k2", "u") == "it failed the last time"
    assert ledger.why("k3", "u") == "its input, settings, model or program changed"
    assert ledger.why("k3", "v") == "not done yet"


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    file = tmp_path / ".medgan" / LEDGER
    file.symlink_to("/dev/full")
    with pytest.raises(WriteError, match="No space left") as caught:
        ledger.write(done(tmp_path, "k", "a", "x"))
    assert "again" in caught.value.hint


def test_a_full_disk_is_told_by_plan_and_fold_too(tmp_path: Path) -> None:
    shard = Ledger(tmp_path, tmp_path, FileDigests(tmp_path), "shard-1-of-1")
    shard.write(done(tmp_path, "k", "a", "x"))
    (tmp_path / LEDGER).symlink_to("/dev/full")
    with pytest.raises(WriteError, match="the ledger cannot be written: No space left"):
        fold(tmp_path)
    assert list(tmp_path.glob("ledger.shard-*"))  # nothing is lost
    (tmp_path / "plan.tmp").symlink_to("/dev/full")
    pipeline = read_pipeline("restore_folder")
    with pytest.raises(WriteError, match="the plan cannot be written: No space left"):
        PlanFile(tmp_path, pipeline).add("index", {}, ())


def test_digests_are_remembered_by_size_and_time(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    # sha256 of "abc": FIPS 180-2, appendix B.1.
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    digests = FileDigests(tmp_path)
    assert digests.digest(file) == abc
    digests.learn(file, "known otherwise")
    assert FileDigests(tmp_path).digest(file) == "known otherwise"
    file.write_bytes(b"abcd")
    assert FileDigests(tmp_path).digest(file) not in (abc, "known otherwise")
