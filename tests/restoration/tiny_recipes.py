"""Recipes of every kind that take a second: two steps of the smallest networks on small crops."""

from __future__ import annotations

from typing import Any, TypeVar

from medgan.restoration import DenoiserRecipe, RestorerRecipe, SlabRecipe
from medgan.restoration.volume_recipe import VolumeRecipe

R = TypeVar("R", bound=VolumeRecipe)

OWN: dict[type[VolumeRecipe], dict[str, Any]] = {
    RestorerRecipe: {
        "kind": "restoration",
        "n_workers": 0,
        "damage": {"crop": (16, 24), "window": 32},
    },
    SlabRecipe: {
        "kind": "slabs",
        "slabs": {"crop": (16, 24), "block": (5, 32), "pool": 2, "reuse": 2},
    },
    DenoiserRecipe: {"kind": "denoising", "crops": {"crop": (16, 24)}},
}


def tiny(model: type[R], **changes: Any) -> R:
    """Return a recipe of that kind with some keys changed."""
    shared = {
        "name": "tiny",
        "licence": "CC0-1.0",
        "batch_size": 3,
        "generator": {"widths": (8, 8, 8)},
        "discriminator": {"width": 8},
        "train": {"steps": 2, "reconstruction_weight": 1.0, "adversarial_weight": 0.1},
    }
    return model.model_validate(shared | OWN[model] | changes)
