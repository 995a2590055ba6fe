"""A template refined against a patch critic, as a task of the adversarial loop."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from medgan.data.augmentation import AugmentSettings
from medgan.data.space import Space
from medgan.networks.haar import haar
from medgan.networks.refined_template import RefinedTemplate, positions
from medgan.networks.template import DeformableTemplate
from medgan.synthesis.gan_task import Design, GanTask
from medgan.synthesis.refined_recipe import TemplateGanRecipe

N_MEASURED = 64
"""Real samples from which the spread of each of the critic's channels is taken."""

LEAST_SPREAD = 1e-3


class RefineTask(GanTask):
    """The critic sees the detail of the image, and where it lies; all else stays the template's.

    Parameters
    ----------
    recipe, space, prepared
        See `GanTask`.
    template
        What is refined. For a run that is taken up its weights do not matter: the state holds them.

    Notes
    -----
    The critic sees what the refiner can change and nothing else: of the Haar bands of the image all
    but the first, each scaled to a standard deviation of 1. One that saw labels, when they were
    smoother than drawn ones, looked at little else; one that saw coarse bands, and could have them
    changed, moved shading and contrast away from those of scans (`docs/decisions/0012`).
    """

    def __init__(
        self,
        recipe: TemplateGanRecipe,
        space: Space,
        prepared: Any,
        template: DeformableTemplate,
    ) -> None:
        self.recipe = recipe
        self.space = space
        self.n_modes = template.n_modes
        super().__init__(recipe, space, prepared, AugmentSettings())
        self._refined(self.generator).template.load_state_dict(template.state_dict())
        self.spread = self._measure()
        self.drawn: tuple[int, tuple[Tensor, Tensor]] | None = None

    def generator_design(self) -> Design:
        """Return template and refiner."""
        return "refined_template", {
            "spatial_dims": self.space.spatial_dims,
            "out_channels": self.space.n_channels,
            "shape": list(self.space.shape),
            "n_modes": self.n_modes,
        } | self.recipe.generator.model_dump()

    def discriminator_design(self) -> Design:
        """Return the critic."""
        n_dims = self.space.spatial_dims
        return "patch_critic", {
            "spatial_dims": n_dims,
            "in_channels": 2**n_dims - 1 + n_dims,
        } | self.recipe.discriminator.model_dump()

    def generate(self, generator: nn.Module, batch: dict[str, Tensor], step: int) -> Tensor:
        """Return the images of refined draws of the template, cut at -1 and 1 as samples are."""
        network = self._refined(generator)
        for_template, noise = network.split(self.latents(batch, step))
        made: Tensor = network.refiner(*self._draw(network, for_template, step), noise)
        return made[:, :1].clamp(-1, 1)

    def real(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the images of the prepared samples."""
        return batch["image"][:, :1]

    def condition(self, batch: dict[str, Tensor]) -> Tensor:
        """Return where each place of the bands lies, (B, D, *S / 2) in -1..1."""
        like = batch["image"][(slice(None), slice(0, 1), *[slice(None, None, 2)] * self._n_dims)]
        return positions(like)

    def augment(self, images: Tensor, step: int) -> Tensor:
        """Change samples as the eye does, and turn them into what the critic takes."""
        return detail(super().augment(images, step)) / self.spread.to(images.device)

    def _draw(self, network: RefinedTemplate, z: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Draw from the template; kept for the second half of a step, which asks for the same."""
        if self.drawn is None or self.drawn[0] != step or self.drawn[1][0].device != z.device:
            # In full precision: a displacement of a tenth of a voxel counts.
            with torch.no_grad(), torch.autocast(z.device.type, enabled=False):
                self.drawn = step, network.template.parts(z)
        return self.drawn[1]

    def _measure(self) -> Tensor:
        """Return the standard deviation of each channel that the critic sees, (1, C', 1...)."""
        at = range(min(N_MEASURED, len(self.samples)))
        seen = torch.cat([detail(self.samples[i, 0]["image"][None, :1]) for i in at])
        spread = seen.transpose(0, 1).flatten(1).std(dim=1).clamp_min(LEAST_SPREAD)
        return spread.view(1, -1, *[1] * self._n_dims)

    @property
    def _n_dims(self) -> int:
        return self.space.spatial_dims

    @staticmethod
    def _refined(generator: nn.Module) -> RefinedTemplate:
        assert isinstance(generator, RefinedTemplate)
        return generator


def detail(images: Tensor) -> Tensor:
    """Return the Haar bands (B, 2^D - 1, *S / 2) of images (B, 1, *S), but for the means."""
    return haar(images)[:, 1:]
