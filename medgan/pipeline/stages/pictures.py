"""pictures: draw each restored scan before and after, while its voxels are at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medgan.pipeline.stage import STATE, Context, PerScan, Volume, Work
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.report.planes import Values
    from medgan.scans import Scan

FOLDER = "pictures"


class PicturesSettings(Settings):
    """Nothing to choose so far."""


def run(work: Work, settings: PicturesSettings, context: Context, loaded: None) -> Work:
    """Draw what was filled; they lie below `.medgan`, and the report embeds them."""
    drawn = [_draw(volume, context) for volume in work.volumes]
    pictures = [context.out / name for volume in drawn for name in volume.record.pictures]
    return replace(work, volumes=tuple(drawn), outputs=(*work.outputs, *pictures))


def _draw(volume: Volume, context: Context) -> Volume:
    from medgan.report.pictures import filled_slice_figure, restoration_figure

    if volume.before is not None:
        return _draw_corrected(volume, volume.before, context)
    if volume.measured is None or not (volume.record.filled or volume.record.regions):
        return volume
    if volume.marked is not None:
        return _draw_region(volume, volume.marked, context)
    if volume.n_thin > 1:
        return _draw_thinned(volume, context)
    scan, record = volume.scan, volume.record
    worst = _worst_position(volume)
    after = scan.physical
    # What this run filled, not what was synthetic before: the marks are for what is new.
    made = np.zeros(scan.n_positions, dtype=bool)
    made[[filled.position for filled in record.filled]] = True
    names = [f"{STATE}/{FOLDER}/{record.id}{kind}.png" for kind in ("", "_filled")]
    whole, filled = (context.out / name for name in names)
    whole.parent.mkdir(parents=True, exist_ok=True)
    restoration_figure(
        volume.measured.physical,
        after,
        made,
        scan.axis,
        scan.spacing_mm,
        whole,
        orientation=scan.grid.orientation,
        modality=scan.modality,
    )
    filled_slice_figure(
        after,
        made,
        worst,
        scan.axis,
        scan.spacing_mm,
        filled,
        orientation=scan.grid.orientation,
        modality=scan.modality,
    )
    return replace(volume, record=replace(record, pictures=tuple(names)))


def _draw_region(volume: Volume, marked: NDArray[np.bool_], context: Context) -> Volume:
    """Draw the slice that holds most of the region, black where it was filled."""
    scan = volume.scan
    others = tuple(axis for axis in range(3) if axis != scan.axis)
    counts = marked.sum(axis=others)
    fullest = np.flatnonzero(counts == counts.max())
    after = scan.physical
    before = replace(after, present=after.present & ~marked)
    said = ("Before. Black: the marked region.", "After: the region filled.")
    return _draw_pair(
        volume,
        before,
        after,
        int(fullest[fullest.size // 2]),
        said,
        context,
    )


def _draw_thinned(volume: Volume, context: Context) -> Volume:
    """Draw thick slices, each as often as thin ones were made of it, and the thin ones."""
    scan, n = volume.scan, volume.n_thin
    after = scan.values
    slabs = np.moveaxis(after, scan.axis, 0)
    thick = slabs.reshape(-1, n, *slabs.shape[1:]).mean(axis=1)
    before = np.moveaxis(np.repeat(thick, n, axis=0), 0, scan.axis)
    said = (f"Before: averages over {n} thin slices.", "After: every slice made by a program.")
    return _draw_pair(volume, before, after, scan.n_positions // 2, said, context)


def _draw_corrected(volume: Volume, before: Scan, context: Context) -> Volume:
    """Draw the middle slice as it was read, and as it is now."""
    scan = volume.scan
    said = ("As read.", "After: every slice derived.")
    middle = scan.n_positions // 2
    return _draw_pair(volume, before.physical, scan.physical, middle, said, context)


def _draw_pair(
    volume: Volume,
    before: Values,
    after: Values,
    position: int,
    said: tuple[str, str],
    context: Context,
) -> Volume:
    from medgan.report.pictures import restoration_figure

    scan = volume.scan
    name = f"{STATE}/{FOLDER}/{volume.record.id}.png"
    (context.out / name).parent.mkdir(parents=True, exist_ok=True)
    restoration_figure(
        before,
        after,
        np.zeros(scan.n_positions, dtype=bool),
        scan.axis,
        scan.spacing_mm,
        context.out / name,
        orientation=scan.grid.orientation,
        modality=scan.modality,
        position=position,
        said=said,
    )
    return replace(volume, record=replace(volume.record, pictures=(name,)))


def _worst_position(volume: Volume) -> int:
    """Middle of the widest gap: the filled slice that is hardest to trust."""
    widest = max(filled.gap_length for filled in volume.record.filled)
    inside = [f.position for f in volume.record.filled if f.gap_length == widest][:widest]
    return inside[len(inside) // 2]


PICTURES = PerScan("pictures", 1, PicturesSettings, run)
