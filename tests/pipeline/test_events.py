from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medgan.errors import ReadError, WriteError
from medgan.pipeline import Events, RunOptions, Together, run_pipeline
from medgan.pipeline.watch import seconds_left

COVERS = ("watch",)

INLINE = RunOptions(workers=0)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_one_line_for_each_event(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    events = Events(file)
    run_pipeline(pipeline, cohort(a="ok", b="raise"), tmp_path / "out", (), INLINE, events)
    told = lines(file)
    events_in_order = ["begin", "unit", "unit", "begin", "unit", "note", "end"]
    assert [line["event"] for line in told] == events_in_order
    assert told[0]["stages"] == ["fake_list", "fake_work"]
    assert (told[0]["todo"], told[0]["up_to_date"]) == (2, 0)
    assert (told[1]["unit"], told[1]["status"]) == ("fake/fake_list/a", "done")
    assert (told[1]["n"], told[1]["of"], told[1]["outputs"]) == (1, 2, ["a.out"])
    assert told[2]["failure"]["kind"] == "ValueError"
    assert told[2]["failure"]["trace"].startswith(".medgan/traces/")
    assert told[2]["left_s"] == 0
    assert {name: told[-1][name] for name in ("exit_code", "failed", "done")} == {
        "exit_code": 3,
        "failed": ["b"],
        "done": 2,
    }
    elapsed = [line["elapsed_s"] for line in told]
    assert elapsed == sorted(elapsed)
    assert "secret" not in file.read_text()


def test_what_ends_a_run_is_told(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    with pytest.raises(ReadError):
        run_pipeline(
            pipeline,
            cohort(a="ok"),
            tmp_path / "out",
            ["fake_work.model=not_there"],
            INLINE,
            Together(Events(file), Events(file)),
        )
    one, two = lines(file)
    assert one["event"] == two["event"] == "broken"
    assert (one["kind"], one["where"]) == ("ReadError", "not_there")


def test_a_stream_is_told_at_once(
    pipeline: str, cohort: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    run_pipeline(pipeline, cohort(a="ok"), tmp_path / "out", (), INLINE, Events(stream))
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
    assert json.loads(stream.getvalue().splitlines()[-1])["event"] == "end"


def test_a_file_that_cannot_be_written_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file") as caught:
        Events(tmp_path / "no" / "events.jsonl")
    assert "--events" in caught.value.hint


def test_a_disk_that_fills_up_stops_no_run(tmp_path: Path) -> None:
    file = tmp_path / "events"
    events = Events(file)
    file.unlink()
    file.symlink_to("/dev/full")
    events.note("this is lost")


def test_time_left_is_told_from_what_is_done() -> None:
    assert seconds_left(30.0, 10, 40) == 90.0
    assert seconds_left(30.0, 40, 40) == 0.0
    assert seconds_left(1.0, 0, 40) == 0.0
