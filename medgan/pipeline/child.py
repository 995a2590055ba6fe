"""The inside of a child process: dies with its parent, loads once, watches its memory."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from medgan.pipeline.machine import resident_mb
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.unit import Chain, Unit, failed, failure_of
from medgan.record import Failure

EXIT_LOADING_TOO_LONG = 97
EXIT_OUT_OF_MEMORY = 98
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_chain: Chain | None = None
_fault: Failure | None = None


def start(
    steps: Sequence[Step], context: Context, memory_mb: float, load_limit_s: float, parent: int
) -> None:
    """Prepare a child: runs once, before its first unit and before any time limit.

    A fault in loading is kept and told with the first unit: an initializer that raises would only
    be started again.
    """
    global _chain, _fault
    _die_with(parent)
    threading.Thread(target=_watch_memory, args=(memory_mb,), daemon=True).start()
    limit = threading.Timer(load_limit_s, os._exit, (EXIT_LOADING_TOO_LONG,))
    limit.daemon = True
    limit.start()
    try:
        _chain = Chain(steps, context)
    except Exception as error:  # a boundary, as in unit.py
        _fault = failure_of(error, steps[0].name)
    limit.cancel()


def perform(unit: Unit) -> Outcome:
    """Do one unit in this child."""
    if _chain is None:
        return failed(unit, "start", _fault or Failure("start", "StageError", "nothing is loaded"))
    return _chain.perform(unit)


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _watch_memory(limit_mb: float) -> None:
    # RLIMIT_AS would count address space, which CUDA reserves by the tens of GB.
    while resident_mb() < limit_mb:
        time.sleep(0.05)
    os._exit(EXIT_OUT_OF_MEMORY)
