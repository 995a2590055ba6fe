"""The classic GAN as a task of the adversarial loop."""

from __future__ import annotations

from typing import Any

from medgan.data.space import Space
from medgan.synthesis.gan_task import Design, GanTask
from medgan.synthesis.settings import SynthesizeRecipe


class SynthesisTask(GanTask):
    """DCGAN generator against DCGAN discriminator."""

    def __init__(self, recipe: SynthesizeRecipe, space: Space, prepared: Any) -> None:
        self.recipe = recipe
        self.space = space
        super().__init__(recipe, space, prepared, recipe.augment)

    def generator_design(self) -> Design:
        """Return the transposed convolutions."""
        return "dcgan_generator", {
            "spatial_dims": self.space.spatial_dims,
            "out_channels": self.space.n_channels,
            "shape": list(self.space.shape),
        } | self.recipe.generator.model_dump()

    def discriminator_design(self) -> Design:
        """Return the strided convolutions."""
        return "dcgan_discriminator", {
            "spatial_dims": self.space.spatial_dims,
            "in_channels": self.space.n_channels,
            "shape": list(self.space.shape),
        } | self.recipe.discriminator.model_dump()
