"""Where a NIfTI header puts its voxels (nifti1.h, methods 2 and 3), and what is odd about it."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError
from medgan.scans.grid import corner_distance

DISAGREEMENT_NOTED_MM = 0.01
LONGER_BY_ROUNDING = 1e-6
"""Of the squared length of b, c, d: single precision may put a half turn that much beyond 1."""

_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
EXPORT_AGAIN = "Export it again with the program that wrote it."


def world_of(
    header: nib.Nifti1Header, shape: tuple[int, ...], path: Path
) -> tuple[NDArray[np.float64], list[str]]:
    """Affine in RAS+ mm: sform where it is coded, else qform; what is odd about it as notes.

    Raises
    ------
    ReadError
        If neither is coded, the one that counts is faulty, or cannot be inverted.
    """
    is_sform, is_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    fault = qform_fault(header) if is_qform else ""
    if not (is_sform or is_qform):
        raise ReadError(
            "no world: neither qform nor sform has a code, so left and right are unknown",
            where=path.name,
            hint="Set the codes with the program that wrote it.",
        )
    if fault and not is_sform:
        raise ReadError(
            f"no world: its qform is faulty ({fault}), and there is no sform",
            where=path.name,
            hint=EXPORT_AGAIN,
        )
    notes = [f"its qform is faulty ({fault}): sform is used"] if fault else []
    affine = np.array(header.get_sform(), dtype=float) if is_sform else qform_affine(header)
    unit = _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    if unit != 1.0:
        notes.append(f"lengths in the file are in units of {unit:g} mm")
    if is_sform and is_qform and not fault:
        apart = corner_distance(affine, qform_affine(header), shape) * unit
        if apart > DISAGREEMENT_NOTED_MM:
            notes.append(f"sform and qform disagree by up to {apart:.2f} mm: sform is used")
    if not is_sform and header["pixdim"][0] == 0:
        notes.append("qfac (pixdim[0]) is 0: taken for 1, as the standard says")
    affine[:3] *= unit
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ReadError("its affine cannot be inverted", where=path.name, hint=EXPORT_AGAIN)
    return affine, notes


def qform_fault(header: nib.Nifti1Header) -> str:
    """Say what makes a coded qform no rotation with steps; empty when it is sound."""
    qfac, *steps = (float(step) for step in header["pixdim"][:4])
    if qfac not in (-1.0, 0.0, 1.0):
        return f"qfac (pixdim[0]) is {qfac:g}; 1 or -1 expected"
    if not all(step > 0 and np.isfinite(step) for step in steps):
        return f"pixdim is {', '.join(f'{step:g}' for step in steps)}; positive steps expected"
    squared = float(np.square(_bcd(header)).sum())
    if not squared <= 1 + LONGER_BY_ROUNDING:
        return f"its quaternion is {np.sqrt(squared):g} long; at most 1 expected"
    offset = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return "" if np.isfinite(offset).all() else "its offset is no number"


def _bcd(header: nib.Nifti1Header) -> NDArray[np.float64]:
    return np.array([float(header[f"quatern_{part}"]) for part in "bcd"])


def qform_affine(header: nib.Nifti1Header) -> NDArray[np.float64]:
    """Affine (4, 4) of a sound qform; a qfac of 0 counts as 1 (nifti1.h, method 2)."""
    b, c, d = _bcd(header)
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = nib.quaternions.quat2mat([a, b, c, d])
    steps = np.array(header["pixdim"][1:4], dtype=float)
    steps[2] *= -1.0 if header["pixdim"][0] < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = rotation * steps
    affine[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return affine
