from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import WriteError
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.ledger import LEDGER, Ledger, read_lines
from medgan.pipeline.outcome import Outcome, Output
from medgan.record import FilledSlice, Interval, ScanRecord

COVERS = ("digests", "outcome")


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


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    file = tmp_path / ".medgan" / LEDGER
    file.symlink_to("/dev/full")
    with pytest.raises(WriteError, match="No space left") as caught:
        ledger.write(done(tmp_path, "k", "a", "x"))
    assert "again" in caught.value.hint


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
