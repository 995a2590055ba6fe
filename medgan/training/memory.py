"""When memory runs out in a step: said plainly, with what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from medgan.errors import StageError
from medgan.models.memory import is_out_of_memory
from medgan.training.processes import Processes

_LOADER_DIED = "DataLoader worker"


@contextmanager
def enough_memory(run: str, processes: Processes) -> Iterator[None]:
    """Turn what a lack of memory raises into one error; the batch is never changed silently.

    Parameters
    ----------
    run
        Name of the run, for the message.

    Raises
    ------
    StageError
        If memory ran out, or a process that loads samples was killed.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        where = run if processes.n == 1 else f"{run}, process {processes.rank} of {processes.n}"
        if _LOADER_DIED in text and "killed" in text:
            raise StageError(
                "a process that loads samples was killed, as when memory runs out",
                where=where,
                hint="Lower n_workers, or free memory. The last checkpoint stays: the same command "
                "goes on from it.",
            ) from error
        if not is_out_of_memory(error):
            raise
        raise StageError(
            "memory ran out in a training step: batch_size is too large for this machine",
            where=where,
            hint="Free memory, or share the batch among more processes, and the run goes on from "
            "its last checkpoint (docs/training.md). A smaller batch_size is another training: "
            "name a new folder for it.",
        ) from error
