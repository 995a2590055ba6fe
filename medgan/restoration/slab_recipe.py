"""The recipe of thin slices from thick ones: what `configs/restore/slices_thick.yaml` holds."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from medgan.data.slab_samples import SlabSettings
from medgan.data.splits import Role
from medgan.restoration.denoise_recipe import DenoiseCriticSettings
from medgan.restoration.recipe import Width
from medgan.settings import Settings
from medgan.training.settings import TrainSettings


class SlabNetSettings(Settings):
    """The network, `networks.slab_net`."""

    widths: tuple[Width, Width, Width] = (32, 64, 96)
    """Channels at 1/2, 1/4 and 1/8 of the in-plane size."""


class SlabRecipe(Settings):
    """All of a recipe for thick slices."""

    kind: Literal["slabs"]
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
    symmetric optical flow that agrees with the thick slices."""
    batch_size: int = Field(8, ge=1, le=65536)
    """Thick slices a step."""
    n_workers: int = Field(0, ge=0, le=256)
    """Processes that average scans and compute flows while the network learns; 0: the one that
    trains."""
    charbonnier: float = Field(0.1, gt=0)
    """Where the reconstruction loss turns from square to absolute, in units of P0.5..P99.5."""
    slabs: SlabSettings = SlabSettings()
    """How complete scans are made thick."""
    generator: SlabNetSettings = SlabNetSettings()
    """What makes thin slices."""
    discriminator: DenoiseCriticSettings = DenoiseCriticSettings()
    """What judges thin slices one by one, where `train.adversarial_weight` is above 0."""
    train: TrainSettings = TrainSettings()
    """The adversarial loop."""

    @model_validator(mode="after")
    def _never_trains_on_test_scans(self) -> Self:
        if "test" in self.train_parts:
            raise ValueError("train_parts: test scans are never trained on")
        return self
