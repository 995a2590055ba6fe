"""How many children work at once, and how much memory each may use."""

from __future__ import annotations

from dataclasses import dataclass

from medgan.pipeline.device import has_gpu
from medgan.pipeline.machine import memory_mb, n_cores
from medgan.pipeline.options import RunOptions

CHILD_MEMORY_MB = 2500.0
"""What a child is expected to need: torch, a model, and a 512 x 512 x 300 scan in two copies."""
GPU_WORKERS = 2
"""Children on one GPU: one computes while the other reads and writes."""
_MEMORY_SHARE = 0.85
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


def share_out(options: RunOptions, n_units: int) -> Workers:
    """Divide cores and memory among children, never more of them than the memory allows."""
    bound = _MEMORY_SHARE * memory_mb() if options.memory_gb is None else options.memory_gb * 1e3
    fitting = max(1, int(bound / CHILD_MEMORY_MB))
    n, said = _by_machine(options, n_units, fitting), ""
    if options.workers is not None:
        n = min(options.workers, fitting)
        if n < options.workers:
            said = (
                f"{n} of {options.workers} workers started: {bound / 1e3:.1f} GB allow no more, "
                f"at {CHILD_MEMORY_MB / 1e3:.1f} GB each (--memory sets the bound)"
            )
    n = min(n, max(n_units, 1))  # what is left over would take memory from those that work
    share = max(n, 1)
    return Workers(n, max(1, n_cores() // share), bound / share, bound, said)


def _by_machine(options: RunOptions, n_units: int, fitting: int) -> int:
    by_gpu = GPU_WORKERS if options.device != "cpu" and has_gpu() else n_units
    return max(1, min(n_cores(), fitting, by_gpu, n_units))
