"""Model folders: weights, settings and a card, as data and never as code; and the shipped ones.

A folder holds `weights.safetensors`, `model.json` and `CARD.md`. Architectures are named from one
explicit table. Doors: `find_model`, `read_info`, `check_kind`, `shipped_models`, `model_card` and
`ModelInfo`, which need no torch; `load_model`, `save_model` and `Model`, which load it when first
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medgan.models.card import model_card
from medgan.models.info import ModelInfo, check_kind, find_model, read_info, shipped_models

if TYPE_CHECKING:
    from medgan.models.folder import Model, load_model, save_model

__all__ = [
    "Model",
    "ModelInfo",
    "check_kind",
    "find_model",
    "load_model",
    "model_card",
    "read_info",
    "save_model",
    "shipped_models",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from medgan.models import folder

    return getattr(folder, name)
