"""Options that say which Dask workers are meant; the others stand in `test_slurm.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medgan.cli.how import run_options
from medgan.errors import UsageError
from medgan.pipeline import Cluster
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, None),
        ({"engine": "local"}, None),
        ({"engine": "dask"}, Cluster()),
        ({"cluster": "pbs", "workers": 2}, Cluster("pbs")),
        ({"scheduler": "tls://host:8786"}, Cluster(scheduler="tls://host:8786")),
        (
            {
                "cluster": "slurm",
                "workers": 2,
                "job": ["cores=4", "walltime=12:00:00", "job_extra_directives=[--gres=gpu:1]"],
            },
            Cluster(
                "slurm",
                {"cores": 4, "walltime": "12:00:00", "job_extra_directives": ["--gres=gpu:1"]},
            ),
        ),
    ],
)
def test_which_workers_are_meant(given: dict[str, Any], meant: Cluster | None) -> None:
    assert run_options(**given).cluster == meant


@pytest.mark.parametrize("word", ["cores", "=4", "cores="])
def test_what_is_asked_of_a_job_has_a_name_and_a_value(word: str) -> None:
    with pytest.raises(UsageError, match="expected NAME=VALUE"):
        run_options(cluster="slurm", workers=1, job=[word])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--engine", "local", "--cluster", "slurm"), "on no cluster"),
        (("--cluster", "slurm"), "how many jobs"),
        (("--cluster", "kubernetes", "--workers", "2"), "kubernetes"),
        (("--scheduler", "tcp://host:8786"), "tls://host:8786"),
        (("--engine", "dask", "--workers", "0"), "none are wanted"),
        (("--job", "cores=2"), "no batch system"),
    ],
)
@pytest.mark.parametrize("command", [("run", "restore_folder"), ("restore",)])
def test_options_that_make_no_sense_are_exit_2(
    medgan: Run, tmp_path: Path, command: tuple[str, ...], options: tuple[str, ...], said: str
) -> None:
    result = medgan(*command, tmp_path, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--engine", "dask"), ("--cluster", "slurm")])
def test_shards_of_slurm_and_dask_are_two_ways(medgan: Run, option: tuple[str, ...]) -> None:
    result = medgan("restore", "in", "-o", "out", "--print-slurm", *option)
    assert result.exit_code == 2
    assert f"cannot be combined with {option[0]}" in result.stderr
