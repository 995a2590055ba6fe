"""Thin slices from thick ones that are slab averages: estimate, then make them agree with the data.

The classical candidates take thick slices for samples at their centres, and are then made to agree
with them: averaged again, their answer is the input. A network was trained to undo the average.
What agrees is mixed by how each did one scale up, where the thick slices themselves are the truth
and their averages stand for the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medgan.errors import RestoreError, UsageError
from medgan.interpolation import Filler, Stack
from medgan.interpolation.slabs import Slabs, estimate
from medgan.record import Candidate, FilledSlice, ScanRecord
from medgan.restoration.describe import centre_of, describe
from medgan.restoration.fill import favourite_of
from medgan.restoration.likeness import Likeness, decibels, mean_ssim
from medgan.restoration.mixture import error_matrix, mixture_weights
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.net_thinner import NetThinner
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.restoration.trial import BASELINE, MIXTURE
from medgan.restoration.used_model import model_of
from medgan.scans import Grid, Scan, Source

USED = ("linear", "cubic", "spline", "symmetric_flow")
"""Classical candidates; a network comes on top."""

LEAST = 8
"""Thick slices that must be left one scale up: with fewer, what is learnt there does harm."""

AGREES = 1e-4
"""How far the output, averaged again, may be from the input, in units of the range."""

Planes = NDArray[np.float32]
Maker = Filler | NetThinner


def thin_slices(
    scan: Scan, factor: int, fillers: Sequence[Maker], profile: Sequence[float] = ()
) -> tuple[Scan, ScanRecord]:
    """Make `factor` thin slices of every thick one.

    Parameters
    ----------
    scan
        Complete; its slices are averages along its axis.
    fillers
        As `load_fillers` gives them, and perhaps a `NetThinner`: it takes the place of the network
        that fills gaps where the slabs are such as it was trained for.
    profile
        As for `Slabs.of`; empty: a box as wide as the step.

    Returns
    -------
    tuple
        A scan of float32 values on the finer grid, every slice of it synthetic, and its record. No
        measured value is kept as it was; averaged again, they come back to 1e-4 of the range.

    Raises
    ------
    UsageError
        If the profile does not fit.
    RestoreError
        If slices are missing, there are fewer than three, or the result does not agree.
    """
    if scan.missing or scan.n_positions < 3:
        short = f"It has {scan.n_positions} slices: leave it out."
        raise RestoreError(
            "thick slices need a stack of at least three without a gap",
            where=scan.id,
            hint="Restore missing slices first." if scan.missing else short,
        )
    planes = physical_planes(scan)
    scale = measure(planes, scan.present)
    lazy = stack_of(scan, planes, scale, scan.present)
    thick = replace(lazy, planes=np.asarray(lazy.planes))
    try:
        slabs = Slabs.of(len(planes), factor, profile)
    except ValueError as error:
        raise UsageError(
            str(error),
            where="restore.profile",
            hint="Example for two thin slices of each: --set restore.profile=[1,2,2,1]",
        ) from error
    chosen = _candidates_for(slabs, fillers)
    weights, candidates, n_tried = _weigh(thick, factor, chosen, profile, scan.truth)
    thin = _mixed(thick, slabs, chosen, weights)
    off = float(np.abs(slabs.averaged(thin) - thick.planes).max())
    if off > AGREES:
        raise RestoreError(
            f"averaged again, the thin slices are {off:.1e} of the range off the thick ones",
            where=scan.id,
            hint="This is a fault of medgan, not of the scan: please report it.",
        )
    result = _result(scan, scale.undo(thin), factor)
    return result, replace(
        describe(scan, scan, range(scan.n_positions)),
        status="restored",
        shape=result.grid.shape,
        spacing_mm=tuple(round(step, 6) for step in result.spacing_mm),
        filled=tuple(_slices(result, factor)),
        candidates=candidates,
        n_hidden=n_tried,
        measured_hashes={},
        model=model_of(chosen, [weights]),
        notes=(*scan.notes, *_notes(scan, factor, profile, off, bool(candidates))),
    )


def _candidates_for(slabs: Slabs, fillers: Sequence[Maker]) -> list[Maker]:
    """Return the classical candidates, and one network at most."""
    thinners = [f for f in fillers if isinstance(f, NetThinner) and f.fits(slabs)]
    others = [f for f in fillers if isinstance(f, NetFiller)]
    networks: list[Maker] = [*thinners, *others]
    return [*(f for f in fillers if f.name in USED), *networks[:1]]


def thin_by(maker: Maker, thick: Stack, slabs: Slabs) -> Planes:
    """Return thin slices (n factor, h, w) by one candidate; they agree with the thick ones."""
    if isinstance(maker, NetThinner):
        return maker.thin(thick, slabs)
    return estimate(thick, slabs, maker)


def _mixed(
    thick: Stack, slabs: Slabs, fillers: Sequence[Maker], weights: NDArray[np.float64]
) -> Planes:
    """Mix what agrees with the data: the mixture agrees too."""
    mixed = np.zeros((len(slabs.centres), *thick.planes.shape[1:]), np.float32)
    for filler, weight in zip(fillers, weights, strict=True):
        if weight > 0:
            mixed += np.float32(weight) * thin_by(filler, thick, slabs)
    return slabs.projected(mixed, np.asarray(thick.planes))


def _weigh(
    thick: Stack,
    factor: int,
    fillers: Sequence[Maker],
    profile: Sequence[float],
    measured: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], tuple[Candidate, ...], int]:
    """Average the thick slices once more and have every filler undo that.

    Only where all of them were `measured` (n,): what a program made is no truth.
    """
    names = [filler.name for filler in fillers]
    prior = np.array([float(name == favourite_of(fillers)) for name in names])
    n = len(thick.planes)
    matrices, made, truths = [], [], []
    if not measured.all():
        return prior, (), 0
    for first in sorted({0, factor // 2}):
        n_coarse = (n - first) // factor
        if n_coarse < LEAST:
            continue
        try:
            coarse = Slabs.of(n_coarse, factor, profile)
        except ValueError:  # fits the stack, but not one so short
            continue
        stop = first + n_coarse * factor
        truth = thick.planes[first:stop]
        there = np.ones(coarse.average.shape[0], bool)
        step = float(thick.positions_mm[1]) * factor
        positions = np.arange(len(there), dtype=np.float64) * step
        data = Stack(coarse.averaged(truth), there, positions, thick.pixel_mm)
        estimates = np.stack([thin_by(filler, data, coarse) for filler in fillers])
        matrices.append(error_matrix(estimates - truth))
        made.append(estimates)
        truths.append(truth)
    if not matrices:
        return prior, (), 0
    weights = mixture_weights(matrices, prior, names.index(BASELINE))
    estimates, truth = np.concatenate(made, axis=1), np.concatenate(truths)
    mixed = np.tensordot(weights.astype(np.float32), estimates, axes=1)
    singles = [
        _candidate(name, float(weight), one, truth)
        for name, weight, one in zip(names, weights, estimates, strict=True)
    ]
    best_first = sorted(singles, key=lambda c: -c.psnr_db)
    return weights, (_candidate(MIXTURE, 1.0, mixed, truth), *best_first), n


def _candidate(name: str, weight: float, made: Planes, truth: Planes) -> Candidate:
    likeness = [Likeness.of(one, true) for one, true in zip(made, truth, strict=True)]
    mse = float(np.mean([each.mse for each in likeness]))
    return Candidate(name, weight, decibels(mse), mean_ssim(likeness), 0, "thick")


def _result(scan: Scan, thin: Planes, factor: int) -> Scan:
    n = scan.n_positions * factor
    affine = scan.affine.copy()
    step = affine[:3, scan.axis] / factor
    affine[:3, 3] -= step * (factor - 1) / 2
    affine[:3, scan.axis] = step
    stored = np.ascontiguousarray(np.moveaxis(thin, 0, scan.axis))
    i, j, k = stored.shape
    # No slice is what a DICOM file holds any more.
    source = Source(scan.source.root, ()) if scan.format == "dicom" else scan.source
    return replace(
        scan,
        stored=stored,
        grid=Grid((i, j, k), affine),
        present=np.ones(n, bool),
        synthetic=np.ones(n, bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
        source=source,
        instances=(),
        padding=None,
        region=None,
    )


def _slices(result: Scan, factor: int) -> list[FilledSlice]:
    return [
        FilledSlice(position, centre_of(result, position), None, factor, "unknown")
        for position in range(result.n_positions)
    ]


def _notes(
    scan: Scan, factor: int, profile: Sequence[float], off: float, is_tried: bool
) -> list[str]:
    shape = f"the profile {list(profile)}" if profile else "a box as wide as the step"
    notes = [
        f"{factor} thin slices were made of every thick one, taken for an average over {shape}; "
        "every slice is synthetic, and no measured value is kept bit for bit",
        f"averaged again, the thin slices give the measured ones to {off:.0e} of the range",
        "how near thin slices come to the truth cannot be tried out: figures are from one scale "
        "up, where the thick slices themselves were averaged and made again",
    ]
    if not is_tried:
        made = int((~scan.truth).sum())
        why = (
            f"{made} of the {scan.n_positions} thick slices were made by a program and are no truth"
            if made
            else "the stack is too short"
        )
        notes[-1] = f"{why} to try the candidates out: the favourite is used alone"
    if scan.padding is not None:
        notes.append("voxels outside the field of view hold the low end of the range")
    return notes
