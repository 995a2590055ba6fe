"""A network from a model's settings, without memory: they may ask for any number of anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from medgan.networks import build

MAX_PIECES = 20_000
"""Layers, parameters and buffers of a network; the largest here has some hundreds."""


def design(architecture: str, settings: dict[str, Any]) -> nn.Module:
    """Make a network whose tensors have shapes and no values (device `meta`).

    Raises
    ------
    ValueError
        If the settings do not fit the architecture, whatever way it finds out, or ask for more
        than 20,000 layers and parameters.
    """
    try:
        with torch.device("meta"), _counted():
            return build(architecture, settings)
    except (TypeError, RuntimeError, ArithmeticError, LookupError, AttributeError) as error:
        text = str(error).splitlines() or [type(error).__name__]
        raise ValueError(text[0][:200]) from error


@contextmanager
def _counted() -> Iterator[None]:
    n_pieces = 0

    def count(module: nn.Module, name: str, piece: object) -> None:
        nonlocal n_pieces
        n_pieces += 1
        if n_pieces > MAX_PIECES:
            raise ValueError(f"the settings ask for more than {MAX_PIECES} layers and parameters")

    hooks = [
        register(count)
        for register in (
            register_module_module_registration_hook,
            register_module_parameter_registration_hook,
            register_module_buffer_registration_hook,
        )
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
