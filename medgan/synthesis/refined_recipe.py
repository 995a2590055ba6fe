"""The recipe of a template whose images an adversarial network refines."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from medgan.data.augmentation import AugmentSettings
from medgan.settings import Settings
from medgan.synthesis.settings import ConditionedRecipe, EyeSettings, GanRecipe
from medgan.training.template_settings import TemplateSettings
from medgan.training.wave_modes import check_waves


class TemplateBelow(TemplateSettings):
    """The template below, and what it is fitted to."""

    max_samples: int = Field(400, ge=2)
    """At most so many training samples, evenly spread over the scans (in 2D over their slices)."""


class RefinerSettings(Settings):
    """The network that changes the image, `networks.refined_template`."""

    width: int = Field(24, ge=4, le=4096)
    """Channels on half the grid; twice as many on a quarter."""


class PatchCriticSettings(Settings):
    """The critic, `networks.patch_critic`."""

    width: int = Field(32, ge=4, le=4096)
    """Channels of the first convolution; then twice as many."""


class PatchEyeSettings(EyeSettings):
    """How the critic sees images; it does not see labels."""

    augment: AugmentSettings = AugmentSettings(probability=0.7)
    """Changes of real and virtual samples alike, before the critic sees their detail."""


class TemplateGanRecipe(GanRecipe, ConditionedRecipe):
    """All of the recipe of a refined template."""

    kind: Literal["template_gan"]
    """Says what the file trains."""
    refine: bool = True
    """False: no adversarial training; the template alone, with the same anatomies for the same
    seed. What the critic is worth is the difference between the two."""
    template: TemplateBelow = TemplateBelow()
    """What is refined."""
    generator: RefinerSettings = RefinerSettings()
    """What refines it."""
    discriminator: PatchCriticSettings = PatchCriticSettings()
    """What judges it."""
    eye: PatchEyeSettings = PatchEyeSettings()
    """How it is seen."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_waves(self.template.mode_waves, self.spatial_dims)
        if any(side % 4 for side in self.data.shape):
            raise ValueError("data.shape: every side must be a multiple of 4")
        return self
