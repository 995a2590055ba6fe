"""Split the planes of one series into stacks that may share a grid.

Two kinds of split. What can never be one array or one contrast is always split: matrix, pixel size,
orientation, kind of image, echo, b-value. Any other tag splits only where it explains repeated
positions, since many of them vary from slice to slice for no reason of geometry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.scans.planes import Plane

ORIENTATION_TOLERANCE = 2e-3
"""Largest difference of direction cosines within one stack: half a pixel over 250 pixels."""
SPACING_TOLERANCE = 1e-3
NEARLY_PARALLEL_DEGREES = 5.0
ALWAYS = ("patient", "study", "frame of reference", "echo", "b-value", "time point")
"""Tags whose values part stacks even where no position repeats, if each part is a stack."""
RANKED = ("trigger time", "frame time", "acquisition time", "content time")
"""Times that differ from slice to slice as well: at each position only their order counts."""
ONE_IMAGE_WILL_DO = ("kind", "image type")
"""A single image of another kind inside a series (a projection, a report page) is no clash."""

Stack = list[Plane]


def split_series(planes: Sequence[Plane]) -> list[Stack]:
    """Split placed planes of one series into stacks; repeated positions may remain in one.

    Returns
    -------
    Non-empty lists, in order of first appearance.
    """
    stacks: list[Stack] = []
    for shape in group(planes, _shape_key).values():
        for spaced in _cluster(shape, _spacing, SPACING_TOLERANCE, relative=True):
            for parallel in _cluster(spaced, _axes, ORIENTATION_TOLERANCE):
                stacks.extend(_split_contrast(parallel))
    return [part for stack in stacks for part in split_repeats(stack)]


def skewed(stacks: Sequence[Stack]) -> float:
    """Largest angle in degrees below 5 between the planes of two stacks of one series.

    Planes of a localizer lie across each other; planes that are nearly but not quite parallel are
    one acquisition that no grid fits. 0 where there is no such pair.
    """
    largest = 0.0
    for n, first in enumerate(stacks):
        for second in stacks[n + 1 :]:
            if _shape_key(first[0]) != _shape_key(second[0]):
                continue
            difference = np.abs(_axes(first[0]) - _axes(second[0])).max()
            if difference <= ORIENTATION_TOLERANCE:
                continue
            cosines = (_axes(first[0]).reshape(2, 3) * _axes(second[0]).reshape(2, 3)).sum(axis=1)
            angle = float(np.degrees(np.arccos(np.clip(cosines.min(), -1, 1))))
            if angle < NEARLY_PARALLEL_DEGREES:
                largest = max(largest, angle)
    return largest


def group(planes: Iterable[Plane], key: Callable[[Plane], Hashable]) -> dict[Hashable, Stack]:
    """Group planes by a key, in order of first appearance."""
    groups: dict[Hashable, Stack] = defaultdict(list)
    for plane in planes:
        groups[key(plane)].append(plane)
    return dict(groups)


def projections(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """(n,) mm of each plane along the mean normal of the stack."""
    axes = np.mean([plane.place.axes for plane in planes], axis=0)
    normal = np.cross(axes[0], axes[1])
    along: NDArray[np.float64] = np.array([plane.place.position for plane in planes]) @ normal
    return along / np.linalg.norm(normal)


def repeated(planes: Sequence[Plane]) -> list[list[int]]:
    """Return the groups of indices, two or more, of planes that lie at one position."""
    if len(planes) < 2:
        return []
    along = projections(planes)
    order = np.argsort(along, kind="stable")
    span = float(along[order[-1]] - along[order[0]])
    # Time points repeat each position to within jitter, so their mean step is a fraction of one.
    tolerance = min(0.02, 0.2 * span / (len(planes) - 1)) if span > 1e-4 else 0.02
    cuts = np.flatnonzero(np.diff(along[order]) > tolerance) + 1
    return [part.tolist() for part in np.split(order, cuts) if len(part) > 1]


def n_clashes(planes: Sequence[Plane]) -> int:
    """How many planes lie at a position that another one has already."""
    return sum(len(part) - 1 for part in repeated(planes))


def split_repeats(planes: Stack) -> list[Stack]:
    """Split by the tags that explain repeated positions; whole when none does."""
    clashes = n_clashes(planes)
    if not clashes:
        return [planes]
    best: tuple[int, list[Stack]] = (clashes, [])
    for tag in _tag_names(planes):
        parts = _by_tag(planes, tag)
        if len(parts) < 2 or not _is_fair(parts, tag):
            continue
        left = sum(n_clashes(part) for part in parts)
        if left < best[0]:
            best = (left, parts)
        if left == 0:
            break
    return [piece for part in best[1] for piece in split_repeats(part)] or [planes]


def _split_contrast(planes: Stack) -> list[Stack]:
    """Split by what changes the contrast, if every part holds two positions or more."""
    stacks = [planes]
    for tag in ALWAYS:
        stacks = [part for stack in stacks for part in _split_fairly(stack, tag)]
    return stacks


def _split_fairly(planes: Stack, tag: str) -> list[Stack]:
    parts = list(group(planes, lambda plane: plane.tags.get(tag)).values())
    return parts if _is_fair(parts, tag) else [planes]


def _is_fair(parts: Sequence[Stack], tag: str) -> bool:
    """Refuse a split that only isolates single images: it hides a clash, and explains nothing."""
    if tag in ONE_IMAGE_WILL_DO:
        return True
    return all(len(part) - n_clashes(part) >= 2 for part in parts)


def _tag_names(planes: Stack) -> list[str]:
    names: dict[str, None] = {}
    for plane in planes:
        names.update(dict.fromkeys(plane.tags))
    return list(names)


def _by_tag(planes: Stack, tag: str) -> list[Stack]:
    if tag in RANKED:
        return _by_rank(planes, tag)
    return list(group(planes, lambda plane: plane.tags.get(tag)).values())


def _by_rank(planes: Stack, tag: str) -> list[Stack]:
    """Take the earliest image of every position, then the next; only where all have as many."""
    positions = repeated(planes)
    n_images = {len(part) for part in positions}
    if len(n_images) != 1 or sum(map(len, positions)) != len(planes):
        return [planes]
    ranks: list[Stack] = [[] for _ in range(n_images.pop())]
    for part in positions:
        values = [planes[n].tags.get(tag) for n in part]
        if None in values or len(set(values)) != len(values):
            return [planes]
        in_order = sorted(part, key=lambda n: planes[n].tags[tag])  # type: ignore[arg-type,return-value]
        for rank, n in enumerate(in_order):
            ranks[rank].append(planes[n])
    return ranks


def _shape_key(plane: Plane) -> Hashable:
    header, pixels = plane.header, plane.header.pixels
    owner = header.sop_uid if plane.frame is not None else ""
    kind = plane.tags.get("kind", header.kind) or header.kind
    return (header.sop_class, pixels.rows, pixels.columns, kind, header.photometric, owner)


def _spacing(plane: Plane) -> NDArray[np.float64]:
    return np.array(plane.place.spacing)


def _axes(plane: Plane) -> NDArray[np.float64]:
    return plane.place.axes.ravel()


def _cluster(
    planes: Stack,
    measure: Callable[[Plane], NDArray[np.float64]],
    tolerance: float,
    *,
    relative: bool = False,
) -> list[Stack]:
    """Gather planes whose measure lies within a tolerance of the first of their cluster."""
    clusters: list[tuple[NDArray[np.float64], Stack]] = []
    for plane in planes:
        value = measure(plane)
        for centre, members in clusters:
            scale = centre if relative else 1.0
            if (np.abs(value - centre) <= tolerance * scale).all():
                members.append(plane)
                break
        else:
            clusters.append((value, [plane]))
    return [members for _, members in clusters]
