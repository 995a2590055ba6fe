"""Both ways to work on a real SLURM: an array of shards, and Dask workers in jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.conftest import medgan as medgan
from tests.pipeline.conftest import cohort as cohort
from tests.pipeline.conftest import pipeline as pipeline
from tests.pipeline.fake_run import ROOT, command
from tests.pipeline.process_tree import is_alive, listening, parent, wait_for
from tests.pipeline.test_engine_dask import children, kind_of
from tests.pipeline.test_many_scans import good, tries
from tests.pipeline.test_run import tree
from tests.services.slurm import Slurm, running

pytestmark = [
    pytest.mark.services,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]

ON_SLURM = ("--cluster", "slurm", "--workers", 2)
ASKED = [f"--job={word}" for word in ("cores=1", "memory=1GB", "interface=lo")]
Cohort = Callable[..., Path]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with running(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def run_here(*words: object) -> None:
    done = subprocess.run(command(*words), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr


def test_an_array_of_shards_does_what_one_run_does(
    slurm: Slurm, medgan: Run, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    out, whole, source = tmp_path / "out", tmp_path / "whole", cohort(**good(20), bad="refuse")
    words = ("run", pipeline, source, "--workers", 0, "-o")
    run_here(*words, whole)
    script = medgan(*words, out, "--print-slurm", "--shards", 4, "--memory", 1).stdout

    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "medgan"
    program.write_text(
        f'#!/bin/sh\ncd "{ROOT}" && exec {sys.executable} -m tests.pipeline.fake_run "$@"\n'
    )
    program.chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    sent = subprocess.run(
        ["bash"],
        input=script,
        text=True,
        env=slurm.environment | {"PATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert sent.stdout.strip().isdecimal()
    wait_for(lambda: not slurm.jobs(), 300)
    assert tree(out) == tree(whole)
    logs = tmp_path / "out_logs"
    assert sorted(log.name for log in logs.iterdir()) == [
        "merge.log",
        *(f"shard_{n}.log" for n in range(1, 5)),
    ]
    assert "failed: bad: fake_work: cannot be filled" in (logs / "merge.log").read_text()


def test_dask_workers_in_jobs_do_what_one_run_does_though_a_job_is_cancelled(
    slurm: Slurm, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")
    out, whole = tmp_path / "out", tmp_path / "whole"
    source = cohort(**dict.fromkeys(good(80), "slow"), bad="refuse", kills="die")
    run_here("run", pipeline, source, "--workers", 2, "-o", whole)
    before = len(slurm.jobs("all"))
    driver = subprocess.Popen(
        command("run", pipeline, source, "-o", out, "--json", *ON_SLURM, *ASKED),
        cwd=ROOT,
        env=slurm.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: sum(tries(out).values()) > 10 or driver.poll() is not None, 200)
    if driver.poll() is None:
        check_private(out / ".medgan" / "cluster")
        workers = {parent(pid) for pid in children(out) if is_alive(pid)}
        sockets = listening(workers | {driver.pid})
        assert {host for host, _ in sockets} == {"127.0.0.1"}  # --job interface=lo
        kinds = {kind_of(port) for _, port in sockets}
        assert kinds == {"serves nothing", "wants a certificate"}
        slurm.ask("scancel", slurm.jobs("running")[0])
    said, errors = driver.communicate(timeout=400)
    assert driver.returncode == 3, errors
    assert "2 jobs sent to slurm" in errors
    assert json.loads(said)["failed"] == ["bad", "kills"]
    assert errors.count("once more, alone") == 1
    assert tree(out) == tree(whole)
    wait_for(lambda: not slurm.jobs(), 60)
    assert len(slurm.jobs("all")) == before + 3  # the one that was cancelled was replaced
    assert not list((out / ".medgan" / "cluster").glob(".*"))  # keys and certificates are gone


def test_jobs_end_when_their_driver_is_killed(
    slurm: Slurm, pipeline: str, cohort: Cohort, tmp_path: Path
) -> None:
    pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")
    out = tmp_path / "out"
    driver = subprocess.Popen(
        command("run", pipeline, cohort(a="hang"), "-o", out, "-q", *ON_SLURM, *ASKED),
        cwd=ROOT,
        env=slurm.environment,
    )
    wait_for(lambda: bool(children(out)), 200)
    driver.kill()
    driver.wait()
    wait_for(lambda: not slurm.jobs(), 200)
    assert not any(map(is_alive, children(out)))


def check_private(folder: Path) -> None:
    """Nobody but the owner gets at keys; the scripts of jobs hold none."""
    keys = [path for path in folder.iterdir() if ".key." in path.name]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(keys) == 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in keys)
