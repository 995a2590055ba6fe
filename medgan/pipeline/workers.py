"""How many children work at once, and how much memory each may use."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from medgan.pipeline.device import has_gpu
from medgan.pipeline.machine import memory_mb, n_cores
from medgan.pipeline.machine_choice import chosen
from medgan.pipeline.options import RunOptions
from medgan.pipeline.unit import Unit

CHILD_MEMORY_MB = 2500.0
"""What a child is expected to need where it cannot be told what it will work on."""
BASE_MB = 1200.0
"""Of that, what does not grow with the scan: torch, a model, and slices tried out at 512 x 512."""
BYTES_PER_VOXEL, DICOM_BYTES_PER_VOXEL = 8, 4
"""What grows: stored values as read and as restored. DICOM images have 16 bits; of other files the
type is not known before they are read, and counts as 32 bits."""
GPU_WORKERS = 2
"""Children on one GPU: one computes while the other reads and writes."""
MEMORY_SHARE = 0.85
"""Of the machine's memory, for all children together; the rest is the system's and the driver's."""


@dataclass(frozen=True)
class Workers:
    """Children, and what each is given.

    Parameters
    ----------
    n
        Children; 0: none, the driver does the work.
    threads
        Threads of each.
    memory_mb
        Largest resident memory of each.
    alone_mb
        The same for one that has the machine to itself.
    said
        Why there are fewer than asked for; empty if there are not.
    """

    n: int
    threads: int
    memory_mb: float
    alone_mb: float
    said: str = ""


def memory_needed_mb(units: Iterable[Unit]) -> float:
    """Return the memory that a child is expected to need for the largest scan of these units.

    By what headers say of shapes; of units without a scan (training) nothing is known.
    """
    records = (r for unit in units if unit.item for r in unit.item.records if r.shape)
    sizes = [
        math.prod(record.shape)
        * (DICOM_BYTES_PER_VOXEL if record.format == "dicom" else BYTES_PER_VOXEL)
        for record in records
    ]
    return BASE_MB + max(sizes) / 1e6 if sizes else CHILD_MEMORY_MB


def share_out(options: RunOptions, n_units: int, needed_mb: float | None = None) -> Workers:
    """Divide cores and memory among children, never more of them than the memory allows.

    Parameters
    ----------
    needed_mb
        Memory that one child is expected to need; None where that cannot be told.
    """
    needed_mb = CHILD_MEMORY_MB if needed_mb is None else needed_mb
    bound = MEMORY_SHARE * memory_mb() if options.memory_gb is None else options.memory_gb * 1e3
    fitting = max(1, int(bound / needed_mb))
    n, said = _by_machine(options, n_units, fitting), ""
    if options.workers is not None:
        n = min(options.workers, fitting)
        if n < options.workers:
            said = (
                f"{n} of {options.workers} workers started: {bound / 1e3:.1f} GB allow no more, "
                f"at {needed_mb / 1e3:.1f} GB each (--memory sets the bound)"
            )
    n = min(n, max(n_units, 1))  # what is left over would take memory from those that work
    share = max(n, 1)
    return Workers(n, max(1, min(n_cores() // share, _useful())), bound / share, bound, said)


def _useful() -> int:
    """Return threads beyond which a worker gets no faster, if `medgan doctor` found that out."""
    choice = chosen()
    return n_cores() if choice is None else choice.threads


def _by_machine(options: RunOptions, n_units: int, fitting: int) -> int:
    by_gpu = GPU_WORKERS if options.device != "cpu" and has_gpu() else n_units
    return max(1, min(n_cores(), fitting, by_gpu, n_units))
