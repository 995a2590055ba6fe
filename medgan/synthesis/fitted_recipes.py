"""Recipes of models that are fitted and not trained by a critic: linear prior and template."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from medgan.synthesis.settings import ConditionedRecipe
from medgan.training.template_settings import TemplateSettings
from medgan.training.wave_modes import check_waves


class FittedRecipe(ConditionedRecipe):
    """What both share."""

    seed: int = Field(0, ge=0)
    """Of the split of unknown scans, and of the samples that set the label thresholds."""
    max_samples: int = Field(400, ge=2)
    """At most so many training samples, evenly spread over the scans (in 2D over their slices)."""


class PriorRecipe(FittedRecipe):
    """All of the recipe of a linear prior."""

    kind: Literal["prior"]
    """Says what the file fits."""
    n_modes: int | None = Field(None, ge=1)
    """Principal modes; None: one less than the samples, full rank, which stores all of them."""
    n_quantiles: int = Field(256, ge=2)
    """Values by which the grey values of each voxel are described; at most one a sample."""


class TemplateRecipe(FittedRecipe, TemplateSettings):
    """All of the recipe of a deformable template."""

    kind: Literal["template"]
    """Says what the file fits."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_waves(self.mode_waves, self.spatial_dims)
        if min(self.data.shape) < 4:
            raise ValueError("data.shape: a template needs 4 voxels or more along each axis")
        return self
