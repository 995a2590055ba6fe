"""A small NIfTI scan with one slice of noise, written by another program (nibabel)."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from tests.cli.small_scans import write_scan

AT = 9


def write_damaged(path: Path, at: int = AT) -> Path:
    """Write the small scan with white noise of a tenth of its range added to one slice."""
    write_scan(path)
    image = nib.load(path)
    values = np.asarray(image.dataobj).astype(float)
    values[..., at] += np.random.default_rng(1).normal(0, 90, values.shape[:2])
    stored = np.clip(np.rint(values), 1, 32000).astype(np.int16)
    nib.save(nib.Nifti1Image(stored, image.affine), path)
    return path
