"""Random networks against SciPy's correlation, and against their own word."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from medgan.evaluation.random_net import CHANNELS, features_of, random_kernels


@pytest.mark.parametrize("shape", [(17, 12), (9, 12, 8)])
def test_a_layer_is_a_correlation_at_every_second_place(shape: tuple[int, ...]) -> None:
    kernel = random_kernels(5, 1, len(shape))[0]
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = features_of(torch.from_numpy(image)[None, None], [kernel])[0].numpy()
    for channel in (0, CHANNELS[0] - 1):
        weights = kernel[channel, 0].numpy()
        map_ = ndimage.correlate(image, weights, mode="constant")[
            (slice(None, None, 2),) * len(shape)
        ]
        map_ = np.where(map_ > 0, map_, 0.2 * map_)
        assert found[channel] == pytest.approx(map_.mean(), abs=1e-5)
        assert found[CHANNELS[0] + channel] == pytest.approx(map_.std(), abs=1e-5)


def test_a_number_names_a_network() -> None:
    one, same, other = (random_kernels(net, 2, 3) for net in (7, 7, 8))
    assert [len(kernel) for kernel in one] == list(CHANNELS)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])
    assert float(one[2].std()) == pytest.approx((2 / (CHANNELS[1] * 27)) ** 0.5, rel=0.02)
