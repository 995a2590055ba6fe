"""A scan for which memory ran out, done again with less: smaller pieces, one view, then the CPU.

The whole scan is done again and not its rest: the fillers are tried out on hidden slices, and have
to be the very ones that fill. Measured slices never pass through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from medgan.interpolation import Filler
from medgan.models.memory import is_on_gpu, is_out_of_memory, on_cpu, release
from medgan.record import ScanRecord
from medgan.restoration.net_filler import CHUNK_PIXELS, NetFiller
from medgan.restoration.net_thinner import NetThinner
from medgan.scans import Scan

F = TypeVar("F", bound=Filler | NetThinner)
Work = Callable[[Sequence[F]], tuple[Scan, ScanRecord]]


@dataclass(frozen=True)
class Ease:
    """A way to need less memory.

    Parameters
    ----------
    words
        For the record.
    averaging
        Views to average over; None: as asked for.
    """

    words: str
    chunk_pixels: int
    averaging: int | None = None
    is_on_cpu: bool = False


SMALL = CHUNK_PIXELS // 8
EASES = (
    Ease("in smaller pieces, which may change last digits", SMALL),
    Ease("in smaller pieces and from one view, which is a little less exact", SMALL, 1),
    Ease("on the CPU, from one view, which is a little less exact", SMALL, 1, is_on_cpu=True),
)


def within_memory(work: Work[F], fillers: Sequence[F]) -> tuple[Scan, ScanRecord]:
    """Do a scan, and again with less memory each time it runs out.

    Parameters
    ----------
    work
        Restores one scan by the fillers it is given.
    fillers
        As `load_fillers` gives them, and a `NetThinner` for thick slices; without a network among
        them there is one attempt.

    Returns
    -------
    tuple
        What `work` returned; the notes of the record say how it came about, where not as asked.

    Raises
    ------
    MemoryError, RuntimeError
        The last one, if it ran out every time.
    """
    eases = [None, *_eases(fillers)]
    for ease in eases[:-1]:
        done = _attempt(work, fillers, ease)
        if done is not None:
            return done
        # Here, outside of the handler: until then the traceback holds what filled the memory.
        release()
    return _done(work, fillers, eases[-1])


def _attempt(
    work: Work[F], fillers: Sequence[F], ease: Ease | None
) -> tuple[Scan, ScanRecord] | None:
    try:
        return _done(work, fillers, ease)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _done(work: Work[F], fillers: Sequence[F], ease: Ease | None) -> tuple[Scan, ScanRecord]:
    if ease is None:
        return work(fillers)
    with ExitStack() as moved:
        if ease.is_on_cpu:
            for filler in _networks(fillers):
                moved.enter_context(on_cpu(filler.model.network))
        scan, record = work([_lighter(filler, ease) for filler in fillers])
    note = f"memory ran out: the network was run again {ease.words}"
    return scan, replace(record, notes=(*record.notes, note))


def _eases(fillers: Sequence[Filler | NetThinner]) -> list[Ease]:
    networks = list(_networks(fillers))
    on_gpu = any(is_on_gpu(filler.model.network) for filler in networks)
    return [ease for ease in EASES if networks and (on_gpu or not ease.is_on_cpu)]


def _networks(fillers: Sequence[Filler | NetThinner]) -> Iterator[NetFiller | NetThinner]:
    return (filler for filler in fillers if isinstance(filler, NetFiller | NetThinner))


def _lighter(filler: F, ease: Ease) -> F:
    if not isinstance(filler, NetFiller | NetThinner):
        return filler
    averaging = filler.averaging if ease.averaging is None else ease.averaging
    return replace(filler, chunk_pixels=ease.chunk_pixels, averaging=averaging)
