"""Write and load model folders; nothing in one can run code, and its weights are hash-checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from medgan import __version__
from medgan.errors import ModelError
from medgan.models.info import (
    CARD,
    INFO,
    WEIGHTS,
    Kind,
    ModelInfo,
    find_model,
    read_info,
)
from medgan.networks import ARCHITECTURES, build
from medgan.record import dump
from medgan.scans.atomic import sha256_of, write_bytes

MAX_WEIGHT_BYTES = 2**31
"""No network here comes near 2 GiB; a larger file is refused before it is read."""


@dataclass(frozen=True)
class Model:
    """A loaded network and what is known about it."""

    info: ModelInfo
    network: nn.Module


def save_model(folder: Path, network: nn.Module, info: ModelInfo, card: str) -> ModelInfo:
    """Write a model folder; weights first, `model.json` last, each beside and renamed.

    Returns
    -------
    ModelInfo
        With the hash of the weights and this version filled in.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    data = save_tensors(tensors)
    stamped = info.model_copy(
        update={
            "weights_sha256": hashlib.sha256(data).hexdigest(),
            "medgan_version": __version__,
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, data)
    write_bytes(folder / CARD, card.encode())
    write_bytes(folder / INFO, dump(stamped.model_dump(mode="json")).encode())
    return stamped


def load_model(name_or_path: str | Path, *, device: str = "cpu", kind: Kind | None = None) -> Model:
    """Load a model folder, or a shipped model by name, in evaluation mode.

    Parameters
    ----------
    kind
        What it has to be able to do; None: anything.

    Raises
    ------
    ModelError
        If it is no model folder or of another kind, its architecture is unknown, its settings or
        weights do not fit together, or the weights are not the ones that were saved.
    """
    folder = find_model(name_or_path, kind)
    info = read_info(folder)
    where = info.name
    if info.architecture not in ARCHITECTURES:
        raise ModelError(
            f"unknown architecture {info.architecture!r}",
            where=where,
            hint="It may come from a newer medgan; upgrade.",
        )
    data = _read_weights(folder, info)
    try:
        network = build(info.architecture, info.settings)
        network.load_state_dict(load_tensors(data))
    except (TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"weights and settings do not fit: {str(error).splitlines()[0]}",
            where=where,
            hint="Copy the model folder again, whole.",
        ) from error
    return Model(info, network.eval().requires_grad_(False).to(torch.device(device)))


def _read_weights(folder: Path, info: ModelInfo) -> bytes:
    path = folder / WEIGHTS
    try:
        size = path.stat().st_size
        if size > MAX_WEIGHT_BYTES:
            raise ModelError(
                f"weights of {size} bytes are more than any network here needs",
                where=info.name,
                hint="Get the model folder again from where it came from.",
            )
        if sha256_of(path) != info.weights_sha256:
            raise ModelError(
                f"the weights are not the ones {INFO} was written for",
                where=info.name,
                hint="Copy the model folder again, whole.",
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{WEIGHTS} cannot be read", where=info.name, hint="Copy the folder again."
        ) from error
