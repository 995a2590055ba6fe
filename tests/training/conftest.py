"""Phantoms and the template fitted to them, once for all that look at it."""

from __future__ import annotations

import pytest
import torch

from medgan.networks.template import DeformableTemplate
from medgan.training.fit_template import fit_template

from .bent_cases import bent_cases, settings


@pytest.fixture(scope="session")
def cases() -> torch.Tensor:
    return bent_cases(16)


@pytest.fixture(scope="session")
def network(cases: torch.Tensor) -> DeformableTemplate:
    return fit_template(cases, settings(n_modes=6))[0]
