"""What is said about the error of a slice nobody has seen."""

import math

import numpy as np
import pytest

from medgan.restoration import expected
from medgan.restoration.expected import Evidence, Plane, calibration, evidence, expect
from medgan.restoration.hide import GapKind
from medgan.restoration.trial import Likeness, SliceScore, Trial

SAME = Likeness(0.01, 0.8)
DOUBT = 1e-3


def trial(scores, length=3, is_regular=False):
    return Trial(GapKind(length, is_regular), np.ones(1), (), tuple(scores))


def score(psnr_db, ssim, fraction=0.5, around=SAME, ambiguity=DOUBT):
    made = Likeness(10 ** (-psnr_db / 10), ssim)
    return SliceScore(0, fraction, made, around, ambiguity, 0.0)


def shipped(**changes):
    plain = {"offset": 0, "hidden": 1, "rims": 0, "accord": 0, "low": -1, "high": 1} | changes
    kind = {"psnr_db": plain, "ssim": plain, "n_scans": 1, "n_slices": 1}
    return expected.Calibration.model_validate(
        {"regular": kind, "adjacent": kind, "command": "test"}
    )


def test_a_plane_with_its_interval_keeps_below_the_ceiling():
    plane = Plane(offset=1, hidden=0.5, rims=-1, accord=2, low=-2, high=4)
    interval = plane.interval(Evidence(20, 10, 12), 100)
    assert (interval.value, interval.low, interval.high) == (25, 23, 29)
    capped = plane.interval(Evidence(20, 10, 12), 24.5)
    assert (capped.value, capped.low, capped.high) == (24.5, 23, 24.5)


def test_relative_tails_are_shares_of_what_lacks_to_the_ceiling():
    plane = Plane(offset=0, hidden=1, rims=0, accord=0, low=-0.5, high=0.25, relative=True)
    interval = plane.interval(Evidence(0.8, 0, 0), 1.0)
    assert (interval.low, interval.value, interval.high) == (
        pytest.approx(0.7),
        pytest.approx(0.8),
        pytest.approx(0.85),
    )
    assert plane.interval(Evidence(1.2, 0, 0), 1.0).low == 1


def test_without_hidden_slices_nothing_is_claimed():
    assert expect(trial([]), 0.5, SAME, DOUBT) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("ssim", "grade"), [(0.97, "good"), (0.9, "good"), (0.8, "fair"), (0.5, "poor")]
)
def test_grade_follows_the_calibrated_similarity(ssim, grade, monkeypatch):
    monkeypatch.setattr(expected, "calibration", shipped)
    found, psnr_db, similarity = expect(trial([score(25, ssim)]), 0.5, SAME, DOUBT)
    assert found == grade
    assert psnr_db.value == pytest.approx(25)
    assert similarity.value == pytest.approx(ssim)


def test_the_middle_of_a_gap_is_told_from_the_middle_of_holes():
    scores = [score(30, 0.95, 0.1), score(20, 0.7, 0.5), score(30, 0.95, 0.9)]
    in_db, in_ssim = evidence(scores, 0.5, SAME, DOUBT)
    assert in_db.hidden == pytest.approx(20, abs=0.1)
    assert in_ssim.hidden == pytest.approx(0.7, abs=0.01)
    for fraction in (0.1, 0.9):
        in_db, in_ssim = evidence(scores, fraction, SAME, DOUBT)
        assert in_db.hidden == pytest.approx(30, abs=0.1)
        assert in_ssim.hidden == pytest.approx(0.95, abs=0.01)


def test_rims_of_the_gap_are_set_against_those_of_the_holes():
    scores = [score(30, 0.9, around=Likeness(0.001, 0.6))]
    in_db, in_ssim = evidence(scores, 0.5, Likeness(0.1, 0.4), DOUBT)
    assert in_db.rims == pytest.approx(10 - 30)
    assert in_ssim.rims == pytest.approx(0.4 - 0.6)


def test_fillers_that_agree_better_in_the_gap_than_in_the_holes_are_told():
    scores = [score(30, 0.9, ambiguity=1e-3)]
    for seen in evidence(scores, 0.5, SAME, 1e-4):
        assert seen.accord == pytest.approx(10)
    for seen in evidence(scores, 0.5, SAME, 1e-2):
        assert seen.accord == pytest.approx(-10)


def test_one_filler_alone_neither_agrees_nor_disagrees():
    """A mixture of one has no ambiguity, here nor there."""
    scores = [score(30, 0.9, ambiguity=0.0)]
    for seen in evidence(scores, 0.5, SAME, 0.0):
        assert seen.accord == 0


def test_planes_too_small_for_ssim_still_give_a_number():
    small = Likeness(0.01, math.nan)
    for seen in evidence([score(25, math.nan, around=small)], 0.5, small, DOUBT):
        assert all(map(math.isfinite, (seen.hidden, seen.rims, seen.accord)))


def test_shipped_calibration_is_sane():
    for kind in (calibration().regular, calibration().adjacent):
        for plane in (kind.psnr_db, kind.ssim):
            assert plane.low < 0 < plane.high
            assert plane.hidden > 0
