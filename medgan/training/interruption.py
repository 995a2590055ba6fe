"""Ctrl-C and the signals of schedulers: the step in hand ends, and the run can be taken up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Ctrl-C; what schedulers send before they kill; what SLURM can be asked to send (`--signal`)."""

Handler = Callable[[int, FrameType | None], Any]


def raise_interrupt(number: int, frame: FrameType | None) -> None:
    """Act at once, where there is no step in hand: nothing is left half-written anywhere."""
    raise KeyboardInterrupt


@contextmanager
def interruptible(*, is_alone: bool = True) -> Iterator[Callable[[], bool]]:
    """Turn these signals into a flag for as long as the context lasts.

    Parameters
    ----------
    is_alone
        Whether a second Ctrl-C acts at once. It does not where several processes train: launchers
        pass on a signal that the terminal has sent to each of them already.

    Yields
    ------
    Callable
        Whether one of the signals came.
    """
    seen: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in seen and is_alone:
            raise KeyboardInterrupt
        seen.append(number)

    with handled(remember):
        yield lambda: bool(seen)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Give the signals a handler for as long as the context lasts.

    Outside the main thread nothing is done: there, the caller handles signals.
    """
    previous: dict[signal.Signals, Any] = {}
    try:
        for kind in SIGNALS:
            previous[kind] = signal.signal(kind, handler)
    except ValueError:
        previous.clear()
    try:
        yield
    finally:
        for kind, before in previous.items():
            signal.signal(kind, before)
