"""Each figure rises with its own kind of damage; a slice on the line between two has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from medgan.restoration.leave_one_out import KINDS, LeaveOneOut, compare_slices
from medgan.restoration.slice_statistics import Slice, between
from tests.restoration.phantom import make_stack


def planes() -> np.ndarray:
    return np.asarray(make_stack([True] * 5).planes, np.float32)


def figure(kind: str, here: np.ndarray) -> float:
    a, _, b = planes()[1:4]
    return float(getattr(compare_slices(Slice(a), Slice(here), Slice(b), 0.5), kind))


@settings(deadline=None, max_examples=10)
@given(st.floats(0.2, 0.8))
def test_a_plane_on_the_line_between_its_neighbours_fits(fraction: float) -> None:
    a, b = planes()[[1, 3]]
    on_line = Slice(between(a, b, fraction))
    found = compare_slices(Slice(a), on_line, Slice(b), fraction)
    assert found.misfit < -1
    assert abs(found.dimmed) < 1e-3
    assert found.drop_out == 0


DAMAGE = {
    "misfit": lambda x: np.flip(x, 1).copy(),
    "noise": lambda x: x + np.random.default_rng(1).normal(0, 0.05, x.shape).astype(np.float32),
    "spikes": lambda x: np.where(np.random.default_rng(1).random(x.shape) < 0.05, 1.5, x),
    "blurred": lambda x: gaussian_filter(x, 1),
    "drop_out": lambda x: np.where(np.arange(x.shape[0])[:, None] < 24, 0, x),
    "dimmed": lambda x: x * np.float32(0.7),
    "bright": lambda x: x * np.float32(1.3),
    "shifted": lambda x: np.roll(x, 3, axis=1),
    "duplicate": lambda x: planes()[1],
    "stripes": lambda x: x + 0.1 * np.sin(np.arange(x.shape[1]) * 1.5).astype(np.float32),
    "ghost": lambda x: x + np.float32(0.5) * np.roll(x, x.shape[0] // 2, axis=0),
    "saturated": lambda x: np.minimum(x, np.quantile(x, 0.9)),
}


def test_every_kind_has_its_damage() -> None:
    assert tuple(DAMAGE) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_figure_rises_with_its_damage(kind: str) -> None:
    here = planes()[2]
    damaged = np.asarray(DAMAGE[kind](here), np.float32)
    assert figure(kind, damaged) > figure(kind, here) + 0.1


def test_figures_are_computed_once() -> None:
    stack = LeaveOneOut(planes())
    assert stack.figures(1, 2, 3) is stack.figures(1, 2, 3)
    assert stack.figures(0, 2, 3) is not stack.figures(1, 2, 3)


def test_the_prediction_lies_at_its_distance() -> None:
    values = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 8, 8), np.float32)
    np.testing.assert_allclose(LeaveOneOut(values).predict(0, 1, 3), 1.0, rtol=1e-6)
