"""What one of several training processes does in a test; started by torchrun.

    torchrun --nproc-per-node 2 -m tests.training.together OUT n_processes

Each case ends as `OUT/<case>.pt`, the state of the run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from medgan.data.share import Share
from medgan.data.streams import stream
from medgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from medgan.networks.patch_critic import PatchCritic
from medgan.training import TrainSettings, train
from medgan.training.processes import find_processes
from tests.training.toy import ToyTask

WHOLE_BATCH = 8

SETTINGS = TrainSettings(
    steps=6,
    objective="relativistic",
    r1_gamma=1.0,
    r2_gamma=1.0,
    penalty_interval=2,
    reconstruction_weight=1.0,
    clip_norm=0.5,
    warmup_steps=2,
    log_interval=3,
    save_interval=100,
    validate_interval=2,
    best_by="score",
)


class ConvolutionTask(ToyTask):
    """Batch normalisation in the generator, spectral normalisation in the discriminator."""

    def __init__(self, spatial_dims: int, batch_size: int) -> None:
        super().__init__(spatial_dims, batch_size=batch_size)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.generator = DCGANGenerator(spatial_dims, 1, self.shape, latent=3, base_channels=16)
            self.discriminator = DCGANDiscriminator(spatial_dims, 1, self.shape, base_channels=4)
        for module in self.discriminator.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                parametrizations.spectral_norm(module)

    def held_out(self, step: int, share: Share) -> Tensor:
        rng = stream(self.seed, "held out", step)
        whole = rng.standard_normal((WHOLE_BATCH, 1, *self.shape), dtype=np.float32)
        return torch.from_numpy(whole[share.rows(self.batch_size)])


class PatchTask(ConvolutionTask):
    """A critic of many logits, each penalised by itself."""

    shape: tuple[int, ...]

    def __init__(self, spatial_dims: int, batch_size: int) -> None:
        super().__init__(spatial_dims, batch_size)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.discriminator = PatchCritic(spatial_dims, 1, width=4)


CASES: dict[str, tuple[type[ConvolutionTask], int, str]] = {
    "2d": (ConvolutionTask, 2, "mean"),
    "3d": (ConvolutionTask, 3, "mean"),
    "2d_places": (PatchTask, 2, "places"),
    "3d_places": (PatchTask, 3, "places"),
}
"""Task, dimensions, and what is penalised."""


def score(generator: nn.Module, step: int) -> dict[str, float]:
    """Best in the middle."""
    return {"score": abs(step - 4) + float(next(generator.parameters()).detach().mean())}


def main(out: Path, n: int) -> None:
    processes = find_processes(os.environ)
    assert processes.n == n
    with processes.joined("cpu") as device:
        for name, (kind, dims, penalty_of) in CASES.items():
            torch.manual_seed(processes.rank)  # nothing may depend on it
            task = kind(dims, WHOLE_BATCH // n)
            with torch.no_grad():
                if processes.rank:  # weights are those of the first process
                    next(task.generator.parameters()).fill_(9.0)
            result = train(
                task,
                SETTINGS.model_copy(update={"penalty_of": penalty_of}),
                out / name,
                device=device,
                validate=score,
                held_out=task.held_out,
            )
            assert result.finished
            assert result.best is not None
            assert result.best.step == 4


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
