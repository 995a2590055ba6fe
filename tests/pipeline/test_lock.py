from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medgan.errors import UsageError, WriteError
from medgan.pipeline.lock import locked

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


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    state = tmp_path / "file" / ".medgan"
    with pytest.raises(WriteError, match="cannot be written") as caught, locked(state):
        pass
    assert "-o" in caught.value.hint
