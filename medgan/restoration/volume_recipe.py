"""What the recipes of all networks that learn from complete scans have in common."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from medgan.data.splits import Role
from medgan.settings import Settings
from medgan.training.settings import TrainSettings

Width = Annotated[int, Field(ge=1, le=4096)]
"""Channels of a layer."""


class LoneSliceCriticSettings(Settings):
    """The critic, `networks.slice_critic`; it sees the slice alone."""

    in_channels: Literal[1] = 1
    """Channels it sees."""
    width: int = Field(32, ge=8, le=4096)
    """Channels of its first layer."""


class VolumeRecipe(Settings):
    """The head of a recipe, whatever is done to the scans, and the loop."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """Name of the model, used in cards, records and reports."""
    licence: str = ""
    """SPDX expression of the weights: that of the scans they come from."""
    half: bool = False
    """Store the weights in 16 bits: half the bytes, each number rounded by at most 2^-11 of
    itself."""
    train_parts: tuple[Role, ...] = ("train",)
    """Parts of the split that are trained on; scans it does not know are trained on too."""
    warm_start: str | None = Field(None, min_length=1)
    """Model folder or shipped model whose weights the run starts from; None: from zero, where the
    network does what the recipe says of it untrained."""
    batch_size: int = Field(8, ge=1, le=65536)
    """Slices, or thick slices, a step."""
    n_workers: int = Field(0, ge=0, le=256)
    """Processes that make samples while the network learns; 0: the one that trains."""
    train: TrainSettings = TrainSettings()
    """The adversarial loop."""

    @model_validator(mode="after")
    def _never_trains_on_test_scans(self) -> Self:
        if "test" in self.train_parts:
            raise ValueError("train_parts: test scans are never trained on")
        return self
