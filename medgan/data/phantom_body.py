"""A trunk as CT shows it, in Hounsfield units: lungs, heart, liver, kidneys, spine, ribs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medgan.data.phantom_field import Canvas, Field, Points, capsule, ellipsoid, waves

LABELS = {
    1: "lung",
    2: "liver",
    3: "spleen",
    4: "kidney",
    5: "bone",
    6: "heart and aorta",
    7: "lesion",
}
LUNG, LIVER, SPLEEN, KIDNEY, BONE, HEART, LESION = LABELS

_AIR, _FAT, _SKIN, _MUSCLE, _BLOOD, _WATER = -1000.0, -100.0, 20.0, 55.0, 150.0, 10.0
_LUNG, _CORTICAL, _MARROW, _DISC = -860.0, 700.0, 220.0, 85.0

WALL_MM = 13.0
RIB_STEP_MM = 29.0
VERTEBRA_MM = 33.0


@dataclass(frozen=True)
class Trunk:
    """What differs from case to case."""

    width_mm: float
    depth_mm: float
    fat_mm: float
    enhancement: float
    dome_mm: float
    scale: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Trunk:
        """Draw one trunk."""
        return cls(
            width_mm=float(rng.uniform(148, 176)),
            depth_mm=float(rng.uniform(98, 122)),
            fat_mm=float(rng.uniform(8, 26)),
            enhancement=float(rng.uniform(0.5, 1.2)),
            dome_mm=float(rng.uniform(10, 45)),
            scale=float(rng.uniform(0.95, 1.04)),
        )


def paint_trunk(points: Points, rng: np.random.Generator) -> Canvas:
    """Paint one trunk; values are Hounsfield units without noise, labels as in `LABELS`."""
    trunk = Trunk.draw(rng)
    turn, tilt = rng.normal(0, 0.03, 2)
    placed = points.turned((float(tilt), 0.0, float(turn)), (0.0, 0.0, 0.0), trunk.scale)
    body = placed.warped(rng, 2.5, 150)
    canvas = Canvas(points.x.shape, _AIR)
    _paint_table(canvas, points, trunk)
    cavity = _paint_wall(canvas, body, rng, trunk)
    dome = _diaphragm(body, trunk)
    _paint_bowel(canvas, body, rng, cavity)
    _paint_organs(canvas, body, rng, cavity, dome, trunk)
    _paint_chest(canvas, body, rng, cavity, dome, trunk)
    _paint_spine(canvas, body, cavity)
    _paint_ribs(canvas, body, cavity, trunk)
    _paint_lesion(canvas, body, rng)
    return canvas


def _paint_table(canvas: Canvas, points: Points, trunk: Trunk) -> None:
    """Paint the thin shell of the couch below the back."""
    lowest = -(trunk.depth_mm + trunk.fat_mm + 22)
    shell = np.abs(points.y - np.float32(0.0016) * points.x**2 - np.float32(lowest)) - np.float32(2)
    shell = np.maximum(shell, np.abs(points.x) - 205)
    canvas.paint(shell + 0 * points.z, -650.0)


def _paint_wall(canvas: Canvas, body: Points, rng: np.random.Generator, trunk: Trunk) -> Field:
    """Paint skin, fat and muscle; returns the distance from the inner wall, in mm."""
    inner = _tube(body, trunk.width_mm, trunk.depth_mm, power=2.4)
    uneven = waves(body, rng, 4, (60, 160))
    fat = np.float32(trunk.fat_mm) * (1 + np.float32(0.2) * uneven)
    canvas.paint(inner - fat - 2, _SKIN)
    canvas.paint(inner - fat, _FAT + 6 * uneven)
    strands = waves(body, rng, 4, (14, 40))
    canvas.paint(inner, np.where(strands > 1.3, 10, _MUSCLE).astype(np.float32), edge_mm=3)
    cavity = inner + np.float32(WALL_MM)
    back = capsule(Points(np.abs(body.x), body.y, body.z * 0), (36, -88, 0), (36, -74, 0), 25)
    canvas.paint(cavity, _FAT + 8 * strands)
    canvas.paint(np.maximum(back, inner), _MUSCLE, edge_mm=3)
    return cavity


def _tube(body: Points, width_mm: float, depth_mm: float, power: float) -> Field:
    """Distance from an upright tube of rounded rectangular section, negative inside."""
    x, y = np.abs(body.x) / np.float32(width_mm), np.abs(body.y) / np.float32(depth_mm)
    radius = (x**power + y**power) ** (1 / power)
    return np.asarray((radius - 1) * (width_mm * depth_mm) ** 0.5 + 0 * body.z, dtype=np.float32)


def _diaphragm(body: Points, trunk: Trunk) -> Field:
    """Height of the diaphragm in mm: two domes, the right one higher."""
    right = np.exp(-(((body.x - 75) / 62) ** 2 + ((body.y - 5) / 75) ** 2))
    left = np.exp(-(((body.x + 78) / 58) ** 2 + ((body.y - 5) / 75) ** 2))
    return np.asarray(trunk.dome_mm - 70 + 78 * right + 64 * left, dtype=np.float32)


def _paint_bowel(canvas: Canvas, body: Points, rng: np.random.Generator, cavity: Field) -> None:
    """Paint loops in front of the spine, some with gas that lies on top."""
    tangle = waves(body.warped(rng, 6, 60), rng, 8, (34, 62))
    region = np.maximum(cavity + 8, -body.y - 22)
    region = np.maximum(region, body.z + 18)
    loops = np.maximum(region, (np.abs(tangle - np.float32(0.2)) - np.float32(0.55)) * 9)
    content = _WATER + 30 + 12 * waves(body, rng, 3, (10, 24))
    canvas.paint(loops, 60.0)
    canvas.paint(loops + 3, content)
    gas = np.maximum(loops + 4, (np.float32(1.0) - waves(body, rng, 4, (70, 110))) * 12)
    canvas.paint(np.maximum(gas, 18 - body.y), -920.0)


def _paint_organs(
    canvas: Canvas,
    body: Points,
    rng: np.random.Generator,
    cavity: Field,
    dome: Field,
    trunk: Trunk,
) -> None:
    """Paint what lies under the diaphragm; organs end where it begins."""
    below = np.maximum(cavity + 2, body.z - dome + 2)
    bright = trunk.enhancement
    vessels = np.abs(waves(body, rng, 6, (30, 60))) + 0.35 * np.abs(waves(body, rng, 4, (40, 80)))
    grain = 4 * waves(body, rng, 4, (8, 20))
    liver = np.minimum(
        ellipsoid(body, (74, 8, -10), (72, 82, 88), 2.3), ellipsoid(body, (6, 42, 8), (70, 38, 38))
    )
    tissue = 55 + 45 * bright + grain + 55 * bright * np.clip((0.10 - vessels) / 0.06, 0, 1)
    canvas.paint(np.maximum(below, liver), tissue.astype(np.float32), LIVER)
    stomach = np.maximum(below, ellipsoid(body, (-62, 34, 8), (44, 42, 44)))
    canvas.paint(stomach, 60.0)
    canvas.paint(stomach + 4, _WATER + 18)
    canvas.paint(np.maximum(stomach + 5, 48 - body.y), -950.0)
    spleen = np.maximum(below, ellipsoid(body, (-104, -40, 2), (32, 46, 50)))
    canvas.paint(spleen, 55 + 65 * bright + grain, SPLEEN)
    for side in (-1, 1):
        centre = (side * 62.0, -48.0, -66.0 - 6 * side)
        kidney = np.maximum(cavity, ellipsoid(body, centre, (28, 27, 55)))
        canvas.paint(kidney - 9, _FAT)
        canvas.paint(kidney, 40 + 130 * bright, KIDNEY)
        inner = ellipsoid(body, (side * 54.0, -44.0, centre[2]), (15, 13, 34))
        canvas.paint(inner, 25 + 40 * bright, KIDNEY)
    canvas.paint(
        capsule(body, (-14, -36, -400), (-14, -40, 400), 11.5), _BLOOD * bright + 40, HEART
    )
    canvas.paint(capsule(body, (20, -28, -400), (22, -18, 60), 12), _BLOOD * bright)


def _paint_chest(
    canvas: Canvas,
    body: Points,
    rng: np.random.Generator,
    cavity: Field,
    dome: Field,
    trunk: Trunk,
) -> None:
    """Paint lungs with their vessels, the mediastinum and the heart above the diaphragm."""
    middle = np.hypot(body.x * 1.1, (body.y - 6) * 0.5) - 36
    lung = np.maximum(np.maximum(cavity - 1, dome - body.z), -middle)
    spread = waves(body, rng, 6, (16, 42))
    branches = np.abs(spread) + np.abs(waves(body, rng, 6, (20, 44)))
    air = _LUNG + 25 * spread + 820 * np.clip((0.42 - branches) / 0.25, 0, 1)
    canvas.paint(lung, air.astype(np.float32), LUNG)
    heart = ellipsoid(body, (-20, 26, trunk.dome_mm + 10), (60, 48, 52))
    above = np.maximum(heart, dome - 24 - body.z)
    canvas.paint(above - 4, _FAT)
    canvas.paint(above, 90.0, HEART)
    canvas.paint(above + 11, _BLOOD * trunk.enhancement + 40, HEART)
    aorta = capsule(body, (-16, -38, -20), (-16, -40, 400), 12)
    canvas.paint(aorta, _BLOOD * trunk.enhancement + 40, HEART)


def _paint_spine(canvas: Canvas, body: Points, cavity: Field) -> None:
    """Paint vertebrae with discs between them, the canal and the processes."""
    level = np.mod(body.z, VERTEBRA_MM)
    from_disc = np.minimum(level, VERTEBRA_MM - level) - 4
    column = _rod(body, 0, -66, 24, 19)
    canvas.paint(column, _DISC)
    vertebra = np.maximum(column, -from_disc)
    canvas.paint(vertebra, _CORTICAL - 150, BONE)
    canvas.paint(vertebra + 2.2, _MARROW, BONE)
    arch = _rod(body, 0, -94, 19, 14)
    canvas.paint(np.maximum(arch, np.float32(6) - from_disc - 8), _CORTICAL - 200, BONE)
    process = np.maximum(np.abs(body.x) - 3.5, np.abs(body.y + 112) - 14)
    process = np.maximum(process, cavity - np.float32(WALL_MM + 2))
    canvas.paint(np.maximum(process, -from_disc - 1), _CORTICAL - 250, BONE)
    across = np.maximum(np.abs(body.y + 84 + 0.1 * np.abs(body.x)) - 4, np.abs(body.x) - 40)
    canvas.paint(np.maximum(across, 4 - from_disc), _CORTICAL - 250, BONE)
    canvas.paint(_rod(body, 0, -94, 11, 8.5), 25.0)


def _rod(body: Points, x: float, y: float, width: float, depth: float) -> Field:
    """Distance from an upright rod of elliptic section."""
    radius = np.hypot((body.x - x) / width, (body.y - y) / depth)
    return np.asarray((radius - 1) * (width * depth) ** 0.5 + 0 * body.z, dtype=np.float32)


def _paint_ribs(canvas: Canvas, body: Points, cavity: Field, trunk: Trunk) -> None:
    """Paint ribs into the wall: they fall from the spine to the front, and end low down."""
    along = body.z - np.float32(0.55) * body.y
    phase = np.mod(along, RIB_STEP_MM) - RIB_STEP_MM / 2
    radial = cavity - np.float32(6)
    rib = np.hypot(phase * np.float32(0.62), radial * np.float32(1.15)) - np.float32(5)
    rib = np.maximum(rib, (trunk.dome_mm - 90) - along)
    rib = np.maximum(rib, body.y - np.float32(0.55 * trunk.depth_mm))
    canvas.paint(rib, _CORTICAL - 100, BONE)
    canvas.paint(rib + np.float32(2), _MARROW, BONE)


def _paint_lesion(canvas: Canvas, body: Points, rng: np.random.Generator) -> None:
    """Paint a dark nodule into the liver, in two bodies of five."""
    is_there = rng.random() < 0.4
    centre = (rng.uniform(50, 100), rng.uniform(-20, 40), rng.uniform(-50, 15))
    radius = rng.uniform(9, 20)
    rough = waves(body, rng, 4, (12, 26))
    if not is_there:
        return
    distance = ellipsoid(body, centre, (radius, radius, 1.1 * radius)) + np.float32(1.5) * rough
    inside = np.where(canvas.labels == LIVER, distance, np.float32(99))
    canvas.paint(inside, 45.0, LESION, edge_mm=4)
