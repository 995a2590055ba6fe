"""Classical ways to fill what lies between two slices: weights on neighbours, and optical flow.

numpy, scipy and OpenCV only. Everything works on a `Stack`: planes about 0..1 at true positions in
millimetres. Doors: `Stack`, `Filler`, `classical_fillers`, `extrapolators` for the ends, and for
networks that build on the same neighbours, `interpolation.weights` and `interpolation.flow`.
"""

from medgan.interpolation.extrapolation import Extrapolator, extrapolators
from medgan.interpolation.fillers import Filler, classical_fillers
from medgan.interpolation.stack import K, Stack

__all__ = ["Extrapolator", "Filler", "K", "Stack", "classical_fillers", "extrapolators"]
