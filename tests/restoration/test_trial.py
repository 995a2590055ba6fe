"""Trying fillers out: nothing hidden is seen, and the better ones get the weight."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from medgan.evaluation.fidelity import psnr, ssim
from medgan.interpolation import classical_fillers
from medgan.restoration.hide import GapKind
from medgan.restoration.scale import measure, physical_planes
from medgan.restoration.signs import Rims
from medgan.restoration.trial import MIXTURE, try_out
from tests.restoration.phantom import make_holes, make_scan


@dataclass
class Oracle:
    """Knows the truth, give or take some noise; notes what it was shown."""

    name: str
    noise: float
    shown: list = field(default_factory=list)

    def fill(self, stack, targets):
        self.shown.append((stack, tuple(targets)))
        rng = np.random.default_rng(targets[0])
        truth = stack.planes[list(targets)]
        return (truth + rng.normal(0, self.noise, truth.shape)).astype(np.float32)


def tried(fillers, kind=None, scan=None, prior=None):
    scan = scan or make_holes(make_scan(), [11])
    planes = physical_planes(scan)
    if prior is None:
        prior = np.eye(len(fillers))[-1]
    return try_out(scan, planes, kind or GapKind(1, False), fillers, prior)


def test_hidden_slices_are_missing_and_their_extremes_do_not_set_the_scale():
    scan = make_holes(make_scan(), [11])
    oracle = Oracle("oracle", 0.01)
    tried([*classical_fillers(), oracle], scan=scan)
    planes = physical_planes(scan)
    assert len(oracle.shown) == 6
    for stack, targets in oracle.shown:
        assert not stack.present[list(targets)].any()
        scale = measure(planes, stack.present)
        np.testing.assert_allclose(
            stack.planes[0], (planes[0] - scale.low) / scale.width, rtol=1e-4, atol=1e-5
        )


def test_the_better_filler_gets_the_weight_whatever_the_prior():
    fillers = [*classical_fillers(), Oracle("good", 0.0005), Oracle("bad", 0.5)]
    trial = tried(fillers)
    shares = dict(zip([f.name for f in fillers], trial.weights, strict=True))
    assert shares["bad"] == 0
    assert shares["good"] > 0.8
    assert trial.candidates[0].name == MIXTURE
    assert trial.candidates[0].weight == 1
    assert trial.candidates[1].name == "good"
    singles = [c.psnr_db for c in trial.candidates[1:]]
    assert singles == sorted(singles, reverse=True)
    assert sum(c.weight for c in trial.candidates[1:]) == pytest.approx(1)


def test_figures_are_those_of_the_hidden_slices():
    oracle = Oracle("oracle", 0.02)
    trial = tried([*classical_fillers(), oracle])
    candidate = next(c for c in trial.candidates if c.name == "oracle")
    truth, estimates = [], []
    for stack, targets in tuple(oracle.shown):
        truth.append(stack.planes[list(targets)])
        estimates.append(oracle.fill(stack, targets))
    truth, estimates = np.concatenate(truth), np.concatenate(estimates)
    assert candidate.psnr_db == pytest.approx(psnr(estimates, truth, 1.0), abs=0.01)
    likeness = np.mean([ssim(e, t, 1.0) for e, t in zip(estimates, truth, strict=True)])
    assert candidate.ssim == pytest.approx(likeness, abs=1e-4)


def test_nothing_to_hide_leaves_the_prior_and_no_scores():
    scan = make_holes(make_scan(3), [1])
    fillers = classical_fillers()
    trial = tried(fillers, scan=scan)
    assert trial.scores == ()
    assert trial.candidates == ()
    np.testing.assert_array_equal(trial.weights, np.eye(len(fillers))[-1])


def test_a_gap_too_wide_to_try_takes_the_weights_of_the_widest_that_can_be():
    scan = make_holes(make_scan(14), range(3, 11))  # three slices on either side of eight
    fillers = classical_fillers()
    wide = tried(fillers, GapKind(8, False), scan)
    assert wide.scores == ()
    narrow = tried(fillers, GapKind(4, False), scan)
    np.testing.assert_array_equal(wide.weights, narrow.weights)


def test_signs_are_those_of_the_mixture_beside_the_rims_of_its_hole():
    only = Oracle("linear", 0.02)  # alone, it is the mixture
    trial = tried([only], GapKind(3, False))
    planes = physical_planes(make_holes(make_scan(), [11]))
    expected = [
        Rims.of(stack, target).signs(made)
        for stack, targets in tuple(only.shown)
        for target, made in zip(targets, only.fill(stack, targets), strict=True)
    ]
    assert [score.signs for score in trial.scores] == expected
    for score in trial.scores:
        assert score.signs.place == pytest.approx(score.position / (len(planes) - 1))
        assert 0 < score.signs.fraction < 1
        assert score.signs.rims.mse > 0
