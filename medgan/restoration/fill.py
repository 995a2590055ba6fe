"""Fill the gaps of one scan: try the fillers out on it, mix them, fill, and say how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from medgan.errors import UnprovenError, UsageError
from medgan.interpolation import Filler, Stack, classical_fillers
from medgan.record import Interval, ScanRecord
from medgan.restoration.adapt import with_adapted
from medgan.restoration.blend import blend
from medgan.restoration.describe import describe, filled_slice
from medgan.restoration.ends import (
    EndTrial,
    end_gaps,
    extrapolated_slices,
    fill_end,
    refuse_untried_ends,
    try_ends,
)
from medgan.restoration.hide import GapKind, interior_gaps, kind_of, widest_tried
from medgan.restoration.intervals import prediction_interval
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.net_thinner import NetThinner
from medgan.restoration.scale import PhysicalPlanes, Scale, measure, physical_planes, stack_of
from medgan.restoration.settings import RestoreSettings
from medgan.restoration.signs import Rims, Signs
from medgan.restoration.trial import Trial, try_out
from medgan.restoration.used_model import model_of, uncalibrated
from medgan.scans import Gap, Scan


def load_fillers(settings: RestoreSettings, device: str = "cpu") -> tuple[Filler, ...]:
    """Return every candidate: the classical fillers and, unless it is `none`, the network.

    Raises
    ------
    ModelError
        If the model cannot be loaded or is no restorer.
    """
    classical = classical_fillers()
    if settings.model == "none":
        return classical
    from medgan.models import load_model

    model = load_model(settings.model, device=device, kind="restorer")
    if settings.texture:
        natural = load_model(settings.natural, device=device, kind="restorer")
        model = blend(model, natural, settings.texture)
    return (*classical, NetFiller(model, settings.averaging))


def restore_scan(
    scan: Scan, settings: RestoreSettings, fillers: Sequence[Filler]
) -> tuple[Scan, ScanRecord]:
    """Fill every gap of a scan between two slices and, when asked to, beyond its ends.

    Parameters
    ----------
    scan
        With gaps, or with positions to fill over in `settings.missing`.
    settings
        How.
    fillers
        As `load_fillers` gives them; loaded once for many scans.

    Returns
    -------
    tuple
        The restored scan (measured slices untouched) and its record, without outputs. A scan
        without such gaps comes back as it is, with status `complete`.

    Raises
    ------
    UsageError
        If `settings.missing` names positions that do not exist or cannot be filled.
    UnprovenError
        If a gap is wider than what could be tried out on this scan, unless forced.
    """
    overwritten = _positions_to_overwrite(scan, settings)
    holed = scan.without(overwritten) if overwritten else scan
    gaps = interior_gaps(holed.present)
    ends = end_gaps(holed.present) if settings.fill_ends else ()
    positions = [position for gap in (*gaps, *ends) for position in gap.positions]
    record = describe(scan, holed, positions)
    if not positions:
        return scan, record
    planes = physical_planes(holed)
    fillers, told = with_adapted(fillers, holed, planes, gaps, settings.adapt)
    trials = trials_of(holed, planes, gaps, fillers)
    end_trials = try_ends(holed, planes, ends)
    if not settings.force:
        _refuse_untried(holed, trials)
        refuse_untried_ends(holed, end_trials)
    tried: list[Trial | EndTrial] = [*trials.values(), *end_trials.values()]
    scale = measure(planes, holed.present)
    stack = stack_of(holed, planes, scale, holed.present)
    by_gap = [(gap, trials[kind_of(gap, holed.present)]) for gap in gaps]
    signs: dict[int, Signs] = {}  # of each position, known once it is filled
    mixed = chain(
        (_mix(stack, gap, fillers, trial, signs) for gap, trial in by_gap),
        (fill_end(stack, gap, end_trials[gap.length]) for gap in ends),
    )
    made = (scale.undo(plane) for filled_gap in mixed for plane in filled_gap)
    restored = holed.with_slices(positions, made)
    weights = [trial.weights for trial in trials.values()]
    is_told = any(trial.scores for trial in trials.values())
    doubt = uncalibrated(fillers, weights) if is_told else ""
    filled = [
        filled_slice(holed, trial, gap, position, signs[position], position in overwritten)
        for gap, trial in by_gap
        for position in gap.positions
    ]
    for gap in ends:
        filled += extrapolated_slices(holed, end_trials[gap.length], gap, overwritten)
    return restored, replace(
        record,
        status="restored",
        filled=tuple(sorted(filled, key=lambda made: made.position)),
        candidates=tuple(c for trial in tried for c in trial.candidates),
        n_hidden=len({score.position for trial in tried for score in trial.scores}),
        shift_hu=_expected_shift(trials.values(), scale) if scan.modality == "ct" else None,
        model=model_of(fillers, weights) if gaps else {},
        is_calibrated=not doubt,
        notes=(
            *record.notes,
            *_remarks(overwritten, tried, ends),
            *told,
            *filter(None, [doubt]),
        ),
    )


def _positions_to_overwrite(scan: Scan, settings: RestoreSettings) -> list[int]:
    if settings.missing is None:
        return []
    n = scan.n_positions
    beyond = [p for p in settings.missing if not 0 <= p < n]
    if beyond:
        raise UsageError(
            f"positions {beyond} do not exist; the stack has 0 to {n - 1}",
            where=scan.id,
            hint="`medgan inspect` prints the positions of every scan.",
        )
    overwritten = [p for p in settings.missing if scan.present[p]]
    if settings.fill_ends and scan.without(overwritten).present.any():
        return overwritten
    inside = {p for gap in interior_gaps(scan.without(overwritten).present) for p in gap.positions}
    at_ends = [p for p in overwritten if p not in inside]
    if at_ends:
        raise UsageError(
            f"positions {at_ends} are at the ends: no slice lies beyond them to fill from",
            where=scan.id,
            hint="Name positions between two slices that are there, or give --fill-ends "
            "(index.fill_ends=true).",
        )
    return overwritten


def trials_of(
    scan: Scan,
    planes: PhysicalPlanes,
    gaps: Sequence[Gap],
    fillers: Sequence[Filler],
) -> dict[GapKind, Trial]:
    """Try the fillers out once for every kind of gap; see `trial.try_out`."""
    prior = _prior(fillers)
    trials: dict[GapKind, Trial] = {}
    for kind in dict.fromkeys(kind_of(gap, scan.present) for gap in gaps):
        # In a thinned stack the same slices are hidden whatever the length of the gap.
        alike = [t for t in trials.values() if t.kind.is_regular and kind.is_regular]
        if alike:
            trials[kind] = replace(alike[0], kind=kind, candidates=())
        else:
            trials[kind] = try_out(scan, planes, kind, fillers, prior)
    return trials


def favourite_of(fillers: Sequence[Filler | NetThinner]) -> str:
    """Return what is trusted before anything is tried out: the network, if any."""
    networks = (f.name for f in fillers if isinstance(f, NetFiller | NetThinner))
    return next(networks, "symmetric_flow")


def _prior(fillers: Sequence[Filler]) -> NDArray[np.float64]:
    favourite = favourite_of(fillers)
    return np.array([float(filler.name == favourite) for filler in fillers])


def _refuse_untried(scan: Scan, trials: dict[GapKind, Trial]) -> None:
    """Refuse gaps that could not be tried out."""
    untried = sorted(k.length for k, trial in trials.items() if not trial.scores)
    if untried:
        widest = widest_tried(untried[-1], scan.present, scan.truth)
        raise UnprovenError(
            f"gaps of {', '.join(map(str, untried))} slices are wider than what can be tried out "
            f"on the {int(scan.present.sum())} slices that are there: "
            + (f"gaps of at most {widest}" if widest else "no gap at all"),
            where=scan.id,
            hint="Give --force (restore.force=true) to fill them all the same; their error will be "
            "unknown.",
        )


def _mix(
    stack: Stack,
    gap: Gap,
    fillers: Sequence[Filler],
    trial: Trial,
    signs: dict[int, Signs],
) -> NDArray[np.float32]:
    """Return (length, h, w): the weighted sum of the fillers that have weight.

    Puts what can be seen of each position into `signs`.
    """
    targets = list(gap.positions)
    mixed = np.zeros((len(targets), *stack.planes.shape[1:]), np.float32)
    for filler, weight in zip(fillers, trial.weights, strict=True):
        if weight > 0:
            mixed += np.float32(weight) * filler.fill(stack, targets)
    signs |= {
        target: Rims.of(stack, target).signs(made)
        for target, made in zip(targets, mixed, strict=True)
    }
    return mixed


def _expected_shift(trials: Iterable[Trial], scale: Scale) -> Interval | None:
    """Return how far the mean of a filled slice is off, in the scan's unit, from hidden ones."""
    shifts = [score.shift * scale.width for trial in trials for score in trial.scores]
    return prediction_interval(shifts, math.inf)


def _remarks(
    overwritten: Sequence[int], tried: Sequence[Trial | EndTrial], ends: Sequence[Gap]
) -> list[str]:
    remarks = []
    if overwritten:
        remarks.append(f"positions {list(overwritten)} held slices and were filled over on request")
    if any(not trial.scores for trial in tried):
        remarks.append("no slices could be hidden to try some gaps out: their error is unknown")
    if any(isinstance(trial, Trial) and trial.kind.is_regular for trial in tried):
        remarks.append(
            "this stack is thinned: only holes wider than its gaps could be tried out, so that "
            "their expected error is known roughly"
        )
    beyond = [position for gap in ends for position in gap.positions]
    if beyond:
        remarks.append(
            f"positions {beyond} lie beyond the last measured slice: they are extrapolated from "
            "the outermost slices by a classical method, no network is used there"
        )
    return remarks
