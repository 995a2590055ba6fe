"""Which network had a share in what was filled, and whether expected errors know it.

For records, reports and DICOM.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import Filler
from medgan.restoration.adapt import AdaptedFiller
from medgan.restoration.expected import calibration
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.net_thinner import NetThinner

HASH_DIGITS = 12
"""Digits of a hash that are enough to tell networks apart."""


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


def uncalibrated(
    fillers: Sequence[Filler | NetThinner], weights: Sequence[NDArray[np.floating]]
) -> str:
    """Return the note for the record where expected errors were calibrated with another network.

    What counts is the network among the candidates, whatever its share: it had none in some of the
    scans of the calibration. One that was adapted to the scan counts once it has a share.

    Parameters
    ----------
    fillers
        Candidates, also those that have no share.
    weights
        (f,) of every mixture.

    Returns
    -------
    str
        Empty where they were calibrated with the network in use.
    """
    network = next((filler for filler in fillers if isinstance(filler, NetFiller)), None)
    known = calibration().weights_sha256
    here = network.model.info.weights_sha256 if network else ""
    is_adapted = "adapted_steps" in model_of(fillers, weights)
    if here == known and not is_adapted:
        return ""
    basis = (
        f"with the network of weights SHA-256 {known[:HASH_DIGITS]}"
        if known
        else "without a network"
    )
    tried = f"{network.name} (weights SHA-256 {here[:HASH_DIGITS]})" if network else "no network"
    return (
        f"expected errors were calibrated {basis}, and this scan was filled with {tried}"
        f"{' adapted to it' if is_adapted else ''}: their ranges may hold less often than they say"
    )
