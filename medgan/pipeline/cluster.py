"""Which Dask workers a run has: of this machine, of a batch system, or of a scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from medgan.errors import UsageError

System = Literal["slurm", "pbs", "sge", "lsf"]


@dataclass(frozen=True)
class Cluster:
    """Where Dask workers come from; by default they are started on this machine.

    Parameters
    ----------
    system
        Batch system to send jobs to; each job is one worker. None: no jobs.
    job
        What a job asks for, by the names of dask-jobqueue: `cores`, `memory`, `walltime`, `queue`,
        `account`, `job_extra_directives` and so on. What is not given comes from Dask's own
        configuration (`jobqueue.slurm` and so on).
    scheduler
        Address `tls://host:port` of a Dask scheduler that runs already, with workers of its own.

    Raises
    ------
    UsageError
        If they clash, or the scheduler would be spoken to in the clear.
    """

    system: System | None = None
    job: Mapping[str, Any] = field(default_factory=dict)
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.scheduler and self.system:
            raise UsageError(
                "a scheduler that runs has workers of its own, and needs no jobs",
                where="--scheduler, --cluster",
                hint="Give one of the two.",
            )
        if self.job and not self.system:
            raise UsageError(
                "there is no batch system to ask for it",
                where="--job",
                hint="Name one with --cluster, e.g. --cluster slurm.",
            )
        if self.scheduler and not self.scheduler.startswith("tls://"):
            raise UsageError(
                f"expected an address such as tls://host:8786, found {self.scheduler!r}",
                where="--scheduler",
                hint="Without TLS, whoever reaches a Dask scheduler can run programs as its user: "
                "start it with --tls-ca-file, --tls-cert and --tls-key.",
            )

    @property
    def is_elsewhere(self) -> bool:
        """Whether its workers have machines, and memory, of their own."""
        return bool(self.system or self.scheduler)
