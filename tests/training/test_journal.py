"""Lines of later steps go; waiting is measured where it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from medgan.training.journal import Journal, Waiting


def test_a_run_taken_up_drops_what_it_will_write_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run")
    journal.cut(-1)
    for step in range(4):
        journal.write({"step": step, "loss": 0.5})
    with journal.path.open("a") as stream:
        stream.write('{"step": 2, "lo')  # cut short by a power cut
    journal.cut(1)
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1]
    journal.cut(-1)
    assert journal.path.read_text() == ""


def test_the_share_is_of_waiting_and_not_of_work() -> None:
    def slow() -> Iterator[int]:
        for batch in range(2):
            time.sleep(0.05)
            yield batch

    waiting = Waiting()
    assert list(waiting.timed(slow())) == [0, 1]
    after_waiting = waiting.since_last()
    time.sleep(0.1)
    after_work = waiting.since_last()
    assert 0 == after_work < waiting.share < after_waiting <= 1
