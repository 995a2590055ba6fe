from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medgan.errors import UsageError, WriteError
from medgan.pipeline.lock import holder, locked

HOLDER = """
import sys, time
from pathlib import Path
from medgan.pipeline.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_told_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    state = tmp_path / "out" / ".medgan"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {holder.pid}") as caught, locked(state):
            pass
        assert caught.value.exit_code == 2
        assert caught.value.where == str(tmp_path / "out")
    finally:
        holder.kill()
        holder.communicate()
    with locked(state):
        pass


FORKING_HOLDER = """
import os, sys, time
from pathlib import Path
from medgan.pipeline.lock import locked
with locked(Path(sys.argv[1]), sys.argv[2]):
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("part", ["", "shard-1-of-2"])
def test_a_child_of_a_killed_run_holds_nothing_either(tmp_path: Path, part: str) -> None:
    state = tmp_path / "out" / ".medgan"
    command = [sys.executable, "-c", FORKING_HOLDER, str(state), part]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        holder.kill()
        holder.wait()
        with locked(state):
            pass
        os.kill(child, 0)  # it was alive all the time
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    state = tmp_path / "file" / ".medgan"
    with pytest.raises(WriteError, match="cannot be written") as caught, locked(state):
        pass
    assert "-o" in caught.value.hint


def test_shards_work_side_by_side_but_not_with_a_whole_run_nor_twice(tmp_path: Path) -> None:
    state = tmp_path / "out" / ".medgan"
    with locked(state, "shard-1-of-2"), locked(state, "shard-2-of-2"):
        with pytest.raises(UsageError, match="another run"), locked(state):
            pass
        with pytest.raises(UsageError, match="another run"), locked(state, "shard-1-of-2"):
            pass
    with (
        locked(state),
        pytest.raises(UsageError, match="another run"),
        locked(state, "shard-1-of-2"),
    ):
        pass


def test_whoever_only_looks_refuses_nobody(tmp_path: Path) -> None:
    state = tmp_path / "out" / ".medgan"
    assert holder(state) == ""
    assert not state.exists()
    with locked(state):
        assert holder(state).startswith("process ")
    assert holder(state) == ""
    # A look takes the lock for a moment; a run that begins just then waits for it.
    code = (
        "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_SH); "
        "print('held', flush=True); time.sleep(0.2)"
    )
    look = subprocess.Popen(
        [sys.executable, "-c", code, str(state / "lock")], stdout=subprocess.PIPE, text=True
    )
    assert look.stdout is not None
    assert look.stdout.readline() == "held\n"
    with locked(state):
        pass
    look.communicate()
