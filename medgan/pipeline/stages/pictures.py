"""pictures: draw each restored scan before and after, while its voxels are at hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medgan.pipeline.stage import STATE, Context, PerScan, Volume, Work
from medgan.settings import Settings

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

    if volume.measured is None or not volume.record.filled:
        return volume
    scan, record = volume.scan, volume.record
    worst = _worst_position(volume)
    after = scan.values
    # What this run filled, not what was synthetic before: the marks are for what is new.
    made = np.zeros(scan.n_positions, dtype=bool)
    made[[filled.position for filled in record.filled]] = True
    names = [f"{STATE}/{FOLDER}/{record.id}{kind}.png" for kind in ("", "_filled")]
    whole, filled = (context.out / name for name in names)
    whole.parent.mkdir(parents=True, exist_ok=True)
    restoration_figure(
        volume.measured.values,
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


def _worst_position(volume: Volume) -> int:
    """Middle of the widest gap: the filled slice that is hardest to trust."""
    widest = max(filled.gap_length for filled in volume.record.filled)
    inside = [f.position for f in volume.record.filled if f.gap_length == widest][:widest]
    return inside[len(inside) // 2]


PICTURES = PerScan("pictures", 1, PicturesSettings, run)
