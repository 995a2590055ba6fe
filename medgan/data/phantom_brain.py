"""A head as T1-weighted MR shows it: scalp, skull, folded cortex, ventricles, perhaps a lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.data.phantom_field import Canvas, Field, Points, Triple, capsule, ellipsoid, waves

LABELS = {
    1: "cerebrospinal fluid",
    2: "grey matter",
    3: "white matter",
    4: "deep grey matter",
    5: "ventricle",
    6: "lesion",
}
FLUID, GREY, WHITE, DEEP, VENTRICLE, LESION = LABELS

# Relative T1-weighted signal, white matter = 0.8.
_AIR, _BONE, _MARROW, _FAT, _MUSCLE = 0.01, 0.06, 0.38, 0.95, 0.42
_CSF, _GREY, _WHITE, _DEEP = 0.16, 0.52, 0.80, 0.62

CORTEX_MM = 2.6
SULCUS_DEPTH_MM = 19.0


@dataclass(frozen=True)
class Head:
    """What differs from case to case."""

    angles: Triple
    shift: Triple
    scale: float
    skull_mm: float
    scalp_mm: float
    ventricles: float
    folding_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Head:
        """Draw one head."""
        return cls(
            angles=_triple(rng.normal(0, (0.06, 0.03, 0.05))),
            shift=_triple(rng.normal(0, 2.5, 3)),
            scale=float(rng.uniform(0.93, 1.06)),
            skull_mm=float(rng.uniform(5, 8)),
            scalp_mm=float(rng.uniform(4, 8)),
            ventricles=float(rng.uniform(0.75, 1.5)),
            folding_mm=float(rng.uniform(0.5, 1.1)),
        )


def paint_head(points: Points, rng: np.random.Generator) -> Canvas:
    """Paint one head; values are relative signal, labels as in `LABELS`."""
    head = Head.draw(rng)
    points = points.turned(head.angles, head.shift, head.scale).warped(rng, 1.6, 70)
    canvas = Canvas(points.x.shape, _AIR)
    cerebrum, cerebellum, stem = _cerebrum(points), _cerebellum(points), _stem(points)
    cavity = np.minimum(np.minimum(cerebrum, cerebellum), stem) - np.float32(2)
    _paint_outside(canvas, points, rng, cavity, head)
    canvas.paint(cavity, _CSF, FLUID)
    _paint_cerebellum(canvas, points, rng, cerebellum)
    canvas.paint(stem, _WHITE - 0.08, WHITE)
    depth = _paint_cerebrum(canvas, points, rng, cerebrum, head)
    _paint_inner(canvas, points, head)
    _paint_lesion(canvas, points, rng, depth)
    return canvas


def _cerebrum(points: Points) -> Field:
    whole = ellipsoid(points, (0, 0, 8), (66, 83, 62), power=2.3)
    # The base is flat, and lower at the temporal lobes than in the middle.
    base = -26 - 12 * np.exp(-(((np.abs(points.x) - 42) / 16) ** 2 + ((points.y - 8) / 34) ** 2))
    return np.maximum(whole, (base - points.z).astype(np.float32))


def _cerebellum(points: Points) -> Field:
    return ellipsoid(points, (0, -50, -36), (50, 30, 24))


def _stem(points: Points) -> Field:
    pons = ellipsoid(points, (0, -22, -34), (16, 14, 17))
    return np.minimum(pons, capsule(points, (0, -16, -12), (0, -34, -120), 10))


def _paint_outside(
    canvas: Canvas, points: Points, rng: np.random.Generator, cavity: Field, head: Head
) -> None:
    """Paint scalp, face, neck and skull around the brain."""
    thickness = head.skull_mm + head.scalp_mm
    face = ellipsoid(points, (0, 34, -58), (56, 56, 66), power=2.5)
    neck = capsule(points, (0, -30, -60), (0, -45, -200), 52)
    soft = np.minimum(np.minimum(cavity - np.float32(thickness), face), neck)
    mottled = waves(points, rng, 4, (14, 30))
    canvas.paint(soft, _FAT)
    marbled = _MUSCLE + (_FAT - _MUSCLE) * np.clip(mottled - np.float32(0.6), 0, 1)
    canvas.paint(soft + np.float32(4), marbled)
    # Above the face the scalp is fat all through.
    scalp = np.maximum(soft, np.maximum(-28 - points.z, cavity - thickness))
    canvas.paint(scalp, _FAT - 0.08 * np.abs(mottled))
    _paint_face(canvas, points)
    skull = cavity - np.float32(head.skull_mm)
    canvas.paint(skull, _BONE)
    canvas.paint(np.abs(skull + head.skull_mm / 2) - head.skull_mm / 5, _MARROW)


def _paint_face(canvas: Canvas, points: Points) -> None:
    for side in (-1, 1):
        canvas.paint(ellipsoid(points, (side * 32, 66, -34), (20, 22, 17)), _FAT)
        canvas.paint(ellipsoid(points, (side * 32, 72, -34), (13, 13, 13)), _CSF)
        canvas.paint(ellipsoid(points, (side * 25, 62, -62), (13, 17, 17)), _AIR)
    canvas.paint(ellipsoid(points, (0, 62, -55), (10, 26, 26)), 0.3)
    canvas.paint(ellipsoid(points, (0, 22, -80), (13, 9, 40)), _AIR)


def _paint_cerebellum(
    canvas: Canvas, points: Points, rng: np.random.Generator, distance: Field
) -> None:
    """Paint thin parallel leaves around a white core."""
    leaves = np.sin((points.z * 0.9 + points.y * 0.55 + 2 * waves(points, rng, 3, (25, 50))) / 1.25)
    canvas.paint(distance, np.float32(_GREY) + np.float32(0.09) * leaves, GREY)
    core = distance + 9 + 3 * waves(points, rng, 4, (14, 22))
    canvas.paint(core, _WHITE - 0.03, WHITE)


def _paint_cerebrum(
    canvas: Canvas, points: Points, rng: np.random.Generator, cerebrum: Field, head: Head
) -> Field:
    """Paint cortex and white matter; returns how deep each point lies below the cortex, in mm."""
    folds = points.warped(rng, 2.5, 30)
    field = waves(folds, rng, 10, (18, 34))
    # |field| over the mean size of its gradient is about the distance from its zero level.
    from_sulcus = np.abs(field) * np.float32(25 / (2 * np.pi))
    inside = -cerebrum
    end = np.maximum(inside - SULCUS_DEPTH_MM, 0)
    fissure = np.hypot(points.x, np.maximum(24 - points.z - 0.008 * points.y**2, 0))
    depth = np.minimum(inside, np.hypot(from_sulcus, end))
    depth = np.asarray(np.minimum(depth, fissure), dtype=np.float32)
    in_grey = np.float32(head.folding_mm) - depth
    in_white = np.float32(head.folding_mm + CORTEX_MM) - depth
    mottled = np.float32(0.015) * waves(points, rng, 5, (8, 22))
    canvas.paint(np.maximum(cerebrum, -depth), _CSF, FLUID)
    canvas.paint(np.maximum(cerebrum, in_grey), _GREY + mottled, GREY)
    canvas.paint(np.maximum(cerebrum, in_white), _WHITE + mottled, WHITE)
    return depth


def _paint_inner(canvas: Canvas, points: Points, head: Head) -> None:
    """Paint deep grey matter and ventricles, alike on both sides of the middle."""
    folded = Points(np.abs(points.x), points.y, points.z)
    canvas.paint(ellipsoid(folded, (27, 4, 2), (6, 17, 10)), _DEEP, DEEP)
    canvas.paint(ellipsoid(folded, (12, -14, 4), (9, 13, 9)), _DEEP + 0.03, DEEP)
    canvas.paint(ellipsoid(folded, (15, 18, 13), (6, 13, 9)), _DEEP - 0.02, DEEP)
    size = head.ventricles
    bent = Points(folded.x + 0.006 * (folded.y - 4) ** 2, folded.y, folded.z)
    front = ellipsoid(bent, (9, 2, 17), (5.5 * size, 32, 7 * size))
    back = ellipsoid(folded, (22, -36, 10), (6 * size, 16, 7 * size))
    third = ellipsoid(folded, (0, -10, 2), (2.2 * size, 12, 9))
    fourth = ellipsoid(folded, (0, -38, -32), (7, 5 * size, 10))
    canvas.paint(np.minimum(np.minimum(front, back), np.minimum(third, fourth)), _CSF, VENTRICLE)


def _paint_lesion(canvas: Canvas, points: Points, rng: np.random.Generator, depth: Field) -> None:
    """Paint a dark core with a bright rim into white matter, in two heads of five."""
    is_there = rng.random() < 0.4
    side = 1 if rng.random() < 0.5 else -1
    centre = (side * rng.uniform(24, 40), rng.uniform(-45, 45), rng.uniform(12, 36))
    radius = rng.uniform(6, 13)
    rough = waves(points, rng, 4, (8, 16))
    if not is_there:
        return
    distance = ellipsoid(points, centre, (radius, radius * 1.2, radius)) + np.float32(1.2) * rough
    distance = np.maximum(distance, np.float32(1) - depth)
    canvas.paint(distance - np.float32(3.5), 0.55, edge_mm=7)
    canvas.paint(distance, 0.88, LESION)
    canvas.paint(distance + np.float32(0.35 * radius), 0.33, LESION)


def _triple(values: NDArray[np.float64]) -> Triple:
    x, y, z = (float(v) for v in values)
    return x, y, z
