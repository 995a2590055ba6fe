"""Training that is killed or told to stop: the same command goes on, to the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medgan.data.phantom_cohort import write_cohort

STEPS = 20

RECIPES = {
    "restoration": """\
kind: restoration
name: tiny
batch_size: 2
n_workers: 0
generator: {widths: [8, 8, 8]}
discriminator: {width: 8}
""",
    "synthesis": """\
kind: synthesis
name: tiny
spatial_dims: 3
data: {shape: [8, 8, 8], label_values: [3]}
batch_size: 4
generator: {latent: 4, base_channels: 16}
discriminator: {base_channels: 8}
eye: {augment: {probability: 0.5}, noise: 0.1, noise_steps: 10}
sampling: {calibration_samples: 8}
""",
}
RECIPES["refined"] = """\
kind: template_gan
name: tiny
spatial_dims: 3
data: {shape: [8, 8, 8], label_values: [3]}
template: {n_modes: 3, registration: {epochs: 2}, fields: {steps: 5}}
batch_size: 2
generator: {width: 4}
discriminator: {width: 4}
sampling: {calibration_samples: 8}
"""
RECIPES["best step"] = RECIPES["synthesis"].replace("[3]", "[]") + "held_back: 0.49\n"
TRAIN = f"""\
train: {{steps: {STEPS}, save_interval: 3, log_interval: 1, adversarial_weight: 0.1,
        reconstruction_weight: 1, r1_gamma: 0.1, r2_gamma: 0.1, decay_from: 0.5,
        precision: float32}}
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    return write_cohort(folder, n_damaged=0, n_labelled=16, labelled_shape=(32, 32, 12)).labelled


def write_recipe(kind: str, folder: Path) -> Path:
    file = folder / "tiny.yaml"
    choice = "best_by: kid_rand, validate_interval: 7, " if "held_back" in RECIPES[kind] else ""
    file.write_text(RECIPES[kind] + TRAIN.replace("steps:", f"{choice}steps:"))
    return file


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", RECIPES)
def test_killed_after_any_of_20_steps_the_weights_are_the_same(
    kind: str, data: Path, tmp_path: Path
) -> None:
    recipe = write_recipe(kind, tmp_path)
    words = [str(recipe), str(data), str(tmp_path), str(STEPS)]
    subprocess.run([sys.executable, "-m", "tests.journeys.training_killed", *words], check=True)
    whole = (tmp_path / "unbroken" / "weights.safetensors").read_bytes()
    for step in range(1, STEPS + 1):
        assert (tmp_path / f"killed_{step}" / "weights.safetensors").read_bytes() == whole, step


@pytest.fixture
def start(data: Path, tmp_path: Path) -> Iterator[Start]:
    """Start `medgan train` on a run of thousands of steps; what still runs at the end is killed."""
    recipe = write_recipe("restoration", tmp_path)
    started: list[subprocess.Popen[str]] = []

    def run(**environment: str) -> subprocess.Popen[str]:
        words = [str(recipe), "-o", str(tmp_path / "run"), "--data", str(data), "--device", "cpu"]
        longer = ["train.steps=100000", "train.save_interval=100000", "n_workers=1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "medgan", "train", *words]
            + [word for change in longer for word in ("--set", change)],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def wait_for_steps(run: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not (run / "log.jsonl").is_file() or (run / "log.jsonl").read_bytes().count(b"\n") < 2:
        if process.poll() is not None:
            pytest.fail(f"ended before its time: {process.communicate()}")
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "kind", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)]
)
def test_a_schedulers_signal_to_all_processes_saves_the_step_in_hand(
    kind: signal.Signals, start: Start, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start()
    wait_for_steps(run, process)
    os.killpg(process.pid, kind)  # the loading process hears it too, and must not mind
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    last = (run / "log.jsonl").read_text().splitlines()[-1]
    (montage,) = (run / "montages").iterdir()
    assert f'"step": {int(montage.stem)},' in last


@pytest.mark.slow
def test_a_lost_process_is_said_by_the_first_and_the_run_can_be_taken_up(
    start: Start, tmp_path: Path
) -> None:
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 20000)}
    shared = meeting | {"SLURM_NTASKS": "2", "GLOO_SOCKET_IFNAME": "lo"}
    first, second = (start(**shared, SLURM_PROCID=r, SLURM_LOCALID=r) for r in "01")
    wait_for_steps(tmp_path / "run", first)
    second.kill()
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "another process of this training was lost" in errors
    assert "The same command goes on" in errors
    assert "Traceback" not in errors

    (tmp_path / "run" / "log.jsonl").unlink()
    first, second = (start(**shared, SLURM_PROCID=r, SLURM_LOCALID=r) for r in "01")
    wait_for_steps(tmp_path / "run", first)
    for process in (first, second):
        process.send_signal(signal.SIGUSR1)
    told = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [130, 130], told
    assert told[1] == ("", "")
