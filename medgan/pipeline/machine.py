"""The machine at hand: its cores and memory, and how children get their share of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path

_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait must sleep: spinning ones made convolutions three times slower on a shared
machine."""
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


def n_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_mb() -> float:
    """Memory of this machine, or of the container or batch job this process runs in, in MB."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    return min([physical, *_group_limits_mb()])


def _group_limits_mb(root: Path = Path("/sys/fs/cgroup"), own: str | None = None) -> list[float]:
    """Limits of the control group of this process and of all above it (cgroup v2), in MB."""
    try:
        text = Path("/proc/self/cgroup").read_text(encoding="ascii") if own is None else own
    except OSError:
        return []
    places = [line[len("0::/") :] for line in text.splitlines() if line.startswith("0::/")]
    limits = []
    for place in places:
        folder = root / place
        for group in (folder, *folder.parents):
            if not group.is_relative_to(root):
                break
            with contextlib.suppress(OSError, ValueError):  # ValueError: "max", so no limit
                limits.append(int((group / "memory.max").read_text(encoding="ascii")) / 1e6)
    return limits


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory of a process in MB; 0 where the system does not tell (no /proc)."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as stream:  # noqa: PTH123 - 20 times a second
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, IndexError):
        return 0.0


def end_the_greedy(limit_mb: float) -> set[int]:
    """Kill children of this process that hold more memory than they may; returns their ids.

    A child watches itself, but cannot while one call into compiled code never lets go of the
    interpreter.
    """
    greedy = {
        child.pid
        for child in multiprocessing.active_children()
        if child.pid is not None and resident_mb(child.pid) > limit_mb
    }
    for pid in greedy:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return greedy


@contextmanager
def environment(threads: int) -> Iterator[None]:
    """Give children their share of the cores: read when they import numpy, torch and OpenCV."""
    wanted = dict.fromkeys(_THREAD_VARIABLES, str(threads)) | _PASSIVE
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Start threads and children deaf to Ctrl-C: the driver alone hears it and ends them."""
    resource_tracker.ensure_running()  # it lets the signal through again when it starts
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
