"""The recipe of thin slices from thick ones: what `configs/restore/slices_thick.yaml` holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from medgan.data.slab_samples import SlabSettings
from medgan.restoration.volume_recipe import LoneSliceCriticSettings, VolumeRecipe, Width
from medgan.settings import Settings


class SlabNetSettings(Settings):
    """The network, `networks.slab_net`."""

    widths: tuple[Width, Width, Width] = (32, 64, 96)
    """Channels at 1/2, 1/4 and 1/8 of the in-plane size."""


class SlabRecipe(VolumeRecipe):
    """All of a recipe for thick slices.

    Untrained, the network is symmetric optical flow that agrees with them.
    """

    kind: Literal["slabs"]
    """Says which capability the file trains."""
    charbonnier: float = Field(0.1, gt=0)
    """Where the reconstruction loss turns from square to absolute, in units of P0.5..P99.5."""
    slabs: SlabSettings = SlabSettings()
    """How complete scans are made thick."""
    generator: SlabNetSettings = SlabNetSettings()
    """What makes thin slices."""
    discriminator: LoneSliceCriticSettings = LoneSliceCriticSettings()
    """What judges thin slices one by one, where `train.adversarial_weight` is above 0."""
