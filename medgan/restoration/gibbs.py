"""Gibbs ringing, taken away by DIPY (an extra), slice by slice."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from medgan.errors import UsageError


def remove_gibbs(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift every slice by parts of a pixel to where its ringing is least.

    Parameters
    ----------
    planes
        (n, h, w) with the full matrix of the acquisition: after zero filling or partial Fourier
        the ringing has another period, and stays.

    Raises
    ------
    UsageError
        If DIPY is not installed.

    Notes
    -----
    Kellner et al. 2016, doi 10.1002/mrm.26054; Neto Henriques 2018, chapter 3.
    """
    try:
        gibbs = import_module("dipy.denoise.gibbs")
    except ImportError as error:
        raise UsageError(
            "Gibbs ringing is taken away by DIPY, which is not installed",
            where="--gibbs",
            hint="Install it: pip install 'medgan[gibbs]'.",
        ) from error
    made = gibbs.gibbs_removal(planes.astype(np.float64), slice_axis=0, inplace=False)
    return np.asarray(made, dtype=np.float32)
