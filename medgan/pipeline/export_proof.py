"""What a sidecar needs, so that outputs can be proved long after, wherever they have gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medgan.pipeline.stage import Context, Volume, Work
from medgan.record import ScanRecord
from medgan.scans.atomic import sha256_of


def with_proof(work: Work, written: Sequence[Path], context: Context) -> Work:
    """Add to the records what was written where: grid, made slices, hash of each file."""
    hashes = {path.relative_to(context.out).as_posix(): sha256_of(path) for path in written}
    is_4d = len(work.volumes) > 1
    volumes = [
        replace(volume, record=_proved(volume, number if is_4d else None, hashes))
        for number, volume in enumerate(work.volumes)
    ]
    return replace(work, volumes=tuple(volumes))


def _proved(volume: Volume, number: int | None, hashes: dict[str, str]) -> ScanRecord:
    scan = volume.scan
    return replace(
        volume.record,
        shape=scan.grid.shape,
        stored_type=scan.stored.dtype.newbyteorder("=").name,
        affine=tuple(tuple(float(x) for x in row) for row in scan.affine),
        synthetic=tuple(np.flatnonzero(scan.synthetic).tolist()),
        volume=number,
        output_hashes=hashes,
    )
