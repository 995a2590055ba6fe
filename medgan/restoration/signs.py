"""What a filled slice and its rims show of its error, before the truth is looked at.

The estimate of least squared error is a mean, and a mean lacks as much variance as its mean squared
error (law of total variance). So the texture that a filled slice lacks beside its rims says most.
How unlike the rims are, and how far the slice lies from what optical flow alone makes of them, say
some more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from medgan.evaluation.fidelity import SSIM_WINDOW
from medgan.interpolation import Stack
from medgan.interpolation.flow import morph
from medgan.restoration.likeness import Likeness

Plane = NDArray[np.float32]
"""(h, w) of one slice."""

LEAST_LOST = 0.02
"""Share of the rims' variance that a slice lacks at least: below that it is chance."""
TINY = 1e-7

C2 = 0.03**2
"""Of SSIM, for a range of one."""


@dataclass(frozen=True)
class Signs:
    """What can be seen of the error of one filled slice.

    Parameters
    ----------
    fraction
        Where in its gap the slice lies, 0..1.
    place
        Where in the stack, 0..1.
    rims
        The slices before and after the gap, one against the other.
    flow
        The slice against the morph of its rims along optical flow.
    lost
        Variance (squared ranges, mean over windows) that the slice lacks of its rims.
    kept
        SSIM of a slice that agrees with the truth but for that lack: the mean over windows of
        (2 v + c2) / (v + w + c2), v its variance and w that of its rims; above 1, up to 2, where
        it has more than they. NaN for planes smaller than a window.
    """

    fraction: float
    place: float
    rims: Likeness
    flow: Likeness
    lost: float
    kept: float


@dataclass(frozen=True, eq=False)
class Rims:
    """The two slices around a missing one, and where it lies.

    Parameters
    ----------
    before, after
        (h, w).
    between
        (h, w) what lies between them along optical flow.
    fraction, place
        As in `Signs`.
    """

    before: Plane
    after: Plane
    between: Plane
    fraction: float
    place: float

    @classmethod
    def of(cls, stack: Stack, target: int) -> Self:
        """Take the rims of a missing position."""
        lower, upper = stack.neighbours(target)
        before, after = lower[-1], upper[0]
        a, b = stack.planes[before], stack.planes[after]
        fraction = stack.fraction(target)
        between = morph(a, b, fraction, stack.flow(before, after))
        return cls(a, b, between, fraction, target / (len(stack.planes) - 1))

    def signs(self, filled: Plane) -> Signs:
        """Look at a slice (h, w) that was filled between them."""
        own = _local_variance(filled)
        share = self.fraction
        theirs = (1 - share) * _local_variance(self.before) + share * _local_variance(self.after)
        least = LEAST_LOST * float(theirs.mean()) + TINY
        edge = SSIM_WINDOW // 2
        inside = (slice(edge, -edge), slice(edge, -edge))
        kept = ((2 * own + C2) / (own + theirs + C2))[inside]
        return Signs(
            fraction=self.fraction,
            place=self.place,
            rims=Likeness.of(self.before, self.after),
            flow=Likeness.of(filled, self.between),
            lost=max(float((theirs - own).mean()), least),
            kept=float(kept.mean()) if kept.size else float("nan"),
        )


def _local_variance(plane: Plane) -> NDArray[np.float64]:
    """Return the variance in the window around every pixel."""
    values = plane.astype(np.float64)
    mean = uniform_filter(values, SSIM_WINDOW)
    return np.asarray(np.maximum(uniform_filter(values * values, SSIM_WINDOW) - mean**2, 0))
