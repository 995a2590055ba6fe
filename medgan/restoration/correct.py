"""Corrections that change every slice of a scan: noise, Gibbs ringing, bias field.

What comes out is derived, all of it: no slice counts as measured any more, and none keeps its hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medgan.errors import RestoreError
from medgan.record import Correction, CorrectionKind, ScanRecord
from medgan.restoration.denoise import Denoised, denoise_planes
from medgan.restoration.denoisers import Denoiser, Planes
from medgan.restoration.describe import describe
from medgan.restoration.gibbs import remove_gibbs
from medgan.restoration.net_denoiser import NetDenoiser
from medgan.restoration.scale import measure, physical, physical_planes
from medgan.scans import Scan, bias_field

ORDER: tuple[CorrectionKind, ...] = ("denoise", "gibbs", "bias_field")
"""Noise first, while it is white and even; the field last, since it scales the noise."""


def correct_scan(
    scan: Scan, kinds: Sequence[CorrectionKind], denoisers: Sequence[Denoiser]
) -> tuple[Scan, ScanRecord]:
    """Correct a complete scan.

    Parameters
    ----------
    kinds
        What to do; done in the order of `ORDER`.
    denoisers
        As `load_denoisers` gives them, for `denoise`.

    Returns
    -------
    tuple
        The corrected scan in its stored type, every slice synthetic, and its record. Where nothing
        was gained the scan is the one that was given, and the record names no correction.

    Raises
    ------
    RestoreError
        If slices are missing, or what MR alone has is asked of another modality.
    UsageError
        If a library that does it is not installed.
    """
    _check(scan, kinds)
    planes_of = physical_planes(scan)
    scale = measure(planes_of, scan.present)
    inside = _inside(scan)
    planes = scale.apply(np.asarray(planes_of))
    known = describe(scan, scan, range(scan.n_positions))
    done: list[Correction] = []
    notes: list[str] = []
    for kind in (kind for kind in ORDER if kind in kinds):
        if kind == "denoise":
            denoised = denoise_planes(planes, inside, denoisers, _spacing(scan))
            planes = denoised.planes
            known = replace(known, candidates=denoised.candidates)
            notes += _said(denoised, scale.width)
            if denoised.gain_db:
                level = denoised.sigma * scale.width
                done.append(Correction(kind, level, denoised.gain_db))
                known = replace(known, model=_model(denoised, denoisers))
        elif kind == "gibbs":
            planes = remove_gibbs(planes)
            done.append(Correction(kind))
        else:
            field = _field(scan, scale.undo(planes))
            planes = scale.apply(scale.undo(planes) / field)
            low, high = np.percentile(field, [1, 99])
            notes.append(f"the bias field that was divided by spans {low:.2f} to {high:.2f}")
            done.append(Correction(kind))
    if not done:
        return scan, replace(known, notes=(*known.notes, *notes))
    made = scale.undo(planes)
    result = _result(scan, made, inside)
    n_cut = _n_cut(result, made, inside)
    if n_cut:
        notes.append(
            f"{n_cut} voxels came out beyond the stored values of the scan, and were cut to them"
        )
    notes.insert(0, "every slice is derived: no measured value is kept bit for bit")
    return result, replace(
        known,
        status="restored",
        corrections=tuple(done),
        measured_hashes={},
        notes=(*known.notes, *notes),
    )


def _check(scan: Scan, kinds: Sequence[CorrectionKind]) -> None:
    if scan.missing:
        raise RestoreError(
            "slices are missing: what is filled later would be made of derived slices",
            where=scan.id,
            hint="Restore missing slices first, and give the result to the next run.",
        )
    wrong = [kind for kind in kinds if kind != "denoise" and scan.modality != "mr"]
    if wrong:
        raise RestoreError(
            f"{' and '.join(wrong)}: that is for MR, this scan is {scan.modality.upper()}",
            where=scan.id,
            hint="Leave it away; or say --modality mr where a file does not tell.",
        )


def _inside(scan: Scan) -> NDArray[np.bool_]:
    """Return where (n, h, w) voxels are numbers, and no padding."""
    padded = (physical(scan, p, scan.slice(p))[1] for p in range(scan.n_positions))
    return ~np.stack(list(padded))


def _spacing(scan: Scan) -> list[float]:
    """Return the distances between voxels (mm) along the axes of its planes (n, h, w)."""
    across = [mm for axis, mm in enumerate(scan.spacing_mm) if axis != scan.axis]
    return [scan.spacing_mm[scan.axis], *across]


def _said(denoised: Denoised, width: float) -> list[str]:
    sigma = denoised.sigma
    level = f"estimated noise level {sigma * width:.3g} ({sigma:.2%} of the range)"
    if not denoised.gain_db:
        return [f"{level}: no way to take noise away is expected to gain enough; left as it is"]
    shares = ", ".join(f"{c.name} {c.weight:.0%}" for c in denoised.candidates[1:] if c.weight > 0)
    return [
        f"{level}; denoised by {shares}",
        f"expected to lie {denoised.gain_db:.1f} dB nearer to the scan without noise, by Stein's "
        "estimate, which takes the noise for white and Gaussian",
    ]


def _model(denoised: Denoised, denoisers: Sequence[Denoiser]) -> dict[str, str]:
    """Return the network's name and hash where it has a share."""
    used = {c.name for c in denoised.candidates[1:] if c.weight > 0}
    for one in denoisers:
        if isinstance(one, NetDenoiser) and one.name in used:
            info = one.model.info
            return {"name": info.name, "sha256": info.weights_sha256, "licence": info.licence}
    return {}


def _field(scan: Scan, planes: Planes) -> Planes:
    """Return the bias field (n, h, w) of planes in the scan's unit."""
    field = bias_field(np.moveaxis(planes, 0, scan.axis), scan.spacing_mm)
    return np.asarray(np.moveaxis(field, scan.axis, 0))


def _result(scan: Scan, planes: Planes, inside: NDArray[np.bool_]) -> Scan:
    """Write planes (n, h, w) in the scan's unit over its own, but for padding."""
    values, where = np.moveaxis(planes, 0, scan.axis), np.moveaxis(inside, 0, scan.axis)
    made = scan.with_region(np.ones(scan.stored.shape, bool)).with_voxels(where, values)
    return replace(made, region=None)


def _n_cut(result: Scan, planes: Planes, inside: NDArray[np.bool_]) -> int:
    """Count voxels that were clipped to whole numbers: rounding moves none by a whole step."""
    if not np.issubdtype(result.stored.dtype, np.integer):
        return 0
    kept = np.moveaxis(result.values, result.axis, 0)
    step = np.abs(result.slope)[:, None, None]
    return int(((np.abs(kept - planes) > step) & inside).sum())
