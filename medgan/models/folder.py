"""Write and load model folders; nothing in one can run code, and its weights are hash-checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as save_tensors
from torch import nn

from medgan import __version__
from medgan.errors import ModelError
from medgan.interpolation import K
from medgan.models.design import design
from medgan.models.info import (
    ABILITIES,
    CARD,
    INFO,
    MAX_WEIGHT_BYTES,
    WEIGHTS,
    Kind,
    ModelInfo,
    find_model,
    read_info,
)
from medgan.models.parts import AGAIN, read_part
from medgan.models.weights import MAX_HEADER_BYTES, fill, size_of
from medgan.networks import ARCHITECTURES
from medgan.networks.denoise_net import DenoiseNet
from medgan.networks.slab_net import SlabNet
from medgan.record import dump
from medgan.scans.atomic import write_bytes


@dataclass(frozen=True)
class Model:
    """A loaded network and what is known about it."""

    info: ModelInfo
    network: nn.Module


def save_model(
    folder: Path, network: nn.Module, info: ModelInfo, card: str, *, half: bool = False
) -> ModelInfo:
    """Write a model folder; weights first, `model.json` last, each beside and renamed.

    Parameters
    ----------
    half
        Store numbers in 16 bits: half the bytes, each rounded by at most 2^-11 of itself.

    Returns
    -------
    ModelInfo
        With the hash of the weights and this version filled in.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    if half:
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
        if not all(torch.isfinite(t).all() for t in tensors.values()):
            raise ModelError(
                "its weights are too large for 16 bits",
                where=info.name,
                hint="Set half to false in the recipe.",
            )
    data = save_tensors(tensors)
    if len(data) > MAX_WEIGHT_BYTES:
        raise ModelError(
            f"its weights take {len(data) / 2**30:.1f} GiB, and no more than "
            f"{MAX_WEIGHT_BYTES / 2**30:.0f} are read again",
            where=info.name,
            hint="Train it with a smaller shape, fewer modes or fewer channels.",
        )
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
    if info.architecture not in ARCHITECTURES:
        raise ModelError(
            f"unknown architecture {info.architecture!r}",
            where=info.name,
            hint="It may come from a newer medgan; upgrade.",
        )
    try:
        network = design(info.architecture, info.settings)
        _check_ability(info, network)
        network = fill(network, _read_weights(folder, info, network))
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(
            f"weights and settings do not fit: {str(error)[:200]}", where=info.name, hint=AGAIN
        ) from error
    return Model(info, network.eval().requires_grad_(False).to(torch.device(device)))


def _check_ability(info: ModelInfo, network: nn.Module) -> None:
    """Refuse a network that is not called the way its kind is, before it is given work."""
    latent = getattr(network, "latent", None)
    fits = {
        "restorer": getattr(network, "k", None) == K,
        "thinner": isinstance(network, SlabNet),
        "denoiser": isinstance(network, DenoiseNet),
        "synthesizer": isinstance(latent, int) and latent == info.expects.get("latent"),
    }
    if not fits[info.kind]:
        raise ModelError(
            f"a {info.architecture} of these settings cannot {ABILITIES[info.kind]}",
            where=info.name,
            hint="Use a folder that this version made; train what is older again.",
        )


def _read_weights(folder: Path, info: ModelInfo, network: nn.Module) -> bytes:
    """Read no more than the network has room for, once, and check the hash of what was read."""
    at_most = min(size_of(network) + MAX_HEADER_BYTES, MAX_WEIGHT_BYTES)
    data = read_part(folder, WEIGHTS, at_most, info.name)
    if hashlib.sha256(data).hexdigest() != info.weights_sha256:
        raise ModelError(
            f"the weights are not the ones {INFO} was written for", where=info.name, hint=AGAIN
        )
    return data
