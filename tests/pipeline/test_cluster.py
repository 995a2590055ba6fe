from __future__ import annotations

from typing import Any

import pytest

from medgan.errors import UsageError
from medgan.pipeline import Cluster, RunOptions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"system": "slurm", "scheduler": "tls://host:8786"}, "needs no jobs"),
        ({"job": {"cores": 4}}, "no batch system"),
        ({"scheduler": "tcp://host:8786"}, "expected an address such as tls://host:8786"),
        ({"scheduler": "host"}, "expected an address such as tls://host:8786"),
    ],
)
def test_what_clashes_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Cluster(**given)


@pytest.mark.parametrize(
    ("cluster", "given", "said"),
    [
        (Cluster(), {"workers": 0}, "none are wanted"),
        (Cluster("slurm"), {}, "how many jobs"),
        (Cluster(scheduler="tls://host:8786"), {"workers": 3}, "as many workers as it has"),
        (Cluster("pbs"), {"workers": 3, "memory_gb": 4.0}, "not shared out from here"),
        (Cluster(scheduler="tls://host:8786"), {"memory_gb": 4.0}, "not shared out from here"),
    ],
)
def test_sizes_that_make_no_sense_there_are_refused(
    cluster: Cluster, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        RunOptions(cluster=cluster, **given)


def test_workers_of_this_machine_share_its_memory() -> None:
    assert not Cluster().is_elsewhere
    assert RunOptions(cluster=Cluster(), workers=2, memory_gb=4.0).cluster == Cluster()
