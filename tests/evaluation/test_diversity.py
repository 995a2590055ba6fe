from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics.regression import MultiScaleSSIMMetric

from medgan.evaluation.diversity import SCALE_WEIGHTS, ms_ssim, pair_similarity, spread_ratio
from tests.evaluation.ellipsoids import ellipsoids


@pytest.mark.parametrize("shape", [(48, 64), (24, 26, 30)])
def test_ms_ssim_equals_monai(shape: tuple[int, ...]) -> None:
    first, second = ellipsoids(2, 3, shape).images
    n_scales = 3 if len(shape) == 2 else 2
    weights = np.array(SCALE_WEIGHTS[:n_scales])
    metric = MultiScaleSSIMMetric(
        spatial_dims=len(shape),
        data_range=2.0,
        kernel_size=11,
        kernel_sigma=1.5,
        weights=tuple(weights / weights.sum()),
    )
    expected = metric(torch.tensor(first)[None, None], torch.tensor(second)[None, None]).item()
    assert abs(ms_ssim(first, second) - expected) < 1e-3
    assert ms_ssim(first, first) == pytest.approx(1)


def test_too_small_for_the_window() -> None:
    with pytest.raises(ValueError, match="11 voxels"):
        ms_ssim(np.zeros((10, 20)), np.zeros((10, 20)))
    assert pair_similarity(np.zeros((5, 10, 20), np.float32), np.random.default_rng(0)) is None


def test_collapse_is_more_alike(rng: np.random.Generator) -> None:
    real = ellipsoids(30, 3, (24, 24)).images
    collapsed = np.repeat(real[:1], 30, axis=0)
    honest, alike = pair_similarity(real, rng), pair_similarity(collapsed, rng)
    assert honest is not None
    assert alike is not None
    assert honest.value < 0.8
    assert alike.value == pytest.approx(1)
    assert alike.se == pytest.approx(0, abs=1e-9)


def test_spread_by_hand(rng: np.random.Generator) -> None:
    real = rng.normal(0, 0.3, (40, 6, 6)).astype(np.float32)
    assert spread_ratio(real, real) == pytest.approx(1)
    assert spread_ratio(real / 2 + 0.1, real) == pytest.approx(0.5, rel=1e-4)
    assert spread_ratio(np.repeat(real[:1], 5, axis=0), real) == pytest.approx(0, abs=1e-6)
