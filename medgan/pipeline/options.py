"""How to run: workers, limits, which part. None of it changes a result, the salt aside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medgan.errors import UsageError
from medgan.pipeline.cluster import Cluster
from medgan.pipeline.shards import Shard

Only = Literal["all", "failed", "merge"]


@dataclass(frozen=True)
class RunOptions:
    """How to run; none of it changes a result, `salt_file` aside.

    Parameters
    ----------
    workers
        Child processes, or jobs of a batch system; 0: in this process; None: as many as cores and
        memory allow.
    device
        `auto`, `cpu`, `cuda` or `cuda:n`.
    time_limit_s
        Limit of one unit; None: none. Training has none in any case.
    memory_gb
        Memory of all children together; None: most of this machine.
    max_failures
        Stop when so many scans have failed; None: never.
    only
        `all` that is not up to date; the scans that `failed`; or no scan at all, to `merge` what
        shards have done.
    shard
        Work on this part of the scans alone, and leave what is done once for all to the merge.
    salt_file
        Holds the secret of a run that de-identifies: every pseudonym comes of it. None: see
        `pipeline/salt.py`.
    cluster
        Dask workers to do the scans; None: children of this process.

    Raises
    ------
    UsageError
        If they clash.
    """

    workers: int | None = None
    device: str = "auto"
    time_limit_s: float | None = 3600.0
    memory_gb: float | None = None
    max_failures: int | None = None
    only: Only = "all"
    shard: Shard | None = None
    salt_file: Path | None = None
    cluster: Cluster | None = None

    def __post_init__(self) -> None:
        if self.cluster is not None:
            self._check_size(self.cluster)
        if self.shard is not None and self.only == "merge":
            raise UsageError(
                "a shard does scans, and a merge does none",
                where="--shard, --merge",
                hint="Run all shards first, then the same command with --merge alone.",
            )

    def _check_size(self, cluster: Cluster) -> None:
        if self.workers == 0:
            raise UsageError(
                "Dask does the work in workers, and none are wanted",
                where="--workers 0",
                hint="Leave --engine, --cluster and --scheduler away to do all in one process.",
            )
        if cluster.system and self.workers is None:
            raise UsageError(
                "it is not said how many jobs to send",
                where=f"--cluster {cluster.system}",
                hint="Say it with --workers; each job is one worker.",
            )
        if cluster.scheduler and self.workers is not None:
            raise UsageError(
                "a scheduler that runs has as many workers as it has",
                where="--scheduler, --workers",
                hint="Leave --workers away.",
            )
        if cluster.is_elsewhere and self.memory_gb is not None:
            raise UsageError(
                "the memory of workers on other machines is not shared out from here",
                where="--memory",
                hint="Ask for it in the job, e.g. --job memory=16GB, or start the workers of your "
                "scheduler with --memory-limit.",
            )


DEFAULTS = RunOptions()
