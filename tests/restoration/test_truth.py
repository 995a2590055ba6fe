"""Scores against slices that were taken away, held against closed forms."""

import numpy as np
import pytest

from medgan.restoration.truth import Truth
from tests.restoration.phantom import make_scan

TAKEN = (5, 6, 11)


@pytest.fixture(scope="module")
def truth():
    return Truth.of(make_scan(), "x2", TAKEN)


def test_the_range_is_that_of_the_complete_scan(truth):
    scan = make_scan()
    low, high = np.percentile(scan.values, (0.5, 99.5))
    assert truth.value_range == pytest.approx(high - low, rel=1e-3)
    np.testing.assert_array_equal(truth.planes, np.moveaxis(scan.values, scan.axis, 0))


def test_a_constant_error_has_known_figures(truth):
    true = truth.planes[list(TAKEN)]
    score = truth.score("off", 0.25, true - np.float32(7))
    assert (score.scan, score.protocol, score.method) == ("phantom", "x2", "off")
    assert (score.n_slices, score.weight) == (3, 0.25)
    assert score.psnr_db == pytest.approx(20 * np.log10(truth.value_range / 7), abs=1e-4)
    assert score.mae == pytest.approx(7, abs=1e-4)
    assert score.shift == pytest.approx(-7, abs=1e-4)
    assert score.sharpness == pytest.approx(1, abs=1e-4)
    assert 0.9 < score.ssim < 1


def test_a_perfect_estimate_has_finite_figures(truth):
    score = truth.score("perfect", 1, truth.planes[list(TAKEN)])
    assert score.psnr_db == 100
    assert (score.ssim, score.mae, score.sharpness, score.flicker) == (1, 0, 1, 1)


def test_what_is_halfway_between_its_neighbours_does_not_flicker(truth):
    planes = truth.planes
    halfway = np.stack([(planes[p - 1] + planes[p + 1]) / 2 for p in TAKEN])
    assert truth.score("linear", 0, halfway).flicker == pytest.approx(0, abs=1e-6)


def test_flicker_is_told_beside_measured_slices_only():
    made = np.isin(range(24), [4, 12])
    holed = make_scan(synthetic=made).without([4])
    score = Truth.of(holed, "x2", TAKEN).score(
        "perfect", 1, holed.values.transpose(2, 0, 1)[[5, 6, 11]]
    )
    assert score.flicker == 1  # of position 6 alone: 5 and 11 lie beside what was not measured
    alone = Truth.of(holed, "x2", (5,))
    assert np.isnan(alone.score("perfect", 1, alone.planes[[5]]).flicker)
