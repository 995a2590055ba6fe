"""Gibbs ringing of a shape whose truth is known, cut in k-space."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import UsageError
from medgan.restoration import gibbs


def ringing():
    """A box of 256 pixels seen through the middle 64 x 64 of its k-space, and its true means."""
    fine = np.zeros((256, 256))
    fine[70:190, 50:170] = 1.0
    k = np.fft.fftshift(np.fft.fft2(fine))[96:160, 96:160]
    seen = np.abs(np.fft.ifft2(np.fft.ifftshift(k))) / 16
    return seen.astype(np.float32), fine.reshape(64, 4, 64, 4).mean(axis=(1, 3))


def test_ringing_is_taken_away_slice_by_slice():
    pytest.importorskip("dipy")
    seen, _ = ringing()
    planes = np.stack([seen, 2 * seen])
    made = gibbs.remove_gibbs(planes)
    flat = (slice(22, 42), slice(17, 38))  # inside the box, clear of its edges
    assert made.shape == planes.shape
    assert made[0][flat].std() < 0.5 * seen[flat].std()
    np.testing.assert_allclose(made[1], 2 * made[0], atol=1e-4)
    assert planes[0] is not made[0]


def test_without_the_library_the_way_to_get_it_is_said(monkeypatch):
    def gone(name):
        raise ImportError(name)

    monkeypatch.setattr(gibbs, "import_module", gone)
    with pytest.raises(UsageError, match="DIPY") as caught:
        gibbs.remove_gibbs(np.zeros((1, 8, 8), np.float32))
    assert "pip install" in caught.value.hint
