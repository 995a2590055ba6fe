"""Dask workers in jobs of a batch system: one job, one worker, one child (dask-jobqueue)."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from medgan.errors import UsageError
from medgan.pipeline.cluster import System
from medgan.pipeline.machine import interrupts_held
from medgan.pipeline.options import RunOptions
from medgan.pipeline.stage import Context
from medgan.pipeline.workers import MEMORY_SHARE
from medgan.pipeline.workplace import NO_HTTP, SETTINGS, Workplace, certificates, close, library

_CLASSES: dict[System, str] = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
}
_OURS = {"processes", "nanny", "security", "protocol", "n_workers", "worker_command"}
_ADDED_TO = ("cores", "memory", "worker_extra_args", "job_script_prologue", "scheduler_options")
_PASSED_ON = ("PYTHONWARNINGS", "OMP_WAIT_POLICY")
_WORKER_WORDS = ["--nthreads", "1", "--no-dashboard", "--dashboard-address", NO_HTTP]


@contextmanager
def jobs(options: RunOptions, context: Context) -> Iterator[Workplace]:
    """Send jobs, and send another for each that is lost on the way.

    Raises
    ------
    UsageError
        If a job cannot be made of what was asked for.
    """
    cluster = options.cluster
    assert cluster is not None
    assert cluster.system is not None
    assert options.workers is not None
    folder = _private_folder(context.state / "cluster")
    asked = job_settings(cluster.system, cluster.job, folder)
    client_of = library("distributed").Client
    with interrupts_held():
        sent = _made(cluster.system, asked)
        client = client_of(sent, set_as_default=False)
    try:
        # Dask's own `adapt` sends no new job for one that has gone: it is still in its plan.
        refill = partial(sent.scale, jobs=options.workers)
        refill()
        memory_mb = MEMORY_SHARE * library("dask.utils").parse_bytes(asked["memory"]) / 1e6
        said = f"{options.workers} jobs sent to {cluster.system}; their logs go to {folder}"
        yield Workplace(client, int(asked["cores"]), memory_mb, memory_mb, said, refill)
    finally:
        close(client, sent)


def _made(system: System, asked: dict[str, Any]) -> Any:
    try:
        return cluster_class(system)(
            **asked, security=certificates(), silence_logs=logging.CRITICAL
        )
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"no job can be made of this: {error}",
            where=f"--cluster {system}, --job",
            hint="--job takes the names of dask-jobqueue, e.g. --job cores=4 --job memory=16GB.",
        ) from None


def cluster_class(system: System) -> Any:
    """Return the class of dask-jobqueue for a batch system."""
    return getattr(library("dask_jobqueue"), _CLASSES[system])


def job_settings(system: System, job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Put together what dask-jobqueue is told: Dask's own settings, the person's, and ours.

    Parameters
    ----------
    job
        What the person asked for, by the names of dask-jobqueue.
    folder
        For certificates and logs; seen by all machines.

    Raises
    ------
    UsageError
        If cores or memory are not said, or something was asked for that cannot be chosen.
    """
    library("dask_jobqueue")  # its settings have defaults once it is imported
    config = library("dask").config
    reserved = sorted(set(job) & _OURS)
    if reserved:
        raise UsageError(
            f"{', '.join(reserved)} cannot be chosen: one job is one worker, and speaks TLS",
            where="--job",
            hint="Leave it away.",
        )
    found = {n: config.get(f"jobqueue.{system}.{n.replace('_', '-')}", None) for n in _ADDED_TO}
    asked = {name: value for name, value in found.items() if value} | dict(job)
    missing = [name for name in ("cores", "memory") if not asked.get(name)]
    if missing:
        raise UsageError(
            f"it is not said how much {' and '.join(missing)} a job is to have",
            where=f"--cluster {system}",
            hint="Say it with --job, e.g. --job cores=4 --job memory=16GB, or in "
            "~/.config/dask/jobqueue.yaml.",
        )
    no_http = {"dashboard": False, "dashboard_address": NO_HTTP}
    return {
        "shared_temp_directory": str(folder),
        "log_directory": str(folder),
        **asked,
        "processes": 1,
        "nanny": False,
        "worker_extra_args": [*asked.get("worker_extra_args", []), *_WORKER_WORDS],
        "job_script_prologue": [*exports(), *asked.get("job_script_prologue", [])],
        "scheduler_options": asked.get("scheduler_options", {}) | no_http,
    }


def _private_folder(folder: Path) -> Path:
    """Make a folder that only its owner can open, for certificates and logs."""
    if shlex.quote(str(folder)) != str(folder):
        raise UsageError(
            "the scripts of batch systems take no spaces or marks in the name of a folder",
            where=str(folder),
            hint="Name an output folder of letters, digits, _ and - with -o.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def exports() -> list[str]:
    """Put Dask's settings into lines of a shell script: they do not travel by themselves."""
    lines = [
        f"export DASK_{name.upper().replace('.', '__').replace('-', '_')}={shlex.quote(str(value))}"
        for name, value in SETTINGS.items()
    ]
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return lines + [f"export {name}={shlex.quote(value)}" for name, value in passed_on.items()]
