"""The recipe of a denoiser: what `configs/restore/denoise.yaml` holds."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from medgan.data.noise import NoiseSettings
from medgan.data.noisy_samples import CropSettings
from medgan.data.splits import Role
from medgan.restoration.recipe import Width
from medgan.settings import Settings
from medgan.training.settings import TrainSettings


class DenoiseNetSettings(Settings):
    """The denoiser, `networks.denoise_net`."""

    widths: tuple[Width, Width, Width] = (48, 88, 112)
    """Channels at 1/2, 1/4 and 1/8 of the in-plane size."""


class DenoiseCriticSettings(Settings):
    """The critic, `networks.slice_critic`; it sees the slice alone."""

    in_channels: Literal[1] = 1
    """Channels it sees."""
    width: int = Field(32, ge=8, le=4096)
    """Channels of its first layer."""


class DenoiserRecipe(Settings):
    """All of a denoising recipe."""

    kind: Literal["denoising"]
    """Says which capability the file trains."""
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """Name of the model, used in cards, records and reports."""
    licence: str = ""
    """SPDX expression of the weights: that of the scans they come from."""
    half: bool = False
    """Store the weights in 16 bits: half the bytes, each number rounded by at most 2^-11 of
    itself."""
    train_parts: tuple[Role, ...] = ("train",)
    """Parts of the split that are trained on; scans it does not know are trained on too."""
    warm_start: str | None = None
    """Model folder or shipped model whose weights the run starts from; None: from zero, which is
    the scan as it is."""
    batch_size: int = Field(8, ge=1, le=65536)
    """Slices a step."""
    n_workers: int = Field(0, ge=0, le=256)
    """Processes that cut samples while the network learns; 0: the one that trains."""
    floor_db: float = Field(50.0, gt=0)
    """Where the reconstruction loss flattens out: what is better than this counts no more."""
    crops: CropSettings = CropSettings()
    """What is cut out of complete scans."""
    noise: NoiseSettings = NoiseSettings()
    """What is added to it."""
    generator: DenoiseNetSettings = DenoiseNetSettings()
    """What denoises."""
    discriminator: DenoiseCriticSettings = DenoiseCriticSettings()
    """What judges, where `train.adversarial_weight` is above 0."""
    train: TrainSettings = TrainSettings()
    """The adversarial loop."""

    @model_validator(mode="after")
    def _never_trains_on_test_scans(self) -> Self:
        if "test" in self.train_parts:
            raise ValueError("train_parts: test scans are never trained on")
        return self
