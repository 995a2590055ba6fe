from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.pipeline.folders import check_apart, no_trace_of_nothing
from medgan.pipeline.stage import Context


@pytest.mark.parametrize(
    ("source", "out", "what"),
    [
        ("in", "file", "the output is a file"),
        ("in", "in", "inside the input"),
        ("in", "in/out", "inside the input"),
        ("in", "link/out", "inside the input"),
        ("in", "in/../in/out", "inside the input"),
        ("in/scan.nii", "in", "the input lies inside"),
    ],
)
def test_folders_that_do_not_lie_apart_are_refused(
    tmp_path: Path, source: str, out: str, what: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=what):
        check_apart(tmp_path / source, tmp_path / out)


def test_folders_side_by_side_are_fine(tmp_path: Path) -> None:
    check_apart(tmp_path / "in", tmp_path / "inside")
    check_apart(None, tmp_path / "out")


@pytest.mark.parametrize("part", ["", "shard-1-of-2"])
def test_a_run_that_came_to_nothing_leaves_nothing_but_what_other_shards_made(
    tmp_path: Path, part: str
) -> None:
    context = Context(None, tmp_path / "out", part=part)

    def begin_and_end() -> None:
        with no_trace_of_nothing(context):
            context.state.mkdir(parents=True)
            raise UsageError("no")

    with pytest.raises(UsageError):
        begin_and_end()
    assert context.state.exists() == bool(part)
