"""Between faithful and natural: the weights of two networks, interpolated.

One of the two was trained on from the other, so every network on the line between them is a sound
one, and texture is bought with fidelity in any amount (Wang et al. 2019, Deep network
interpolation, CVPR, eq. 1).
"""

from __future__ import annotations

import copy
import hashlib

import torch
from safetensors.torch import save

from medgan.errors import ModelError
from medgan.models import Model


def blend(faithful: Model, natural: Model, share: float) -> Model:
    """Return the network `share` of the way from one to the other.

    Parameters
    ----------
    faithful, natural
        Two of one architecture and settings, on one device.
    share
        0: `faithful` itself, 1: the weights of `natural`.

    Returns
    -------
    Model
        Its name tells the share; `training["blend"]` holds names and hashes of both, as text, and
        `weights_sha256` is the hash of the weights as a model folder in 32 bits would hold them.

    Raises
    ------
    ModelError
        If their architecture or settings differ.
    """
    if share == 0:
        return faithful
    one, other = faithful.info, natural.info
    if (one.architecture, one.settings) != (other.architecture, other.settings):
        raise ModelError(
            f"its architecture or settings are not those of {one.name}: they cannot be blended",
            where=other.name,
            hint="Blend a model with one that was trained on from it (warm_start), or leave "
            "--texture out.",
        )
    theirs = natural.network.state_dict()
    weights = {
        name: torch.lerp(own, theirs[name], share)
        for name, own in faithful.network.state_dict().items()
    }
    network = copy.deepcopy(faithful.network)
    network.load_state_dict(weights)
    held = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    licences = dict.fromkeys(filter(None, (one.licence, other.licence)))
    info = one.model_copy(
        update={
            "name": f"{one.name}-texture-{share:g}",
            "weights_sha256": hashlib.sha256(save(held)).hexdigest(),
            "licence": " AND ".join(licences),
            "training": {
                "blend": {
                    "texture": f"{share:g}",
                    "faithful": one.name,
                    "faithful_sha256": one.weights_sha256,
                    "natural": other.name,
                    "natural_sha256": other.weights_sha256,
                }
            },
        }
    )
    return Model(info, network)
