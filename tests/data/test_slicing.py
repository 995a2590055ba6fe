"""Slices of other protocols: closed forms on ramps, where every profile gives its own centre."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.slicing import Profile, draw_window, draw_zoom, take_slice, zoomed

WHOLE = (slice(None), slice(None))


def ramp() -> np.ndarray:
    """(4, 6, 40), equal to the place along the last axis."""
    return np.broadcast_to(np.arange(40, dtype=np.float32), (4, 6, 40)).copy()


@pytest.mark.parametrize(
    ("profile", "centre", "true"),
    [
        (("thin", 1.0), 7.0, 7.0),
        (("box", 4.0), 8.0, 9.5),  # planes 8 to 11
        (("cubic", 1.0), 7.3, 7.3),  # Keys' kernel keeps what is linear
        (("gauss", 0.8), 12.0, 12.0),
    ],
)
def test_a_profile_takes_the_mean_of_a_ramp_about_its_centre(
    profile: Profile, centre: float, true: float
) -> None:
    found = take_slice(ramp(), 2, centre, profile, WHOLE)
    assert found.shape == (4, 6)
    assert np.abs(found - true).max() < 2e-3


def test_a_window_is_as_large_as_wanted_once_it_is_zoomed() -> None:
    rng = np.random.default_rng(0)
    for zoom in (0.7, 1.0, 2.5):
        rows, columns = draw_window((200, 180), (48, 64), zoom, rng)
        assert 0 <= rows.start < rows.stop <= 200
        assert 0 <= columns.start < columns.stop <= 180
        seen = zoomed(np.zeros((200, 180), np.float32)[rows, columns], zoom)
        assert np.abs(np.subtract(seen.shape, (48, 64))).max() <= 1


def test_a_plane_smaller_than_the_window_is_taken_whole() -> None:
    assert draw_window((20, 9), (48, 64), 1.0, np.random.default_rng(0)) == (
        slice(0, 20),
        slice(0, 9),
    )


def test_zooms_lie_within_their_limits_and_as_many_as_asked_are_none() -> None:
    rng = np.random.default_rng(0)
    zooms = np.array([draw_zoom(0.3, (0.5, 2.0), rng) for _ in range(2000)])
    assert np.mean(zooms != 1) == pytest.approx(0.3, abs=0.05)
    assert zooms.min() >= 0.5
    assert zooms.max() <= 2.0
    assert np.median(np.log(zooms[zooms != 1])) == pytest.approx(0, abs=0.1)
