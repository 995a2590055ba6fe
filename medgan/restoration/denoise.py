"""Take noise away from one scan: judge the candidates on it without a truth, mix them, or leave it.

The noise level is estimated from the scan, the error of every candidate by Stein's estimate at that
level. What is not expected to beat the scan as it is gets no weight; where the mixture is expected
to gain less than `LEAST_GAIN_DB`, the scan is left as it is, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.record import Candidate
from medgan.restoration.denoisers import (
    Denoiser,
    Planes,
    classical_denoisers,
    in_slabs,
)
from medgan.restoration.likeness import decibels
from medgan.restoration.mixture import mixture_weights
from medgan.restoration.net_denoiser import ACROSS, NetDenoiser
from medgan.restoration.noise_level import noise_level
from medgan.restoration.stein import risk_matrix
from medgan.restoration.trial import MIXTURE

LEAST_GAIN_DB = 0.2
"""Expected gain below which a scan is not touched."""
LEAST_WEIGHT = 0.03
"""Share below which a candidate is left out of the mixture: it costs time and adds nothing."""
LEAST_LEVEL = 1e-4
"""Noise level below which there is none: quantisation of 12 bits makes as much."""
TRIAL_SIDE, TRIAL_SLICES = 160, 32
"""Largest block, in the middle of the scan, on which candidates are judged."""


@dataclass(frozen=True, eq=False)
class Denoised:
    """What came of one scan.

    Parameters
    ----------
    planes
        (n, h, w) on the scale of the input; the input itself where nothing was gained.
    sigma
        Estimated noise level, in units of the range.
    gain_db
        Expected gain of the mixture over the scan as it is; 0: left as it is.
    candidates
        With weights and expected PSNR against the scan without noise; the mixture first.
    """

    planes: Planes
    sigma: float
    gain_db: float
    candidates: tuple[Candidate, ...]


def load_denoisers(model: str, device: str = "cpu") -> tuple[Denoiser, ...]:
    """Return every candidate: the scan as it is, classical ones and, unless `none`, the network.

    The network comes twice: across the slices, for scans that allow it, and along them, last.

    Raises
    ------
    ModelError
        If the model cannot be loaded or is no denoiser.
    """
    if model == "none":
        return classical_denoisers()
    from medgan.models import load_model

    loaded = load_model(model, device=device, kind="denoiser")
    across, along = NetDenoiser(loaded, axes=ACROSS), NetDenoiser(loaded)
    return (*classical_denoisers(), across, along)


def denoise_planes(
    planes: Planes,
    inside: NDArray[np.bool_] | None,
    denoisers: Sequence[Denoiser],
    spacing_mm: Sequence[float] | None = None,
) -> Denoised:
    """Denoise a stack.

    Parameters
    ----------
    planes
        (n, h, w), P0.5..P99.5 mapped to 0..1.
    inside
        (n, h, w) bool: voxels that were measured; None: all.
    denoisers
        As `load_denoisers` gives them: the scan as it is first.
    spacing_mm
        Between voxels along the axes of the stack; None: not known, and no network looks across
        the slices.
    """
    sigma = noise_level(planes, inside)
    if sigma < LEAST_LEVEL:
        return Denoised(planes, sigma, 0.0, ())
    denoisers = _suited(denoisers, planes.shape, spacing_mm)
    block = _block(planes.shape)
    risks, judged = risk_matrix(planes[block], denoisers, sigma)
    weights = _weights(risks)
    risk = float(weights @ risks @ weights)
    gain = decibels(risk) - decibels(float(risks[0, 0]))
    if gain < LEAST_GAIN_DB:
        weights, gain = np.eye(len(denoisers))[0], 0.0
    candidates = _candidates(denoisers, weights, risks)
    if not gain:
        return Denoised(planes, sigma, 0.0, candidates)
    mixed = np.zeros_like(planes)
    for denoiser, weight, part in zip(denoisers, weights, judged, strict=True):
        if weight > 0:
            whole = part if part.shape == planes.shape else _all_of(planes, denoiser, sigma)
            mixed += np.float32(weight) * whole
    return Denoised(mixed, sigma, gain, candidates)


def _suited(
    denoisers: Sequence[Denoiser], shape: tuple[int, ...], spacing_mm: Sequence[float] | None
) -> list[Denoiser]:
    """Return those that a scan allows; of a network, the views that a scan of its size can have."""
    suited: list[Denoiser] = []
    for one in denoisers:
        if not isinstance(one, NetDenoiser):
            suited.append(one)
        elif one.suits(shape, spacing_mm):
            suited.append(one.for_size(int(np.prod(shape))))
    return suited


def _all_of(planes: Planes, denoiser: Denoiser, sigma: float) -> Planes:
    """Denoise a whole scan; a network bounds its memory itself, without seams."""
    if isinstance(denoiser, NetDenoiser):
        return denoiser(planes, sigma)
    return in_slabs(denoiser, planes, sigma)


def _weights(risks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mix the candidates, drawn towards the last, the favourite; the first is what is to beat."""
    prior = np.eye(len(risks))[-1]
    weights = mixture_weights([risks], prior, 0)
    weights[weights < LEAST_WEIGHT] = 0
    return np.asarray(weights / weights.sum())


def _block(shape: tuple[int, ...]) -> tuple[slice, ...]:
    most = (TRIAL_SLICES, TRIAL_SIDE, TRIAL_SIDE)
    sides = [min(side, limit) for side, limit in zip(shape, most, strict=True)]
    starts = [(whole - side) // 2 for whole, side in zip(shape, sides, strict=True)]
    return tuple(slice(a, a + side) for a, side in zip(starts, sides, strict=True))


def _candidates(
    denoisers: Sequence[Denoiser], weights: NDArray[np.float64], risks: NDArray[np.float64]
) -> tuple[Candidate, ...]:
    risk = float(weights @ risks @ weights)
    singles = [
        Candidate(one.name, float(weight), decibels(float(r)), None, 0, "noise")
        for one, weight, r in zip(denoisers, weights, np.diag(risks), strict=True)
    ]
    best_first = sorted(singles, key=lambda c: -c.psnr_db)
    return Candidate(MIXTURE, 1.0, decibels(risk), None, 0, "noise"), *best_first
