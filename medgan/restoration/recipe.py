"""The recipe of a slice inpainter: what `configs/restore/*.yaml` hold."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from medgan.data.slice_samples import DamageSettings
from medgan.data.splits import Role
from medgan.settings import Settings
from medgan.training.settings import TrainSettings

Width = Annotated[int, Field(ge=1, le=4096)]
"""Channels of a layer."""


class SliceNetSettings(Settings):
    """The inpainter, `networks.slice_net`."""

    widths: tuple[Width, Width, Width] = (40, 80, 104)
    """Channels at 1/2, 1/4 and 1/8 of the in-plane size."""


class SliceCriticSettings(Settings):
    """The critic, `networks.slice_critic`; it sees the slice and its two measured neighbours."""

    width: int = Field(48, ge=8, le=4096)
    """Channels of its first layer."""


class RestorerRecipe(Settings):
    """All of a restoration recipe."""

    kind: Literal["restoration"]
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
    symmetric optical flow."""
    batch_size: int = Field(8, ge=1, le=65536)
    """Slices a step."""
    n_workers: int = Field(1, ge=0, le=256)
    """Processes that cut samples and compute their flow while the network learns."""
    charbonnier: float = Field(0.03, gt=0)
    """Where the reconstruction loss turns from square to absolute, in units of P0.5..P99.5."""
    damage: DamageSettings = DamageSettings()
    """What is taken away from complete scans."""
    generator: SliceNetSettings = SliceNetSettings()
    """What fills."""
    discriminator: SliceCriticSettings = SliceCriticSettings()
    """What judges, where `train.adversarial_weight` is above 0."""
    train: TrainSettings = TrainSettings()
    """The adversarial loop."""

    @model_validator(mode="after")
    def _never_trains_on_test_scans(self) -> Self:
        if "test" in self.train_parts:
            raise ValueError("train_parts: test scans are never trained on")
        return self
