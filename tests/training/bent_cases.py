"""Phantoms whose alignment is known: a bright ball in a box, moved and grown by case."""

from __future__ import annotations

import torch
from torch import Tensor

from medgan.networks.template import DeformableTemplate
from medgan.training.fit_fields import FieldSettings
from medgan.training.registration import RegistrationSettings
from medgan.training.template_settings import TemplateSettings

SHAPE = (16, 20, 16)
QUICK = RegistrationSettings(epochs=20, batch_size=4)
FIELDS = FieldSettings(steps=150)


def settings(registration: RegistrationSettings = QUICK, **changes: object) -> TemplateSettings:
    return TemplateSettings.model_validate(
        {"registration": registration, "fields": FIELDS} | changes
    )


def ball(shift: tuple[float, ...] = (0, 0, 0), radius: float = 4.5, noise: float = 0.0) -> Tensor:
    """Image and signed-distance channel (2, *S), both smooth functions of position."""
    axes = [torch.arange(side, dtype=torch.float32) - (side - 1) / 2 for side in SHAPE]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    centre = torch.tensor(shift, dtype=torch.float32).view(3, 1, 1, 1)
    inside = radius - (grid - centre).square().sum(dim=0).sqrt()
    label = torch.tanh(inside / 1.5)
    source = torch.Generator().manual_seed(int(100 * radius) + int(10 * shift[0]) + 50)
    image = 0.6 * label + noise * torch.randn(SHAPE, generator=source)
    return torch.stack([image, label]).clamp(-1, 1)


def bent_cases(n: int = 12, noise: float = 0.05) -> Tensor:
    """Return n cases (n, 2, *S): shifted by up to 1.5 voxels, radius 3.5 to 5.5."""
    draws = torch.rand(n, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.stack(
        [ball(tuple((1.5 * d[:3]).tolist()), 4.5 + float(d[3]), noise) for d in draws]
    )


def draw(network: DeformableTemplate, n: int) -> Tensor:
    """Return n samples of a template."""
    source = torch.Generator().manual_seed(7)
    with torch.no_grad():
        return network(torch.randn(n, network.latent, generator=source))
