from __future__ import annotations

import errno
from pathlib import Path

import pytest

from medgan.errors import WriteError
from medgan.pipeline.stage import Context
from medgan.pipeline.staging import clear, mark, publish, staging, sweep


def test_files_are_moved_to_the_same_place_and_the_staging_folder_goes(tmp_path: Path) -> None:
    context = Context(None, tmp_path)
    with staging(context, "key" * 10) as staged:
        target = staged.out / "deep" / "a.txt"
        target.parent.mkdir()
        target.write_text("abc")
        (output,) = publish([target, target], staged.out, tmp_path)
    assert (output.path, output.size) == ("deep/a.txt", 3)
    assert (tmp_path / "deep" / "a.txt").read_text() == "abc"
    assert not list((tmp_path / ".medgan" / "staging").iterdir())


def _write_and_fail(out: Path) -> None:
    with staging(Context(None, out), "k") as staged:
        (staged.out / "a.txt").write_text("abc")
        raise ValueError("broken")


def test_a_fault_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"):
        _write_and_fail(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    context = Context(None, tmp_path)
    (context.state / "staging" / "abc").mkdir(parents=True)
    sweep(context)
    assert not list(context.state.iterdir())


def test_no_room_is_told_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(WriteError) as caught, staging(Context(None, tmp_path), "k"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "No space left" in caught.value.what
    assert caught.value.hint


def test_shards_have_places_of_their_own_and_a_whole_run_sweeps_them_all(tmp_path: Path) -> None:
    one, two = (Context(None, tmp_path, part=f"shard-{n}-of-2") for n in (1, 2))
    with staging(one, "k") as first, staging(two, "k") as second:
        (first.out / "a.txt").write_text("abc")
        assert not list(second.out.iterdir())
        sweep(two)
        assert (first.out / "a.txt").exists()
        sweep(Context(None, tmp_path))
        assert not first.out.exists()


def test_the_stage_that_a_killed_unit_was_at_is_known_once(tmp_path: Path) -> None:
    context = Context(None, tmp_path)
    with staging(context, "k") as staged:
        for stage in ("index", "restore"):
            mark(context, "k", stage)
        (staged.out / "half.txt").write_text("ab")
        assert clear(context, "k") == "restore"  # what the driver does when the child is gone
        assert not staged.out.exists()
        assert clear(context, "k") == ""
