"""The numbers of a deformable template: how many modes, and how its parts are fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field, PositiveInt

from medgan.networks.template import coarser
from medgan.settings import Settings
from medgan.training.fit_fields import FieldSettings
from medgan.training.registration import RegistrationSettings
from medgan.training.wave_modes import N_CONTRASTS


class TemplateSettings(Settings):
    """See `configs/synthesize/template.yaml`."""

    n_modes: int = Field(40, ge=0)
    """Joint modes of displacement and appearance; at most one less than the samples."""
    mode_waves: tuple[PositiveInt, ...] | None = None
    """Cosine waves along each axis that modes are made of, instead of `n_modes`. What is finer is
    mostly one training case's own; it is drawn as a random field."""
    registration: RegistrationSettings = RegistrationSettings()
    """How the template and the displacements are found."""
    fields: FieldSettings = FieldSettings()
    """How the random fields are fitted that what the modes leave is drawn from."""

    def count_modes(self, shape: Sequence[int], n_cases: int) -> int:
        """Return how many modes a template of so many cases (*S) has: with waves all of them."""
        if self.mode_waves is None:
            return min(self.n_modes, n_cases - 1)
        of_axes = zip(coarser(shape, 2), self.mode_waves, strict=True)
        kept = math.prod(min(pair) for pair in of_axes)
        return (len(shape) + 1) * kept + N_CONTRASTS + 1  # waves, contrasts, strength
