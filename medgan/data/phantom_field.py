"""What generated anatomy is made of: smooth random fields and soft-edged shapes in millimetres.

All are functions of world position, so that a phantom is the same body however finely it is
sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.scans import Grid

Field = NDArray[np.float32]
Triple = tuple[float, float, float]

EDGE_MM = 1.6
"""Width over which one tissue passes into the next."""


@dataclass(frozen=True, eq=False)
class Points:
    """RAS+ millimetres of every voxel, one array `(i, j, k)` for each coordinate."""

    x: Field
    y: Field
    z: Field

    @classmethod
    def of(cls, grid: Grid) -> Points:
        """Voxel centres of a grid."""
        i, j, k = (np.arange(n, dtype=np.float32) for n in grid.shape)
        matrix = grid.affine.astype(np.float32)
        x, y, z = (
            row[0] * i[:, None, None] + row[1] * j[:, None] + (row[2] * k + row[3])
            for row in matrix[:3]
        )
        return cls(x, y, z)

    def turned(self, angles: Triple, shift: Triple, scale: float) -> Points:
        """Return the points as a body sees them that is turned (radians), moved and scaled."""
        matrix = (_rotation(angles).T / scale).astype(np.float32)
        x, y, z = (self.x - shift[0], self.y - shift[1], self.z - shift[2])
        rows = [row[0] * x + row[1] * y + row[2] * z for row in matrix]
        return Points(*rows)

    def warped(self, rng: np.random.Generator, size_mm: float, wave_mm: float) -> Points:
        """Return the points under a smooth random displacement of about this size."""
        moved = [
            along + np.float32(size_mm) * waves(self, rng, 3, (wave_mm, 1.6 * wave_mm))
            for along in (self.x, self.y, self.z)
        ]
        return Points(*moved)


def waves(points: Points, rng: np.random.Generator, n: int, wave_mm: tuple[float, float]) -> Field:
    """Sum `n` plane waves of random direction and length: a smooth field of variance 1.

    Waves are `wave_mm` (shortest, longest) long; the result has the shape of the points.
    """
    total = np.zeros(np.broadcast_shapes(points.x.shape, points.y.shape), dtype=np.float32)
    for _ in range(n):
        direction = rng.normal(size=3)
        direction *= 2 * np.pi / (rng.uniform(*wave_mm) * np.linalg.norm(direction))
        a, b, c = direction.astype(np.float32)
        total += np.sin(
            a * points.x + b * points.y + c * points.z + np.float32(rng.uniform(0, 6.3))
        )
    return total * np.float32(np.sqrt(2 / n))


def ellipsoid(points: Points, centre: Triple, radii: Triple, power: float = 2.0) -> Field:
    """Distance from an ellipsoid's surface in mm, negative inside (close to it, nearly exact).

    Parameters
    ----------
    power
        2 for an ellipsoid, more for a boxier body.
    """
    scaled = [
        np.abs((along - np.float32(c)) / np.float32(r))
        for along, c, r in zip((points.x, points.y, points.z), centre, radii, strict=True)
    ]
    if power == 2.0:
        radius = np.sqrt(scaled[0] ** 2 + scaled[1] ** 2 + scaled[2] ** 2)
    else:
        radius = (scaled[0] ** power + scaled[1] ** power + scaled[2] ** power) ** (1 / power)
    size = (min(radii) * sum(radii) / 3) ** 0.5
    return np.asarray((radius - 1) * size, dtype=np.float32)


def capsule(points: Points, start: Triple, stop: Triple, radius: float) -> Field:
    """Distance (i, j, k) in mm from a rod with round ends, negative inside."""
    a, b, c = (last - first for first, last in zip(start, stop, strict=True))
    x, y, z = points.x - start[0], points.y - start[1], points.z - start[2]
    along = np.clip((x * a + y * b + z * c) / (a * a + b * b + c * c), 0, 1)
    square = (x - along * a) ** 2 + (y - along * b) ** 2 + (z - along * c) ** 2
    return np.asarray(np.sqrt(square) - radius, dtype=np.float32)


class Canvas:
    """Tissues painted over each other, with soft edges for values and sharp ones for labels.

    Parameters
    ----------
    background
        Value where nothing is painted.
    """

    def __init__(self, shape: tuple[int, ...], background: float) -> None:
        self.values = np.full(shape, background, dtype=np.float32)
        self.labels = np.zeros(shape, dtype=np.uint8)

    def paint(
        self,
        distance: Field,
        value: NDArray[np.floating] | float,
        label: int = 0,
        edge_mm: float = EDGE_MM,
    ) -> None:
        """Paint the inside of a shape.

        Parameters
        ----------
        distance
            In mm from its surface, negative inside.
        value
            One number, or one for each voxel.
        """
        share = np.clip(np.float32(0.5) - distance / np.float32(edge_mm), 0, 1)
        self.values += share * (np.asarray(value, dtype=np.float32) - self.values)
        self.labels[distance < 0] = label


def _rotation(angles: Triple) -> NDArray[np.float64]:
    """Rotation about x, then y, then z."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = (n for n in range(3) if n != axis)
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result
