"""The distributed engine keeps the promises of the embedded one, and no stranger is let in."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medgan.errors import StageError
from medgan.pipeline.engine_dask import _outcome
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.unit import Unit
from tests.pipeline.fake_run import ROOT, command, start
from tests.pipeline.process_tree import family, is_alive, listening, parent, wait_for
from tests.pipeline.test_many_scans import FAULTS, REASONS, check_named, good, last_lines, tries
from tests.pipeline.test_run import tree

pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytest.importorskip("cryptography", reason="the extra cluster is not installed")

COVERS = ("engines",)

Cohort = Callable[..., Path]
LIMIT_S = 20
"""The scan that eats memory has to get to its bound before, on a busy machine too."""
HOW = ("--engine", "dask", "--workers", 2, "--memory", 0.6, "--time-limit", LIMIT_S)
SUSPECTS = {"kills", "hangs", "eats"}


def check_faults(out: Path, n_good: int) -> None:
    reasons = REASONS | {"hangs": f"longer than the limit of {LIMIT_S} s"}
    check_named(out, n_good, reasons)


@pytest.mark.parametrize("n_good", [2, pytest.param(56, marks=pytest.mark.slow)])
def test_faults_cost_their_scans_and_only_they_are_tried_again(
    n_good: int, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    faults = FAULTS if n_good > 10 else {"kills": "die"}
    source = cohort(**good(n_good), **faults)
    first = start("run", pipeline, source, "-o", out, "--json", *HOW)
    said, errors = first.communicate()
    assert first.returncode == 3, errors
    document = json.loads(said)
    assert (document["done"], set(document["failed"])) == (n_good + 1, set(faults))
    suspects = SUSPECTS & set(faults)
    assert tries(out) == Counter([*good(n_good), *faults, *suspects])
    assert "alone" in errors
    assert not (out / ".medgan" / "staging").exists()
    if faults == FAULTS:
        check_faults(out, n_good)
        for name in FAULTS:
            (source / f"{name}.txt").write_text("ok")
        (out / ".medgan" / "tries.txt").unlink()
        again = start("run", pipeline, source, "-o", out, *HOW, "--retry-failed")
        _, errors = again.communicate()
        assert again.returncode == 0, errors
        assert tries(out) == Counter(list(FAULTS))
        assert len(tree(out)) == n_good + 5


@contextmanager
def running(*words: object) -> Iterator[subprocess.Popen[str]]:
    """Start the command line in a session of its own; nothing of it is left afterwards."""
    driver = subprocess.Popen(
        command(*words),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test run that was started in the background ignores Ctrl-C, and so would the driver.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield driver
    finally:
        for pid in family(driver.pid) if driver.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        driver.communicate()


def children(out: Path) -> list[int]:
    """Children that have loaded, in that order; the parent of each is a Dask worker."""
    file = out / ".medgan" / "loads.txt"
    return [int(pid) for pid in file.read_text().split()] if file.is_file() else []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_killed_in_the_middle_costs_no_scan(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    source = cohort(**dict.fromkeys(good(56), "brief"), **FAULTS)
    with running("run", pipeline, source, "-o", out, "--json", *HOW) as driver:
        wait_for(lambda: sum(tries(out).values()) > 12)
        worker = next(parent(pid) for pid in children(out) if is_alive(pid))
        assert worker in family(driver.pid) - {driver.pid}
        taken = {name for name, line in last_lines(out).items() if line["status"] == "done"}
        os.kill(worker, signal.SIGKILL)
        said, errors = driver.communicate()
    assert driver.returncode == 3, errors
    assert set(json.loads(said)["failed"]) == set(FAULTS)
    check_faults(out, 56)
    blamed = re.findall(r"^(\w+)  fake_work: .*once more, alone", errors, re.M)
    assert set(blamed) == SUSPECTS
    # What the worker had in hand, or had done and not handed over, was begun again; nothing else.
    assert {name for name, n in tries(out).items() if n > 1} & taken == set()


@pytest.mark.slow
def test_a_scan_under_which_every_machine_ends_is_named_and_costs_no_other(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    source = cohort(**good(6), ends="die with parent")
    driver = start("run", pipeline, source, "-o", out, "--json", *HOW)
    said, errors = driver.communicate()
    assert driver.returncode == 3, errors
    assert json.loads(said)["failed"] == ["ends"]
    assert "failed: ends: child: 3 machines or jobs ended while they had it in hand" in errors
    # Three times beside others, and three times alone; it need not have begun each time.
    assert 2 < tries(out)["ends"] <= 6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("when", ["starting", "working"])
def test_ctrl_c_ends_all_of_it_with_one_line(
    when: str, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running("run", pipeline, cohort(a="hang", b="hang"), "-o", out, *HOW[:-1], 60) as driver:
        if when == "working":
            wait_for(lambda: len(children(out)) == 2)
            time.sleep(0.2)
        else:
            wait_for(lambda: len(family(driver.pid)) > 2)
        all_of_it = family(driver.pid)
        # Ctrl-C reaches the whole group of a terminal, workers and children included.
        os.killpg(driver.pid, signal.SIGINT)
        _, errors = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert errors.strip() == "interrupted: the same command goes on from here"
    wait_for(lambda: not any(map(is_alive, all_of_it)))
    assert not list(out.glob("*.out"))
    assert not (out / ".medgan" / "staging").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_outlives_a_driver_that_is_killed(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running("run", pipeline, cohort(a="hang", b="hang"), "-o", out, *HOW[:-1], 60) as driver:
        wait_for(lambda: len(children(out)) == 2)
        all_of_it = family(driver.pid)
        assert len(all_of_it) >= 5
        driver.kill()
        wait_for(lambda: not any(map(is_alive, all_of_it)))


# Strangers


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_no_stranger_is_let_in(pipeline: str, cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running("run", pipeline, cohort(a="hang", b="hang"), "-o", out, *HOW[:-1], 300) as driver:
        wait_for(lambda: len(children(out)) == 2)
        sockets = listening(family(driver.pid))
        assert {host for host, _ in sockets} == {"127.0.0.1"}
        assert len(sockets) >= 5  # a scheduler, two nannies, two workers; and what serves no HTTP
        kinds = {port: kind_of(port) for _, port in sockets}
        assert set(kinds.values()) == {"serves nothing", "wants a certificate"}
        wanting = [port for port, kind in kinds.items() if kind == "wants a certificate"]
        assert len(wanting) >= 5
        for port in wanting:
            assert "connected" not in asyncio.run(strangers(port))
        assert driver.poll() is None


def kind_of(port: int) -> str:
    """What a port is to somebody without a certificate: HTTP, or TLS that wants one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        for path in ("/", "/health", "/metrics", "/info/main/workers.html", "/status"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 404:
                return f"serves {path}"
    except (http.client.HTTPException, OSError):
        return "wants a certificate" if not greets_without_certificate(port) else "lets all in"
    return "serves nothing"


def greets_without_certificate(port: int) -> bool:
    """Whether a TLS client that shows no certificate hears anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        with plain, context.wrap_socket(plain) as secure:
            return bool(secure.recv(1))
    except OSError:
        return False


async def strangers(port: int) -> list[str]:
    """Knock as Dask would: in the clear, and with a certificate of our own."""
    from distributed import Security
    from distributed.comm import connect

    own = Security.temporary().get_connection_args("client")
    outcomes = []
    for address, arguments in ((f"tcp://127.0.0.1:{port}", {}), (f"tls://127.0.0.1:{port}", own)):
        try:
            comm = await connect(address, timeout=5, **arguments)
        except OSError as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("connected")
            await comm.close()
    return outcomes


# What futures come to


class Future:
    """A stand-in for Dask's."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def result(self, timeout: float) -> Any:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def test_an_outcome_that_went_away_with_its_worker_is_waited_for() -> None:
    unit = Unit("k" * 64, "p/s/a")
    assert _outcome(Future(TimeoutError()), unit) is None
    done = Outcome(unit.key, unit.id, "done")
    assert _outcome(Future(done), unit) is done


def test_what_dask_says_of_a_unit_becomes_an_outcome() -> None:
    from distributed.scheduler import KilledWorker

    unit = Unit("k" * 64, "p/s/a")
    worker: Any = SimpleNamespace(address="tls://somewhere")
    lost = _outcome(Future(KilledWorker("unit_1-1", worker, 2)), unit)
    assert lost is not None
    assert lost.failure is not None
    assert (lost.status, lost.failure.what[:10]) == ("lost", "3 machines")
    strange = _outcome(Future(ModuleNotFoundError("No module named 'medgan'")), unit)
    assert strange is not None
    assert strange.failure is not None
    assert (strange.status, "same Python" in strange.failure.hint) == ("start", True)
    with pytest.raises(StageError, match="scheduler went away"):
        _outcome(Future(CancelledError()), unit)
