"""Where Dask workers come from, and how they are kept from strangers.

Dask runs whatever it is sent. So everything speaks TLS and shows a certificate, be it on one
machine: other users of it can reach every port. Certificates are made for the run and live as
long; those that jobs need lie in a folder that only their owner can open. Ports for HTTP cannot be
kept from opening, but nothing is served on them, and only on loopback.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from medgan.errors import PeerError, UsageError
from medgan.pipeline.machine import interrupts_held, n_cores
from medgan.pipeline.options import RunOptions
from medgan.pipeline.stage import Context
from medgan.pipeline.workers import MEMORY_SHARE, share_out

NO_HTTP = "127.0.0.1:0"
"""Where to open the port for HTTP that cannot be left away."""

SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 2,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.daemon": False,
    "distributed.worker.profile.enabled": False,
    "logging.distributed": "critical",
}
"""A unit waits at the scheduler until a worker is free, and is given up when three have gone with
it. Daemons could have no children. What Dask logs may quote what it was given."""

_LOGGERS = ("distributed", "distributed.client", "asyncio", "tornado")
_PATIENCE_S = 10


@dataclass(frozen=True)
class Workplace:
    """Dask workers, and what a child of each may use.

    Parameters
    ----------
    client
        Dask's client.
    memory_mb, alone_mb
        Largest resident memory of a child beside others, and of one that has nothing beside it.
    said
        What a person should know of it; may be empty.
    refill
        Replaces workers that have gone; to be called now and then.
    """

    client: Any
    threads: int
    memory_mb: float
    alone_mb: float
    said: str = ""
    refill: Callable[[], None] = lambda: None


@contextmanager
def workplace(
    options: RunOptions, context: Context, needed_mb: float | None = None
) -> Iterator[Workplace]:
    """Hold Dask workers.

    Parameters
    ----------
    needed_mb
        Memory that one child is expected to need; None where that cannot be told.

    Raises
    ------
    UsageError
        If the extra is not installed, or what was asked for cannot be sent.
    PeerError
        If the scheduler cannot be reached.
    """
    dask = library("dask")
    _keep_quiet()
    # Children get their threads from us, and no other allocator settings than those of any child.
    with dask.config.set({**SETTINGS, "distributed.nanny.pre-spawn-environ": {}}):
        if options.cluster is not None and options.cluster.system:
            from medgan.pipeline.workplace_jobs import jobs

            with jobs(options, context) as found:
                yield found
        elif options.cluster is not None and options.cluster.scheduler:
            with _running(options.cluster.scheduler) as found:
                yield found
        else:
            with _here(options, needed_mb) as found:
                yield found


def library(name: str) -> Any:
    """Import what comes with the extra.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} is not installed",
            where="--engine dask, --cluster, --scheduler",
            hint="pip install '.[cluster]' in the checkout",
        ) from None


def certificates() -> Any:
    """Make a key and a certificate that live as long as the run."""
    library("cryptography")
    return library("distributed").Security.temporary()


@contextmanager
def _here(options: RunOptions, needed_mb: float | None) -> Iterator[Workplace]:
    """Start workers on this machine; all ports are on loopback."""
    distributed = library("distributed")
    share = share_out(options, options.workers or n_cores(), needed_mb)
    security = certificates()
    common = {"host": "127.0.0.1", "protocol": "tls://", "security": security, "dashboard": False}
    scheduler = {"cls": distributed.Scheduler, "options": common | {"dashboard_address": NO_HTTP}}
    own = {"nthreads": 1, "memory_limit": 0, "silence_logs": logging.CRITICAL}
    worker = {"cls": distributed.Nanny, "options": common | own}
    with interrupts_held():  # for the threads that start here, and all processes they start
        cluster = distributed.SpecCluster(
            scheduler=scheduler, worker=worker, security=security, silence_logs=logging.CRITICAL
        )
        client = distributed.Client(cluster, set_as_default=False)
    try:
        refill = partial(cluster.scale, share.n)
        refill()
        sizes = (share.threads, share.memory_mb, share.alone_mb)
        yield Workplace(client, *sizes, share.said, refill)
    finally:
        for nanny in cluster.workers.values():
            nanny.auto_restart = False
            with contextlib.suppress(OSError, TypeError):  # it is gone, or was not there yet
                os.kill(nanny.pid, signal.SIGKILL)  # one that is asked to go takes its time
        close(client, cluster)


@contextmanager
def _running(address: str) -> Iterator[Workplace]:
    """Use the workers of a scheduler that runs; certificates as Dask's own settings name them."""
    distributed = library("distributed")
    security = distributed.Security()
    if not (security.tls_ca_file and security.tls_client_cert):
        raise UsageError(
            "Dask's settings name no certificates for a client",
            where=f"--scheduler {address}",
            hint="Set distributed.comm.tls.ca-file, .client.cert and .client.key in "
            "~/.config/dask/distributed.yaml.",
        )
    try:
        with interrupts_held():
            client = distributed.Client(
                address, security=security, timeout=_PATIENCE_S, set_as_default=False
            )
    except OSError as error:
        raise PeerError(
            f"the Dask scheduler cannot be reached ({type(error).__name__})",
            where=address,
            hint="See that it runs, and that the certificates of Dask's settings are its own.",
        ) from None
    try:
        workers = _workers_of(client, address)
        bytes_each = min(worker["memory_limit"] or math.inf for worker in workers)
        memory_mb = MEMORY_SHARE * bytes_each / 1e6
        yield Workplace(client, min(w["nthreads"] for w in workers), memory_mb, memory_mb)
    finally:
        close(client)


def _workers_of(client: Any, address: str) -> list[dict[str, Any]]:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except TimeoutError:
        raise PeerError(
            "the Dask scheduler has no workers",
            where=address,
            hint="Start some with `dask worker`, and the certificates of the scheduler.",
        ) from None
    return list(client.scheduler_info(n_workers=-1)["workers"].values())


def close(*held: Any) -> None:
    """Close clients and clusters, without a word: there is nothing a person could do."""
    for one in held:
        with contextlib.suppress(Exception):
            one.close(timeout=_PATIENCE_S)


def _keep_quiet() -> None:
    """Have what Dask tells of lost connections left unsaid: the outcome tells it."""
    library("distributed")
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
