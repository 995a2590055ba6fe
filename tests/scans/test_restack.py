"""Slices moved on a longer grid: world positions by closed form, values bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.scans import Found, Grid, Restack, Source
from tests.restoration.phantom import make_scan


def oblique_grid(shape: tuple[int, int, int]) -> Grid:
    affine = np.eye(4)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    affine[:3, :3] = turn * [0.8, 1.1, 2.5]
    affine[:3, 3] = 5, -7, 11
    return Grid(shape, affine)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("restack", "stays"),
    [
        (Restack.extending(9, 2, 3), True),
        (Restack.thinning(9, 3), True),
        (Restack.opening(9, (3, 4, 8)), False),
    ],
)
def test_slices_stay_in_the_world_and_keep_their_bytes(
    axis: int, restack: Restack, stays: bool
) -> None:
    scan = make_scan(9, (6, 7), axis=axis)
    scan = replace(scan, grid=oblique_grid(scan.grid.shape), slope=np.arange(1.0, 10))
    new = restack.scan(scan)
    assert new.present.sum() == 9
    assert new.grid.shape[axis] == new.n_positions == restack.n
    for old, position in enumerate(np.flatnonzero(new.present).tolist()):
        assert new.slice_bytes(position) == scan.slice_bytes(old)
        assert new.slope[position] == scan.slope[old]
        places = np.zeros((2, 3))
        places[:, axis] = old, position
        apart = scan.grid.position(places[0]) - new.grid.position(places[1])
        moved = 0 if stays else (old - position) * scan.spacing_mm[axis]
        assert np.linalg.norm(apart) == pytest.approx(abs(moved), abs=1e-9)


def test_opening_keeps_origin_and_step() -> None:
    scan = make_scan(9, (6, 7))
    new = Restack.opening(9, (3, 4)).scan(scan)
    np.testing.assert_array_equal(new.affine, scan.affine)
    assert new.missing == (3, 4)
    assert new.source.files == scan.source.files


def test_thinning_spreads_files_frames_and_numbers() -> None:
    files = tuple(Path(f"{n}.dcm") for n in range(4))
    source = Source(Path(), files, frames=(3, 2, 1, 0))
    scan = make_scan(4, (6, 7), source=source, instances=(10, 11, 12, 13))
    new = Restack.thinning(4, 2).scan(scan)
    assert new.source.files == (files[0], None, files[1], None, files[2], None, files[3])
    assert new.source.frames == (3, None, 2, None, 1, None, 0)
    assert new.instances == (10, None, 11, None, 12, None, 13)
    assert new.spacing_mm == (1, 1, 0.5)


def found(n: int, **changes: object) -> Found:
    fields = {
        "id": "a",
        "kind": "image",
        "format": "dicom",
        "modality": "ct",
        "grid": Grid((4, 4, n), np.eye(4)),
        "axis": 2,
        "present": np.ones(n, bool),
        "source": Source(Path(), ()),
        "n_files": n,
    }
    return Found(**(fields | changes))  # type: ignore[arg-type]


def test_a_listing_moves_with_its_marks() -> None:
    before = found(6, empty_ends=(0, 5), damaged=(3,), instances=(1, 2, 3, None, 5, 6))
    after = Restack.opening(6, (2,)).found(before)
    assert after.ruler == "_|.|x|_"
    assert after.instances == (1, 2, None, 3, None, 5, 6)


@pytest.mark.parametrize(
    ("instances", "expected", "lost"),
    [
        ((3, 4, 5, 6), 8, (2, 2)),
        ((8, 7, None, 5), 9, (1, 4)),
        ((1, 2, 3, 4), 6, (0, 2)),
        ((1, 2, 3, 4), None, (0, 0)),
        ((1, 3, 2, 4), 6, (0, 0)),
        ((), 6, (0, 0)),
        ((5, 6, 7, 8), 6, (0, 0)),
    ],
)
def test_numbers_that_count_tell_at_which_end_slices_are_lost(
    instances: tuple[int | None, ...], expected: int | None, lost: tuple[int, int]
) -> None:
    assert found(4, instances=instances, expected_images=expected).lost_at_ends == lost
