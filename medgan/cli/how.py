"""Options of commands that work on many scans: how, how long, which part; not what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medgan.errors import UsageError

if TYPE_CHECKING:
    from medgan.pipeline import Cluster, RunOptions

EngineName = Literal["local", "dask"]
System = Literal["slurm", "pbs", "sge", "lsf"]

Workers = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Child processes, or jobs with --cluster; 0: none, all in this one, for debugging. "
        "[default: by cores and memory]",
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        min=0.1,
        help="Seconds that one scan may take once the model is loaded; training has no limit.",
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        metavar="GB",
        help="Memory of all workers together. No more of them are started than it allows, and a "
        "scan that needs more than its share is ended and named. [default: 85 % of the machine]",
    ),
]
MaxFailures = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Stop when N scans have failed; the same command goes on from there.",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Do the scans that failed the last time, and no others. (Without it, all that is "
        "not done is done, failed ones among them.)",
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Do part I of N, e.g. 2/4: start one process for each I, on as many machines as you "
        "like, at the same time, on one output folder; then --merge.",
    ),
]
Merge = Annotated[
    bool,
    typer.Option(
        "--merge",
        help="After all shards: do no scan, but what is done once (report), and name scans that "
        "failed or that no shard came to.",
    ),
]
PrintSlurm = Annotated[
    bool,
    typer.Option(
        "--print-slurm",
        help="Print a script that sends this command to SLURM in shards, and a merge after them; "
        "run nothing. Example: ... --print-slurm > job.sh; bash job.sh",
    ),
]
Shards = Annotated[
    int, typer.Option(min=1, max=100_000, metavar="N", help="With --print-slurm: how many shards.")
]
Engine = Annotated[
    EngineName | None,
    typer.Option(
        help="Who does the scans: children of this process (local, the default), or Dask workers "
        "on this machine or, with --cluster or --scheduler, on others."
    ),
]
ClusterOption = Annotated[
    System | None,
    typer.Option(
        "--cluster",
        help="Send as many jobs as --workers says to this batch system, each a Dask worker, and "
        "share the scans out as they come.",
    ),
]
Job = Annotated[
    list[str] | None,
    typer.Option(
        "--job",
        metavar="NAME=VALUE",
        help="What a job of --cluster asks for, by the names of dask-jobqueue, e.g. cores=4, "
        "memory=16GB, walltime=12:00:00, queue=long; may be given many times. [default: as in "
        "~/.config/dask/jobqueue.yaml]",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tls://HOST:PORT",
        help="Use the workers of this Dask scheduler; certificates as Dask's own settings name "
        "them.",
    ),
]
EventsOption = Annotated[
    str | None,
    typer.Option(
        "--events",
        metavar="FILE",
        help="Append one JSON line for each event (scan done, scan failed, end); - is stderr.",
    ),
]

Deidentify = Annotated[
    bool,
    typer.Option(
        "--deidentify",
        help="Let no name, date or identifier out: neutral file names, DICOM headers by "
        "allow-list, hashed UIDs. Faces in head scans stay.",
    ),
]
SaltFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --deidentify: file that holds the secret for hashes; keep it, and do not pass "
        "it on. [default: environment MEDGAN_SALT, else OUT.salt, made beside OUT]",
    ),
]


def run_options(
    *,
    workers: int | None = None,
    device: str = "auto",
    time_limit: float = 3600.0,
    memory: float | None = None,
    max_failures: int | None = None,
    retry_failed: bool = False,
    shard: str | None = None,
    merge: bool = False,
    salt_file: Path | None = None,
    engine: EngineName | None = None,
    cluster: System | None = None,
    job: list[str] | None = None,
    scheduler: str | None = None,
) -> RunOptions:
    """Turn the options above, as a person gave them, into what the driver takes.

    Raises
    ------
    UsageError
        If options clash, or a shard is none.
    """
    from medgan.pipeline import RunOptions, Shard

    if retry_failed and merge:
        raise UsageError(
            "a merge does no scan, so it cannot retry any",
            where="--retry-failed, --merge",
            hint="Run it with --retry-failed first; that writes the report too.",
        )
    return RunOptions(
        workers=workers,
        device=device,
        time_limit_s=time_limit,
        memory_gb=memory,
        max_failures=max_failures,
        only="merge" if merge else "failed" if retry_failed else "all",
        shard=Shard.parse(shard) if shard else None,
        salt_file=salt_file,
        cluster=_cluster(engine, cluster, job or [], scheduler),
    )


def _cluster(
    engine: EngineName | None,
    system: System | None,
    job: list[str],
    scheduler: str | None,
) -> Cluster | None:
    """Return which Dask workers are meant; None: none."""
    from medgan.pipeline import Cluster

    if engine == "local" and (system or scheduler):
        raise UsageError(
            "the engine local works in children of this process, on no cluster",
            where="--engine local",
            hint="Leave --engine away: --cluster and --scheduler imply dask.",
        )
    if engine == "dask" or system or scheduler or job:
        return Cluster(system, dict(map(_asked_of_a_job, job)), scheduler or "")
    return None


def _asked_of_a_job(word: str) -> tuple[str, object]:
    """Read `NAME=VALUE`: a number, a list in brackets, or else text.

    YAML would take a wall time of 12:00:00 for a number.
    """
    from medgan.settings import override

    name, equals, value = word.partition("=")
    if not (name and equals and value):
        raise UsageError(
            "expected NAME=VALUE", where=f"--job {word}", hint="Example: --job memory=16GB"
        )
    if value.isdecimal():
        return name, int(value)
    return name, override({}, [f"it={value}"])["it"] if value.startswith("[") else value
