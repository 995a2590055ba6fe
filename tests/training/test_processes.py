"""Two processes train what one trains with the double batch; who is lost is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from medgan.errors import UsageError
from medgan.training.processes import Processes, find_processes, here
from tests.training import together

ROOT = Path(__file__).parents[2]
TORCHRUN_TWO = (
    *(sys.executable, "-m", "torch.distributed.run"),
    *("--standalone", "--nproc-per-node", "2", "-m"),
)
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same trainings by one process, and by two with half the batch each."""
    out = tmp_path_factory.mktemp("runs")
    together.main(out / "alone", 1)
    done = subprocess.run(
        [*TORCHRUN_TWO, "tests.training.together", str(out / "two"), "2"],
        env=os.environ | LOOPBACK,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out / "alone", out / "two"


@pytest.mark.parametrize("case", together.CASES)
def test_two_processes_are_one_with_the_double_batch(runs: tuple[Path, Path], case: str) -> None:
    alone, two = (torch.load(run / case / "state.pt", weights_only=True) for run in runs)
    assert alone["step"] == two["step"]
    for network in ("generator", "discriminator", "ema"):
        assert alone[network].keys() == two[network].keys()
        for name, tensor in alone[network].items():
            torch.testing.assert_close(tensor, two[network][name], atol=1e-5, rtol=1e-5)
    assert alone["watch"] == two["watch"]
    one, other = alone["best"], two["best"]
    assert one["step"] == other["step"]
    for name, tensor in one["weights"].items():
        torch.testing.assert_close(tensor, other["weights"][name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("case", ["2d", "3d"])
def test_the_log_is_of_the_whole_batch(runs: tuple[Path, Path], case: str) -> None:
    alone, together = (
        [json.loads(line) for line in (run / case / "log.jsonl").read_text().splitlines()]
        for run in runs
    )
    for mine, ours in zip(alone, together, strict=True):
        assert mine.keys() == ours.keys()
        for name in mine.keys() - {"wait_share"}:
            assert ours[name] == pytest.approx(mine[name], abs=1e-5), name


def test_alone_everything_stays_as_it_is() -> None:
    alone = here()
    assert alone == Processes()
    with alone.joined("cpu") as device:
        assert device == "cpu"
        weight = torch.nn.Parameter(torch.ones(2))
        alone.average_gradients([weight])
        assert weight.grad is None
        assert alone.any(True, False) == (True, False)
        assert alone.mean({"loss": 2.0}) == {"loss": 2.0}
        assert torch.equal(alone.gather(weight), weight)
        assert alone.first(lambda: 5) == 5


TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "a",
    "MASTER_PORT": "1",
}
SLURM = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_LOCALID": "1"}
MEETING = {"MASTER_ADDR": "a", "MASTER_PORT": "1"}


@pytest.mark.parametrize("environment", [TORCHRUN, SLURM | MEETING, TORCHRUN | SLURM])
def test_launchers_say_who_one_is(environment: dict[str, str]) -> None:
    assert find_processes(environment) == Processes(3, 4, 1)


@pytest.mark.parametrize("environment", [{}, SLURM, {"HOME": "/"}])
def test_without_a_place_to_meet_one_is_alone(environment: dict[str, str]) -> None:
    assert find_processes(environment) == Processes()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (TORCHRUN | {"RANK": "x"}, "do not say which process"),
        (TORCHRUN | {"RANK": "4"}, "do not say which process"),
        (MEETING, "do not say which process"),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}, "where they meet"),
    ],
)
def test_contradictions_are_refused(environment: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        find_processes(environment)
    assert caught.value.hint


def test_a_process_without_a_gpu_of_its_own_is_refused() -> None:
    lonely = Processes(rank=99, n=100, local_rank=99)
    with pytest.raises(UsageError, match="has no GPU"), lonely.joined("cuda"):
        pass
