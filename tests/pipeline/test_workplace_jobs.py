"""What a job is told, for every batch system: no scheduler is asked, scripts are only written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from medgan.errors import UsageError
from medgan.pipeline.cluster import System
from medgan.pipeline.workplace import SETTINGS
from medgan.pipeline.workplace_jobs import _private_folder, cluster_class, exports, job_settings

dask_jobqueue = pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")

ASKED = {"cores": 4, "memory": "16GB", "walltime": "12:00:00"}


def script(system: System, folder: Path, asked: dict[str, Any]) -> str:
    settings = job_settings(system, asked, folder)
    for name in ("scheduler_options", "shared_temp_directory"):  # of the cluster, not of its jobs
        settings.pop(name)
    job = cluster_class(system).job_cls("tls://10.0.0.1:8786", name="one", **settings)
    return str(job.job_script())


@pytest.mark.parametrize("system", get_args(System))
def test_a_job_is_one_worker_that_takes_one_unit_and_serves_no_http(
    system: System, tmp_path: Path
) -> None:
    more = {"job_script_prologue": ["module load cuda"], "worker_extra_args": ["--lifetime", "11h"]}
    text = script(system, tmp_path, ASKED | more)
    *_, last = text.strip().splitlines()
    words = last.split()
    assert "--no-nanny" in words
    assert words[-5:] == ["--nthreads", "1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    assert "--lifetime 11h" in last
    assert "--nworkers" not in words
    for line in (*exports(), "module load cuda"):
        assert line in text
    assert "12:00:00" in text


def test_the_settings_of_dask_arrive_as_they_are(tmp_path: Path) -> None:
    ask = "import dask.config, distributed, json, sys; names = sys.argv[1:]; "
    ask += "print(json.dumps([dask.config.get(name) for name in names]))"
    shell = "\n".join([*exports(), 'exec "$@"'])
    done = subprocess.run(
        ["bash", "-c", shell, "bash", sys.executable, "-c", ask, *SETTINGS],
        env=os.environ | {"DASK_CONFIG": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == list(SETTINGS.values())


def test_settings_of_the_cluster_are_taken_and_those_of_the_command_go_before(
    tmp_path: Path,
) -> None:
    import dask

    own = {"jobqueue.slurm.cores": 8, "jobqueue.slurm.memory": "9GB"}
    with dask.config.set(own):
        settings = job_settings("slurm", {"memory": "4GB"}, tmp_path)
    assert (settings["cores"], settings["memory"]) == (8, "4GB")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"cores": 4}, "how much memory"),
        ({}, "how much cores and memory"),
        (ASKED | {"security": False}, "security cannot be chosen"),
        (ASKED | {"processes": 4}, "processes cannot be chosen"),
    ],
)
def test_what_cannot_be_is_refused(asked: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        job_settings("slurm", asked, tmp_path)


def test_keys_lie_where_their_owner_alone_can_look(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    folder = _private_folder(tmp_path / "state" / "cluster")
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UsageError, match="no spaces"):
        _private_folder(tmp_path / "my scans" / "cluster")
