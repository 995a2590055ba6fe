"""From a stack of planes to a `Found` scan on its grid, or to the reason why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.errors import SeriesError, quoted
from medgan.scans.dicom_copies import drop_copies
from medgan.scans.dicom_split import ALWAYS, projections, repeated
from medgan.scans.grid import Grid
from medgan.scans.lattice import AT_LEAST_HALF, Lattice, fit_lattice, tolerance_mm
from medgan.scans.listing import Found, Refused, SetAside
from medgan.scans.names import safe_name
from medgan.scans.planes import Plane
from medgan.scans.scan import Source

IN_PLANE_OF_PIXEL = 0.05
"""How far a slice may stray sideways, in pixels: no interpolation would notice."""

JITTER_NOTED_MM = 1e-3
TILT_NOTED_DEGREES = 0.1
TURN_NOTED_DEGREES = 0.005
"""Beyond what coordinates with three decimals, and cosines with four, are off by rounding."""


@dataclass
class Outcome:
    """What came of some files: scans, refusals, files set aside."""

    scans: list[Found] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.scans += other.scans
        self.refused += other.refused
        self.set_aside += other.set_aside

    def refuse(self, planes: Sequence[Plane], reason: str) -> None:
        if planes:
            self.refused.append(Refused(files_of(planes), reason))

    def put_aside(self, planes: Sequence[Plane], reason: str) -> None:
        if planes:
            self.set_aside.append(SetAside(files_of(planes), reason))


def files_of(planes: Sequence[Plane]) -> tuple[Path, ...]:
    """Files of some planes, each once, in order of first appearance."""
    return tuple(dict.fromkeys(plane.path for plane in planes))


def build_stack(planes: Sequence[Plane], root: Path, base: Path, outcome: Outcome) -> None:
    """Make one scan of planes that share orientation, matrix and contrast; add it to `outcome`.

    Parameters
    ----------
    planes
        Placed planes, any order.
    root, base
        What the person named, and the folder that names of files are relative to.
    """
    kept, copies = drop_copies(planes)
    clashes = repeated(kept)
    if clashes:
        first = [kept[n] for n in clashes[0]]
        outcome.refuse(
            planes,
            f"{len(clashes)} slice positions hold two or more unlike images, e.g. "
            f"{' and '.join(quoted(p.path.name) for p in first[:2])}; "
            "move the files of the unwanted acquisition elsewhere",
        )
        return
    for plane in copies:
        if plane.damage:
            outcome.refuse([plane], f"{plane.damage}; another file holds this slice")
    copies = [plane for plane in copies if not plane.damage]
    outcome.put_aside(copies, "copies of slices that are read from other files")
    intact = [plane for plane in kept if not plane.damage]
    if len(kept) == 1:
        _single(kept[0], outcome)
        return
    if len(intact) < 2:
        fault = next(plane.damage for plane in kept if plane.damage)
        outcome.refuse(kept, f"{len(kept)} slices, of which {len(intact)} can be read: {fault}")
        return
    try:
        found, left_out = _fit(kept, root, base, copies)
    except SeriesError as error:
        outcome.refuse(kept, error.reason)
        return
    outcome.scans.append(found)
    for plane in left_out:
        outcome.refuse([plane], f"{plane.damage}; it lies at the end of a stack and is left out")


def _single(plane: Plane, outcome: Outcome) -> None:
    if plane.damage:
        outcome.refuse([plane], plane.damage)
    else:
        outcome.put_aside([plane], "a single slice, no stack")


def _fit(
    planes: Sequence[Plane], root: Path, base: Path, copies: Sequence[Plane]
) -> tuple[Found, list[Plane]]:
    """Order planes by position, fit the grid, and describe the scan; also the damaged ends."""
    along = projections(planes)
    order = np.argsort(along, kind="stable")
    ordered = [planes[n] for n in order]
    rounding = max(plane.place.rounding_mm for plane in ordered)
    lattice = fit_lattice(along[order], [p.header.instance for p in ordered], rounding)
    usable = [n for n, plane in enumerate(ordered) if not plane.damage]
    ends = [*ordered[: usable[0]], *ordered[usable[-1] + 1 :]]
    ordered = ordered[usable[0] : usable[-1] + 1]
    index = lattice.index[usable[0] : usable[-1] + 1] - lattice.index[usable[0]]
    if 2 * len(usable) < int(index[-1]) + 1:
        raise SeriesError(
            f"only {len(usable)} of {int(index[-1]) + 1} slice positions can be read; "
            "at least half are needed",
            hint=AT_LEAST_HALF,
        )
    _check_padding(ordered)
    affine, drift = _affine(ordered, index, lattice, rounding)
    grid = Grid.from_lps(_shape(ordered, index), affine)
    notes = _notes(ordered, lattice, drift, grid, base)
    if copies:
        notes.append(f"{len(copies)} files are copies of other slices and are not used")
    return _found(ordered, index, grid, root, base, notes), ends


def _check_padding(planes: Sequence[Plane]) -> None:
    """Refuse unlike padding values: what is padding in one slice is a measurement in another."""
    values = sorted({p.header.padding for p in planes if not p.damage} - {None})  # type: ignore[type-var]
    if len(values) > 1:
        raise SeriesError(
            f"Pixel Padding Value differs from slice to slice ({values[0]}, {values[1]}"
            f"{', ...' * (len(values) > 2)}), so what was measured cannot be told for the stack",
            hint="Write the series again with one padding value.",
        )


def _shape(planes: Sequence[Plane], index: NDArray[np.int64]) -> tuple[int, int, int]:
    pixels = planes[0].header.pixels
    return pixels.columns, pixels.rows, int(index[-1]) + 1


def _affine(
    planes: Sequence[Plane], index: NDArray[np.int64], lattice: Lattice, rounding: float
) -> tuple[NDArray[np.float64], float]:
    """LPS affine of the whole stack, and how far slices stray sideways from their line in mm.

    The step along k is fitted to the positions themselves, not to the normal, so that gantry tilt
    stays in the affine as shear.
    """
    positions = np.array([plane.place.position for plane in planes])
    design = np.stack([np.ones(len(index)), index - index.mean()], axis=1)
    (centre, step), *_ = np.linalg.lstsq(design, positions, rcond=None)
    drift = float(np.linalg.norm(positions - design @ np.stack([centre, step]), axis=1).max())
    row_mm, column_mm = np.mean([plane.place.spacing for plane in planes], axis=0)
    allowed = max(
        2 * tolerance_mm(lattice.step_mm, rounding), IN_PLANE_OF_PIXEL * min(row_mm, column_mm)
    )
    if drift > allowed:
        raise SeriesError(
            f"slices do not lie on a straight line: one is {drift:.3f} mm off, "
            f"{allowed:.3f} mm allowed",
            hint="Put slices of different stacks into folders of their own.",
        )
    rows = np.mean([plane.place.axes for plane in planes], axis=0)
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = rows[0] * column_mm, rows[1] * row_mm
    affine[:3, 2], affine[:3, 3] = step, centre - index.mean() * step
    return affine, drift


def _notes(
    planes: Sequence[Plane], lattice: Lattice, drift: float, grid: Grid, base: Path
) -> list[str]:
    notes = list(dict.fromkeys(note for plane in planes for note in plane.header.notes))
    jitter = max(drift, lattice.residual_mm)
    if jitter > JITTER_NOTED_MM:
        notes.append(f"slice positions stray up to {jitter:.3f} mm from even spacing")
    tilt = np.degrees(np.arctan2(grid.shear_mm, lattice.step_mm))
    if tilt > TILT_NOTED_DEGREES and grid.shear_mm > 0.01:
        notes.append(f"gantry tilt of {tilt:.1f} degrees: the grid is sheared")
    for plane in planes:
        if plane.damage:
            name = quoted(plane.path.relative_to(base))
            notes.append(f"damaged, treated as missing: {name}: {plane.damage}")
    notes += [text for text in (_header_step(planes, lattice), _values(planes)) if text]
    notes += _differences(planes)
    uids = Counter((plane.header.sop_uid, plane.frame) for plane in planes)
    shared = sum(count for (uid, _), count in uids.items() if uid and count > 1)
    if shared:
        notes.append(f"{shared} slices at different positions share SOP Instance UIDs")
    return notes


def _header_step(planes: Sequence[Plane], lattice: Lattice) -> str:
    """Say so when the header's spacing would make every other slice a missing one."""
    said = planes[0].header.header_step_mm
    if said is None or said <= 0:
        return ""
    ratio = lattice.step_mm / said
    if ratio > 1.5 and abs(ratio - round(ratio)) < 0.02:
        return (
            f"positions lie {lattice.step_mm:.3f} mm apart, the header says {said:.3f} mm: "
            f"only every {round(ratio)}. slice may be here; positions are trusted"
        )
    return ""


