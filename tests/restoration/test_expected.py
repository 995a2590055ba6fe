"""What is said about the error of a slice nobody has seen."""

import math
from dataclasses import astuple

import numpy as np
import pytest

from medgan.models.info import find_model, read_info
from medgan.restoration import RestoreSettings, expected
from medgan.restoration.expected import (
    FARTHEST_DB,
    LEAST_SHARE,
    Evidence,
    Regression,
    calibration,
    evidence,
    expect,
)
from medgan.restoration.hide import GapKind
from medgan.restoration.likeness import Likeness
from medgan.restoration.signs import Signs
from medgan.restoration.trial import SliceScore, Trial

SAME = Likeness(0.01, 0.8)
HIDDEN = {"hidden": 1, "alone": 0, "texture": 0, "rims": 0, "flow": 0, "centre": 0}


def trial(scores, length=3, is_regular=False):
    return Trial(GapKind(length, is_regular), np.ones(1), (), tuple(scores))


def signs(fraction=0.5, place=0.5, rims=SAME, flow=SAME, lost=1e-3, kept=0.9):
    return Signs(fraction, place, rims, flow, lost, kept)


def score(psnr_db, ssim, **seen):
    made = Likeness(10 ** (-psnr_db / 10), ssim)
    return SliceScore(0, made, signs(**seen), 0.0)


def shipped(**changes):
    plain = {"offset": 0, "weights": HIDDEN, "low": -1, "high": 1} | changes
    kind = {"psnr_db": plain, "ssim": plain, "n_scans": 1, "n_slices": 1}
    return expected.Calibration.model_validate(
        {"regular": kind, "adjacent": kind, "weights_sha256": "", "command": "test"}
    )


def test_a_plane_with_its_interval_keeps_below_the_ceiling():
    plane = Regression(offset=1, weights=Evidence(0.5, 0.1, 2, -1, 3, 4), low=-2, high=4)
    seen = Evidence(20, 50, 12, 15, 1, -1)  # 1 + 10 + 5 + 24 - 15 + 3 - 4
    interval = plane.interval(seen, 100)
    assert (interval.value, interval.low, interval.high) == (24, 22, 28)
    capped = plane.interval(seen, 23.5)
    assert (capped.value, capped.low, capped.high) == (23.5, 21.5, 23.5)


def test_relative_tails_grow_with_the_root_of_what_lacks_to_the_ceiling():
    plane = Regression(offset=0, weights=HIDDEN, low=-0.2, high=0.1, relative=True)
    interval = plane.interval(Evidence(0.75, 0, 0, 0, 0, 0), 1.0)
    assert (interval.low, interval.value, interval.high) == (
        pytest.approx(0.65),
        pytest.approx(0.75),
        pytest.approx(0.8),
    )


def test_what_is_expected_beyond_the_ceiling_is_no_surer_for_it():
    plane = Regression(offset=0, weights=HIDDEN, low=-0.2, high=0.1, relative=True)
    for hidden in (1.0, 1.2):
        interval = plane.interval(Evidence(hidden, 0, 0, 0, 0, 0), 1.0)
        assert (interval.value, interval.high) == (1, 1)
        assert interval.low == pytest.approx(1 - 0.2 * math.sqrt(LEAST_SHARE), abs=1e-4)


def test_without_hidden_slices_nothing_is_claimed():
    assert expect(trial([]), signs()) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("ssim", "grade"), [(0.97, "good"), (0.9, "good"), (0.8, "fair"), (0.5, "poor")]
)
def test_grade_follows_the_calibrated_similarity(ssim, grade, monkeypatch):
    monkeypatch.setattr(expected, "calibration", shipped)
    found, psnr_db, similarity = expect(trial([score(25, ssim)]), signs())
    assert found == grade
    assert psnr_db.value == pytest.approx(25)
    assert similarity.value == pytest.approx(ssim)


def test_the_middle_of_a_gap_is_told_from_the_middle_of_holes():
    scores = [
        score(30, 0.95, fraction=0.1),
        score(20, 0.7, fraction=0.5),
        score(30, 0.95, fraction=0.9),
    ]
    in_db, in_ssim = evidence(scores, signs(fraction=0.5))
    assert in_db.hidden == pytest.approx(20, abs=0.1)
    assert in_ssim.hidden == pytest.approx(0.7, abs=0.01)
    for fraction in (0.1, 0.9):
        in_db, in_ssim = evidence(scores, signs(fraction=fraction))
        assert in_db.hidden == pytest.approx(30, abs=0.1)
        assert in_ssim.hidden == pytest.approx(0.95, abs=0.01)


def test_hidden_slices_that_lie_near_count_more():
    """exp(-1) for every sixth of the stack."""
    scores = [score(30, 0.9, place=0.5), score(20, 0.6, place=0.5 + 1 / 6)]
    in_db, in_ssim = evidence(scores, signs(place=0.5))
    far = math.exp(-1) / (1 + math.exp(-1))
    assert in_db.hidden == pytest.approx(30 - 10 * far)
    assert in_ssim.hidden == pytest.approx(0.9 - 0.3 * far)


def test_what_is_seen_in_the_gap_is_set_against_the_holes():
    hole = {"rims": Likeness(0.001, 0.6), "flow": Likeness(0.01, 0.7), "lost": 1e-3, "kept": 0.8}
    gap = signs(rims=Likeness(0.004, 0.5), flow=Likeness(0.005, 0.9), lost=5e-4, kept=0.85)
    in_db, in_ssim = evidence([score(30, 0.9, **hole)], gap)
    twice = 10 * math.log10(2)
    assert astuple(in_db) == pytest.approx((30, 30 + twice, twice, -2 * twice, twice, 0))
    assert astuple(in_ssim) == pytest.approx((0.9, 0.85, 0.05, -0.1, 0.2, 0))


def test_differences_without_bounds_are_bounded():
    blank = signs(rims=Likeness(0, 1), flow=Likeness(0, 1), lost=1e-9, kept=1)
    in_db, _ = evidence([score(30, 0.9)], blank)
    assert (in_db.rims, in_db.texture, in_db.flow) == (FARTHEST_DB,) * 3


def test_the_middle_of_the_stack_is_told_from_its_ends():
    at_an_end = score(30, 0.9, place=1.0)
    for seen in evidence([at_an_end], signs(place=0.5)):
        assert seen.centre == -1
    for seen in evidence([at_an_end], signs(place=0.0)):
        assert seen.centre == 0


def test_planes_too_small_for_ssim_still_give_a_number():
    small = {name: Likeness(0.01, math.nan) for name in ("rims", "flow")} | {"kept": math.nan}
    for seen in evidence([score(25, math.nan, **small)], signs(**small)):
        assert all(map(math.isfinite, astuple(seen)))


def test_shipped_calibration_is_sane():
    for kind in (calibration().regular, calibration().adjacent):
        for plane in (kind.psnr_db, kind.ssim):
            assert plane.low < 0 < plane.high
            assert plane.weights.hidden > 0
            assert plane.weights.texture > 0


def test_shipped_calibration_is_of_the_network_that_ships():
    """A network that is replaced takes its calibration with it: `benchmarks/calibrate.py`."""
    info = read_info(find_model(RestoreSettings().model))
    assert calibration().weights_sha256 == info.weights_sha256
