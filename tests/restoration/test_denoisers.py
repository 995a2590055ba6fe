"""Ways to take noise away: all nearer to the truth, none moved, slab by slab as in one go."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.fidelity import psnr
from medgan.restoration import denoisers
from medgan.restoration.denoisers import classical_denoisers, in_slabs
from tests.restoration.phantom import make_stack

SIGMA = 0.08


def phantom(n=10):
    truth = np.asarray(make_stack([True] * n, (36, 40)).planes)
    noise = np.random.default_rng(0).standard_normal(truth.shape)
    return truth, (truth + SIGMA * noise).astype(np.float32)


@pytest.mark.parametrize("method", classical_denoisers()[1:], ids=lambda method: method.name)
def test_classical_methods_come_nearer_to_the_truth_and_do_not_move_it(method):
    truth, noisy = phantom()
    made = method(noisy, SIGMA)
    assert made.dtype == np.float32
    assert psnr(made, truth, 1.0) > psnr(noisy, truth, 1.0) + 3
    assert abs(float((made - noisy).mean())) < 0.01


def test_the_scan_as_it_is_is_the_first_candidate():
    _, noisy = phantom()
    first = classical_denoisers()[0]
    assert first.name == "input"
    assert np.array_equal(first(noisy, SIGMA), noisy)


def test_slab_by_slab_is_nearly_as_in_one_go(monkeypatch):
    _, noisy = phantom(40)
    method = denoisers.NonLocalMeans()
    whole = method(noisy, SIGMA)
    monkeypatch.setattr(denoisers, "SLAB_VOXELS", 12 * noisy[0].size)
    np.testing.assert_allclose(in_slabs(method, noisy, SIGMA), whole, atol=1e-3)