def _differences(planes: Sequence[Plane]) -> list[str]:
    """Name what slices of one stack differ in though they make one grid."""
    notes = []
    for tag in (*ALWAYS, "acquisition number"):
        n_values = len({plane.tags.get(tag) for plane in planes})
        if n_values > 1:
            notes.append(f"slices of one stack differ in {tag} ({n_values} values)")
    axes = np.array([plane.place.axes for plane in planes])
    turned = float(np.degrees(np.abs(axes - axes.mean(axis=0)).max()))
    if turned > TURN_NOTED_DEGREES:
        notes.append(f"slice orientations differ by up to {turned:.3f} degrees: the mean is used")
    return notes


def _values(planes: Sequence[Plane]) -> str:
    intact = [plane for plane in planes if not plane.damage]
    parts = []
    if len({(plane.slope, plane.intercept) for plane in intact}) > 1:
        parts.append("the rescale differs from slice to slice")
    if len({plane.header.pixels.signed for plane in intact}) > 1:
        parts.append("signed and unsigned slices are mixed")
    if len({plane.header.padding for plane in intact}) > 1:
        parts.append("only some slices declare a padding value: it counts in all of them")
    if any(plane.header.synthetic for plane in intact):
        count = sum(plane.header.synthetic for plane in intact)
        parts.append(f"{count} slices are marked as synthetic data")
    return "; ".join(parts)


