"""Which network had a share in what was filled: for records, reports and DICOM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import Filler
from medgan.restoration.adapt import AdaptedFiller
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.net_thinner import NetThinner


def model_of(
    fillers: Sequence[Filler | NetThinner], weights: Sequence[NDArray[np.floating]]
) -> dict[str, str]:
    """Return name, digest and licence of the network that has a share in any mixture, if one has.

    Parameters
    ----------
    weights
        (f,) of every mixture.
    """
    shares = np.sum(weights, axis=0)
    used = [filler for filler, share in zip(fillers, shares, strict=True) if share > 0]
    adapted = next((filler for filler in used if isinstance(filler, AdaptedFiller)), None)
    networks = [filler for filler in used if isinstance(filler, NetFiller | NetThinner)]
    if adapted:
        networks.append(adapted.base)
    if not networks:
        return {}
    info = networks[0].model.info
    return {
        "name": info.name,
        "sha256": info.weights_sha256,
        "licence": info.licence,
        **info.training.get("blend", {}),
        **({"adapted_steps": str(adapted.steps)} if adapted else {}),
    }
