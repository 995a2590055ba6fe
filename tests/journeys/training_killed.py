"""Train, kill -9 after each step in turn, and train on; `weights.safetensors` of each run stay.

    python -m tests.journeys.training_killed RECIPE DATA OUT STEPS

The unbroken run is first, here; the others are forks, so that only one pays for loading torch.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

import torch

from medgan.pipeline.recipes import read_recipe
from medgan.pipeline.training import train_model


def train(recipe: str, data: str, run: Path, kill_after: int | None = None) -> int:
    """Train in a child; returns its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def kill(step: int, _: dict[str, float]) -> None:
        if step == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        train_model(read_recipe(recipe), Path(data), run, device="cpu", progress=kill)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(recipe: str, data: str, out: str, steps: str) -> None:
    torch.set_num_threads(1)  # a fork has no other threads than this one
    train_model(read_recipe(recipe), Path(data), Path(out) / "unbroken", device="cpu")
    for step in range(1, int(steps) + 1):
        run = Path(out) / f"killed_{step}"
        assert train(recipe, data, run, kill_after=step) == -signal.SIGKILL
        assert train(recipe, data, run) == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
