"""Where workers come from: what is missing or cannot be reached is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medgan.errors import PeerError, UsageError
from medgan.pipeline import Cluster, RunOptions
from medgan.pipeline.stage import Context
from medgan.pipeline.workplace import workplace
from tests.pipeline.fake_run import ROOT, command
from tests.pipeline.process_tree import wait_for
from tests.pipeline.test_many_scans import good
from tests.pipeline.test_run import tree

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytest.importorskip("cryptography", reason="the extra cluster is not installed")

Cohort = Callable[..., Path]
SCHEDULER = RunOptions(cluster=Cluster(scheduler="tls://127.0.0.1:9"))


@pytest.mark.parametrize("missing", ["dask", "distributed", "cryptography"])
def test_a_missing_extra_is_one_clear_error(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    options = RunOptions(cluster=Cluster(), workers=1)
    with (
        pytest.raises(UsageError, match=f"{missing} is not installed") as told,
        workplace(options, Context(None, tmp_path)),
    ):
        pass
    assert "[cluster]" in told.value.hint


def test_a_scheduler_without_certificates_to_show_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="no certificates for a client"),
        workplace(SCHEDULER, Context(None, tmp_path)),
    ):
        pass


def certificates(folder: Path) -> dict[str, str]:
    """Write a key and a certificate; returns the environment that names them to Dask."""
    made = distributed.Security.temporary()
    for name, text in (("cert.pem", made.tls_client_cert), ("key.pem", made.tls_client_key)):
        (folder / name).write_text(text)
    names = {"CA_FILE": "cert.pem"}
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        names |= {f"{role}__CERT": "cert.pem", f"{role}__KEY": "key.pem"}
    head = "DASK_DISTRIBUTED__COMM__TLS__"
    return {head + name: str(folder / file) for name, file in names.items()}


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_scheduler_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    monkeypatch.setattr("medgan.pipeline.workplace._PATIENCE_S", 1)
    certificates(tmp_path)
    tls = "distributed.comm.tls"
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    own = {f"{tls}.ca-file": cert, f"{tls}.client.cert": cert, f"{tls}.client.key": key}
    with (
        dask.config.set(own),
        pytest.raises(PeerError, match="cannot be reached"),
        workplace(SCHEDULER, Context(None, tmp_path)),
    ):
        pass


@contextmanager
def started(*words: str, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_workers_of_a_scheduler_that_runs_do_the_work(
    pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", cohort(**good(6), kills="die")
    environment = os.environ | certificates(tmp_path)
    file = tmp_path / "scheduler.json"
    common = ("--host", "127.0.0.1", "--protocol", "tls", "--dashboard-address", "127.0.0.1:0")
    own = ("--no-nanny", "--nthreads", "1", "--memory-limit", "2GB")
    with (
        started(
            *("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(file)),
            *common,
            environment=environment,
        ),
        started(
            *("distributed.cli.dask_worker", "--scheduler-file", str(file)),
            *(*own, *common),
            environment=environment,
        ),
    ):
        wait_for(lambda: file.exists() and "address" in file.read_text())
        time.sleep(0.5)
        address = file.read_text().split('"address": "')[1].split('"')[0]
        assert address.startswith("tls://127.0.0.1:")
        done = subprocess.run(
            command("run", pipeline, source, "-o", out, "--scheduler", address),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 3, done.stderr
    assert set(tree(out)) == {*(f"{name}.out" for name in good(6)), "total.txt"}
