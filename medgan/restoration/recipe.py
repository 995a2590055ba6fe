"""The recipe of a slice inpainter: what `configs/restore/*.yaml` hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from medgan.data.slice_samples import DamageSettings
from medgan.restoration.volume_recipe import VolumeRecipe, Width
from medgan.settings import Settings


class SliceNetSettings(Settings):
    """The inpainter, `networks.slice_net`."""

    widths: tuple[Width, Width, Width] = (40, 80, 104)
    """Channels at 1/2, 1/4 and 1/8 of the in-plane size."""


class SliceCriticSettings(Settings):
    """The critic, `networks.slice_critic`; it sees the slice and its two measured neighbours."""

    width: int = Field(48, ge=8, le=4096)
    """Channels of its first layer."""


class RestorerRecipe(VolumeRecipe):
    """All of a restoration recipe; untrained, the network is symmetric optical flow."""

    kind: Literal["restoration"]
    """Says which capability the file trains."""
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
