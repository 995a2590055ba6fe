"""Grids and holes from positions alone, and what is no grid."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import SeriesError
from medgan.scans.lattice import fit_lattice, tolerance_mm


@pytest.mark.parametrize("seed", range(200))
def test_random_interior_deletions_are_found_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 60))
    lost = rng.choice(np.arange(1, n - 1), int(rng.integers(1, n // 2)), replace=False)
    kept = np.setdiff1d(np.arange(n), lost)
    step = float(rng.uniform(0.4, 8))
    jitter = rng.uniform(-0.3, 0.3, kept.size) * tolerance_mm(step, 0)
    lattice = fit_lattice(kept * step - 71.3 + jitter, (300 - kept).tolist())
    np.testing.assert_array_equal(lattice.index, kept)
    assert lattice.n_positions == n


@pytest.mark.parametrize(
    "steps",
    [
        (3, 3, 3, 6, 6, 6),
        (6, 6, 6, 3, 3, 3),
        (3, 3, 6, 6, 6, 3, 3),
        (3, 3, 3, 4, 3, 3),
        (3, 3.2, 3.4, 3.6, 3.8),
        (2, 3, 2, 3, 2, 3),
        (3, 4.5, 3, 4.5),
        (3, 21, 3),
    ],
)
def test_variable_spacing_is_refused(steps: tuple[float, ...]) -> None:
    with pytest.raises(SeriesError, match=r"variable slice spacing|at least half"):
        fit_lattice(np.cumsum([0.0, *steps]), list(range(1, len(steps) + 2)))


@pytest.mark.parametrize(
    ("steps", "n_positions"),
    [((3, 3, 6, 3), 6), ((3, 9, 3, 3), 7), ((3, 6), 4), ((5.0,), 2), ((3, 6, 3, 6, 3, 6), 10)],
)
def test_holes_in_a_regular_grid(steps: tuple[float, ...], n_positions: int) -> None:
    assert fit_lattice(np.cumsum([0.0, *steps])).n_positions == n_positions


def test_numbers_that_count_the_grid_tell_holes_from_a_change_of_spacing() -> None:
    positions = np.cumsum([0.0, 3, 3, 3, 6, 6, 6])
    assert fit_lattice(positions, [1, 2, 3, 4, 6, 8, 10]).n_positions == 10
    assert fit_lattice(positions, [10, 9, 8, 7, 5, 3, 1]).n_positions == 10
    with pytest.raises(SeriesError):
        fit_lattice(positions, [1, 2, 3, None, 6, 8, 10])


def test_numbers_vouch_for_a_grid_without_neighbours() -> None:
    assert fit_lattice(np.array([0.0, 6, 15]), [1, 3, 6]).step_mm == pytest.approx(3)
    with pytest.raises(SeriesError):
        fit_lattice(np.array([0.0, 6, 15]), [1, 2, 3])


def test_rounded_coordinates_are_no_variable_spacing() -> None:
    positions = np.round(np.arange(9) * 2.25, 1)
    assert fit_lattice(positions, rounding_mm=0.05).step_mm == pytest.approx(2.25, abs=0.02)
    with pytest.raises(SeriesError):
        fit_lattice(positions)
