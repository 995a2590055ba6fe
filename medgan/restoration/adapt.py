"""The network adapted to one scan: one more candidate of its mixture, judged on what it missed.

A short fine-tuning on the scan's own measured slices, held near the weights it starts from (L2-SP,
Li et al. 2018, ICML, eq. 2). Each network knows which slices it has learnt from and is never asked
about one of them: hidden slices are filled by networks that were adapted without them, the real
gaps by one that was adapted with all. A thinned stack is left alone: its slices can only teach gaps
wider than its own.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from medgan.data.slice_samples import DamageSettings, SliceSampler, Volume
from medgan.data.volumes import ISOTROPIC
from medgan.interpolation import Filler, Stack
from medgan.models import Model
from medgan.restoration.batch import collate
from medgan.restoration.hide import GapKind, kind_of, windows
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.scale import PhysicalPlanes, measure
from medgan.scans import Gap, Scan, runs

LEARNING_RATE, BETAS = 3e-4, (0.9, 0.99)
WARMUP_STEPS = 10
BATCH_SIZE = 8
CHARBONNIER = 0.03
"""Where the loss turns from square to absolute, in units of the range."""
PROXIMITY = 0.01
"""Weight of half the squared distance from the weights it starts from."""
CLIP_NORM = 0.5

OTHER_GAPS = 0.15
"""Share of each shorter gap beside those of the scan, so that the network does not forget."""
N_FOLDS = (2, 6)
"""Networks that fill hidden slices: each learns from all but every second hidden window, or, in a
short stack, from all but one window; with fewer steps each, since the time is shared."""
MIN_SLICES = 5
"""Evenly spaced slices in a row that something can be learnt from."""
MIN_ACROSS = 8
"""Slices in a row from which planes across them are wide enough to learn from."""
MIN_STEPS = 8
N_TIMED = 3
"""Steps that are timed, after a first one, to tell how many fit into the time given."""


@dataclass(frozen=True)
class AdaptedFiller:
    """Fill with that network which has seen most, and nothing that the stack lacks.

    Parameters
    ----------
    base
        The network as it was; it has seen none of the slices.
    networks
        Which slices each has learnt from, (n,) bool, and the network.
    steps
        Of fine-tuning, each.
    """

    base: NetFiller
    networks: tuple[tuple[NDArray[np.bool_], NetFiller], ...]
    steps: int

    @property
    def name(self) -> str:
        """The name of the network it started from, and `adapted`."""
        return f"{self.base.name}-adapted"

    def fill(self, stack: Stack, targets: Sequence[int]) -> NDArray[np.float32]:
        """Fill with the one network that may be asked."""
        return self.chosen(stack.present).fill(stack, targets)

    def chosen(self, present: NDArray[np.bool_]) -> NetFiller:
        """Return the network for a stack with these slices (n,)."""
        honest = [(int(seen.sum()), net) for seen, net in self.networks if present[seen].all()]
        return max(honest, key=lambda each: each[0], default=(0, self.base))[1]


def with_adapted(
    fillers: Sequence[Filler],
    scan: Scan,
    planes: PhysicalPlanes,
    gaps: Sequence[Gap],
    effort: str,
) -> tuple[Sequence[Filler], tuple[str, ...]]:
    """Add the network among the fillers, adapted, where that is asked for; and say what was done.

    Parameters
    ----------
    effort
        As `adapted` takes it; empty: nothing is asked for.
    """
    network = next((filler for filler in fillers if isinstance(filler, NetFiller)), None)
    if not effort or not gaps or network is None:
        return fillers, ()
    candidate = adapted(network, scan, planes, gaps, effort)
    if candidate is None:
        return fillers, (
            "the network was not adapted to this scan: the stack is thinned, or too few slices lie "
            "side by side, or the time or steps given were too few",
        )
    return (*fillers, candidate), (
        f"the network was adapted to this scan in {candidate.steps} steps and competed with what "
        "it was; it was judged by hidden slices it had not seen",
    )


def adapted(
    network: NetFiller, scan: Scan, planes: PhysicalPlanes, gaps: Sequence[Gap], effort: str
) -> AdaptedFiller | None:
    """Adapt a network to a scan with gaps.

    Parameters
    ----------
    planes
        As `scale.physical_planes` gives them.
    gaps
        Interior gaps of the scan.
    effort
        `30s`: as many steps as fit into so many seconds here, all networks together, rounded down
        to a power of the square root of two so that small changes of speed change nothing. `100`:
        so many steps for each network; the same steps give the same weights.

    Returns
    -------
    AdaptedFiller or None
        None where too few slices would be left to learn from, or too little time.
    """
    kinds = list(dict.fromkeys(kind_of(gap, scan.present) for gap in gaps))
    if any(kind.is_regular for kind in kinds):
        return None
    samplers = next(filter(None, (_samplers(scan, planes, kinds, n) for n in N_FOLDS)), None)
    if samplers is None:
        return None
    steps = _steps(network.model, samplers[-1][1], effort, len(samplers))
    if steps < MIN_STEPS:
        return None
    networks = [
        (seen, NetFiller(fine_tuned(network.model, sampler, steps), network.averaging))
        for seen, sampler in samplers
    ]
    return AdaptedFiller(network, tuple(networks), steps)


def fine_tuned(model: Model, sampler: SliceSampler, steps: int) -> Model:
    """Return a model trained on for so many steps, the rate falling along a cosine."""
    network = copy.deepcopy(model.network).requires_grad_(True)
    weights = list(network.parameters())
    start = [weight.detach().clone() for weight in weights]
    device = weights[0].device
    optimiser = torch.optim.Adam(weights, lr=LEARNING_RATE, betas=BETAS)
    for step in range(steps):
        rate = 0.5 * (1 + math.cos(math.pi * step / steps)) * min(1, (step + 1) / WARMUP_STEPS)
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * rate
        batch = collate([sampler(step * BATCH_SIZE + n) for n in range(BATCH_SIZE)])
        filled = network(batch.inputs.to(device))
        error = (filled - batch.target.to(device)).square().add(CHARBONNIER**2).sqrt()
        loss = ((error - CHARBONNIER).flatten(1).mean(dim=1) * batch.weight.to(device)).mean()
        away = sum((w - s).square().sum() for w, s in zip(weights, start, strict=True))
        optimiser.zero_grad()
        (loss + PROXIMITY / 2 * away).backward()
        torch.nn.utils.clip_grad_norm_(weights, CLIP_NORM)
        optimiser.step()
    return Model(model.info, network.requires_grad_(False))


def _steps(model: Model, sampler: SliceSampler, effort: str, n_networks: int) -> int:
    """Return the steps for each network that were asked for, or that fit."""
    if not effort.endswith("s"):
        return int(effort)
    fine_tuned(model, sampler, 1)
    began = time.monotonic()
    fine_tuned(model, sampler, N_TIMED)
    each = (time.monotonic() - began) / N_TIMED
    fit = (float(effort[:-1]) - each * (N_TIMED + 1)) / (each * n_networks)
    return int(2 ** (math.floor(2 * math.log2(fit)) / 2)) if fit >= 1 else 0


def _samplers(
    scan: Scan, planes: PhysicalPlanes, kinds: Sequence[GapKind], n_folds: int
) -> list[tuple[NDArray[np.bool_], SliceSampler]]:
    """Return what each network learns from; nothing where one has too little left."""
    samplers = []
    for seen in _folds(scan, kinds, n_folds):
        volumes = _volumes(scan, planes, seen)
        if not volumes:
            return []
        samplers.append((seen, SliceSampler(volumes, _damage(kinds, volumes), seed=0)))
    return samplers


def _folds(scan: Scan, kinds: Sequence[GapKind], n_folds: int) -> list[NDArray[np.bool_]]:
    """Return what each network may learn from (n,): all but some windows, at last everything."""
    folds = []
    for number in range(n_folds):
        seen = scan.truth.copy()
        for kind in kinds:
            for window in windows(kind, scan.present, scan.truth)[number::n_folds]:
                seen[list(window.hidden)] = False
        if (seen != scan.truth).any():  # fewer windows than folds leave some with nothing to miss
            folds.append(seen)
    return [*folds, scan.truth.copy()]


def _volumes(scan: Scan, planes: PhysicalPlanes, seen: NDArray[np.bool_]) -> list[Volume]:
    """Return every run of neighbouring slices that may be learnt from, as a volume of its own."""
    scale = measure(planes, seen)
    within = [side for axis, side in enumerate(scan.spacing_mm) if axis != scan.axis]
    spacing = (scan.spacing_mm[scan.axis], within[0], within[1])
    is_isotropic = max(spacing) <= ISOTROPIC * min(spacing)
    return [
        Volume(
            values=scale.apply(planes[run.positions]),
            spacing_mm=spacing,
            axes=(0, 1, 2) if is_isotropic and run.length >= MIN_ACROSS else (0,),
            group=scan.id,
        )
        for run in runs(seen)
        if run.length >= MIN_SLICES
    ]


def _damage(kinds: Sequence[GapKind], volumes: Sequence[Volume]) -> DamageSettings:
    """Return the gaps of the scan, as far as its runs of slices are long enough for them."""
    longest = max(volume.values.shape[axis] for volume in volumes for axis in volume.axes) - 2
    shares = np.full(min(longest, max(kind.length for kind in kinds)), OTHER_GAPS)
    for kind in kinds:
        shares[min(kind.length, len(shares)) - 1] += 1
    return DamageSettings(
        gap_weights=tuple(shares.tolist()),
        regular_share=0.15,
        slab_share=0,
        smooth_share=0,
        zoom_share=0.3,
        zoom=(0.8, 1.5),
        invert_share=0,
    )
