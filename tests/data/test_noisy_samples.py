"""Samples of the denoiser: repeatable by number, of one size, the target what was there."""

from __future__ import annotations

import numpy as np

from medgan.data.noise import NoiseSettings
from medgan.data.noisy_samples import CropSettings, NoisySampler
from medgan.data.slice_samples import Volume

CROPS = CropSettings(crop=(16, 24))
PLAIN = CropSettings(crop=(16, 24), slab_share=0, zoom_share=0, invert_share=0)


def volume(shape: tuple[int, int, int] = (30, 34, 26), group: str = "a") -> Volume:
    i, j, k = np.mgrid[0 : shape[0], 0 : shape[1], 0 : shape[2]]
    values = (0.3 + 0.3 * np.sin(i / 3) * np.cos(j / 4 + k / 5)).astype(np.float32)
    return Volume(values, (1.0, 1.0, 1.0), (0, 1, 2), group)


def test_the_same_number_gives_the_same_sample() -> None:
    sampler = NoisySampler([volume(), volume((12, 9, 7), "b")], CROPS, NoiseSettings(), seed=3)
    for number in range(40):
        a, b = sampler(number), sampler(number)
        assert np.array_equal(a.slices, b.slices)
        assert np.array_equal(a.target, b.target)
        assert a.slices.shape == (5, 16, 24)
        assert a.target.shape == (16, 24)
        assert np.isfinite(a.slices).all()
    assert not np.array_equal(sampler(0).target, sampler(1).target)


def test_the_middle_slice_is_the_target_with_noise_of_the_level_that_was_asked_for() -> None:
    gaussian = NoiseSettings(level=(0.05, 0.05), rician_share=0, correlated_share=0, uneven_share=0)
    sampler = NoisySampler([volume()], PLAIN, gaussian, seed=0)
    samples = [sampler(n) for n in range(60)]
    errors = np.stack([s.slices[2] - s.target for s in samples])
    assert abs(errors.mean()) < 0.002
    assert abs(errors.std() / 0.05 - 1) < 0.03


def test_beyond_an_end_the_last_slice_is_repeated_with_its_noise() -> None:
    thin = Volume(volume().values[:, :, :3].copy(), (1.0, 1.0, 1.0), (2,), "a")
    sampler = NoisySampler([thin], PLAIN, NoiseSettings(), seed=0)
    for number in range(20):
        slices = sampler(number).slices
        assert len({plane.tobytes() for plane in slices}) <= 3
        assert np.array_equal(slices[0], slices[1]) or np.array_equal(slices[3], slices[4])