def _found(
    planes: Sequence[Plane],
    index: NDArray[np.int64],
    grid: Grid,
    root: Path,
    base: Path,
    notes: list[str],
) -> Found:
    n = grid.shape[2]
    present = np.zeros(n, dtype=bool)
    files: list[Path | None] = [None] * n
    frames: list[int | None] = [None] * n
    instances: list[int | None] = [None] * n
    damaged = []
    for plane, at in zip(planes, index.tolist(), strict=True):
        if plane.damage:
            damaged.append(at)
            continue
        present[at] = True
        files[at], frames[at], instances[at] = plane.path, plane.frame, plane.header.instance
    first = planes[0].header
    many = planes[0].frame is not None
    return Found(
        id=stack_name(planes[0]),
        kind="image",
        format="dicom",
        modality=first.modality,
        grid=grid,
        axis=2,
        present=present,
        source=Source(
            root=root,
            files=(first.path,) if many else tuple(files),
            series_uid=first.series_uid,
            frames=tuple(frames) if many else (),
        ),
        n_files=len(files_of(planes)),
        instances=() if many else tuple(instances),
        damaged=tuple(damaged),
        notes=tuple(notes),
    )


def stack_name(plane: Plane) -> str:
    """`<SeriesNumber>_<safe description>`, or whatever of the two there is."""
    header = plane.header
    parts = ["" if header.series_number is None else str(header.series_number)]
    parts.append(safe_name(header.description, dots=False))
    return "_".join(part for part in parts if part) or f"{header.modality}_series"
