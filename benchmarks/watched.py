"""Watch a command and its children from outside: peak memory as the kernel counts it, over time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

INTERVAL_S = 0.2


@dataclass
class Watched:
    """What was seen of a command.

    Parameters
    ----------
    driver_mb, child_mb
        Largest resident memory (VmHWM) of the command itself, and of any of its children.
    samples
        Seconds since the start, resident MB of the driver, and of all children together.
    """

    code: int = 0
    seconds: float = 0.0
    driver_mb: float = 0.0
    child_mb: float = 0.0
    samples: list[tuple[float, float, float]] = field(default_factory=list)


def peak_mb(pid: int | str = "self") -> float:
    """Largest resident memory of a process so far, VmHWM; 0 where it has gone."""
    return _status(pid, "VmHWM")


def watched(
    command: Sequence[str], threads: int | None = None, limit_s: float | None = None
) -> Watched:
    """Run a command to its end and sample it and its children five times a second.

    Parameters
    ----------
    threads
        Of each process; None: as it chooses.
    limit_s
        Interrupt it after so long, as Ctrl-C does.
    """
    seen, began = Watched(), time.monotonic()
    chosen = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | chosen
    ) as process:
        while process.poll() is None:
            children = descendants(process.pid)
            seen.driver_mb = max(seen.driver_mb, peak_mb(process.pid))
            seen.child_mb = max([seen.child_mb, *map(peak_mb, children)])
            resident = sum(_status(child, "VmRSS") for child in children)
            at = time.monotonic() - began
            seen.samples.append((at, _status(process.pid, "VmRSS"), resident))
            if limit_s is not None and at > limit_s:
                process.send_signal(signal.SIGINT)
                limit_s = None
            time.sleep(INTERVAL_S)
    seen.code, seen.seconds = process.returncode, time.monotonic() - began
    return seen


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        own = [int(word) for t in threads for word in (t / "children").read_text().split()]
    except OSError:
        return []
    return [*own, *(further for child in own for further in descendants(child))]


def _status(pid: int | str, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    words = next((line.split() for line in lines if line.startswith(f"{name}:")), ["", "0"])
    return int(words[1]) / 1e3
