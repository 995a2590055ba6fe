"""The recipe of a denoiser: what `configs/restore/denoise.yaml` holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from medgan.data.noise import NoiseSettings
from medgan.data.noisy_samples import CropSettings
from medgan.restoration.volume_recipe import LoneSliceCriticSettings, VolumeRecipe, Width
from medgan.settings import Settings


class DenoiseNetSettings(Settings):
    """The denoiser, `networks.denoise_net`."""

    widths: tuple[Width, Width, Width] = (48, 88, 112)
    """Channels at 1/2, 1/4 and 1/8 of the in-plane size."""


class DenoiserRecipe(VolumeRecipe):
    """All of a denoising recipe; untrained, the network leaves a scan as it is."""

    kind: Literal["denoising"]
    """Says which capability the file trains."""
    floor_db: float = Field(50.0, gt=0)
    """Where the reconstruction loss flattens out: what is better than this counts no more."""
    crops: CropSettings = CropSettings()
    """What is cut out of complete scans."""
    noise: NoiseSettings = NoiseSettings()
    """What is added to it."""
    generator: DenoiseNetSettings = DenoiseNetSettings()
    """What denoises."""
    discriminator: LoneSliceCriticSettings = LoneSliceCriticSettings()
    """What judges, where `train.adversarial_weight` is above 0."""
