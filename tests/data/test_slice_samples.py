"""Training samples: repeatable by number, of one size, and made of what was really there."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.slice_samples import DamageSettings, SliceSampler, Volume
from medgan.errors import DataError
from medgan.interpolation import K
from medgan.interpolation.flow import morph

PLAIN = DamageSettings(
    slab_share=0, smooth_share=0, zoom_share=0, invert_share=0, crop=(16, 24), window=32
)


def ramp_volume(shape: tuple[int, int, int] = (30, 34, 26), group: str = "a") -> Volume:
    """Grows linearly along every axis, with a little texture so that crops are not flat."""
    i, j, k = np.mgrid[0 : shape[0], 0 : shape[1], 0 : shape[2]]
    values = (0.01 * i + 0.02 * j + 0.004 * k + 0.05 * np.sin(i * j / 9)).astype(np.float32)
    return Volume(values, (1.0, 1.0, 2.0), (2,), group)


@pytest.mark.parametrize("settings", [PLAIN, DamageSettings()])
def test_the_same_number_gives_the_same_sample_in_any_order(settings: DamageSettings) -> None:
    settings = settings.model_copy(update={"pool": 8, "reuse": 2})
    sampler, back = (
        SliceSampler([ramp_volume(), ramp_volume(group="b")], settings, 3) for _ in range(2)
    )
    again = {number: back(number) for number in reversed(range(40))}
    for number in range(40):
        a, b = sampler(number), again[number]
        assert np.array_equal(a.target, b.target)
        assert np.array_equal(a.arrays.neighbours, b.arrays.neighbours)
        assert a.target.shape == settings.crop
        assert a.arrays.neighbours.shape == (2 * K, *settings.crop)
        assert a.arrays.flow.shape == (2, *settings.crop)
        assert np.isfinite(a.arrays.neighbours).all()
    assert not np.array_equal(sampler(0).target, sampler(1).target)


def test_what_is_linear_along_the_stack_is_filled_exactly_by_the_kernels() -> None:
    """Ties neighbours, kernels and target together: the place of every slice must be right."""
    sampler = SliceSampler([ramp_volume()], PLAIN, 0)
    for number in range(60):
        sample = sampler(number)
        for kernel in sample.arrays.kernels:
            estimate = np.tensordot(kernel, sample.arrays.neighbours, axes=1)
            assert np.abs(estimate - sample.target).max() < 2e-4


def test_thick_and_resampled_slices_stay_on_their_lattice() -> None:
    """Means of slabs of a ramp are a ramp again, away from the ends of the volume."""
    shares = {"slab_share": 0.5, "smooth_share": 0.5}
    settings = PLAIN.model_copy(update=shares | {"gap_weights": (1.0,)})
    i, j, k = np.mgrid[0:40, 0:40, 0:200]
    values = (0.002 * k + 0.1 * np.sin(i / 3) * np.cos(j / 5)).astype(np.float32)
    sampler = SliceSampler([Volume(values, (1, 1, 1), (2,), "a")], settings, 0)
    errors = []
    for number in range(60):
        sample = sampler(number)
        t = sample.arrays.fraction
        linear = (1 - t) * sample.arrays.neighbours[K - 1] + t * sample.arrays.neighbours[K]
        errors.append(np.abs(linear - sample.target).max())
    assert np.median(errors) < 1e-4


def test_volumes_too_thin_to_take_a_slice_out_are_an_error() -> None:
    thin = Volume(np.random.default_rng(0).random((20, 20, 2), np.float32), (1, 1, 1), (2,), "a")
    with pytest.raises(DataError, match="too thin"):
        SliceSampler([thin], PLAIN, 0)(0)


def test_homes_and_others_share_the_samples_as_asked() -> None:
    bright = ramp_volume(group="b")
    bright = Volume(bright.values + 100, bright.spacing_mm, bright.axes, "b")
    sampler = SliceSampler(
        [ramp_volume(), ramp_volume(), bright],
        PLAIN.model_copy(update={"home_share": 0.7, "reuse": 1}),
        1,
    )
    share = np.mean([sampler(n).target.max() < 50 for n in range(300)])
    assert share == pytest.approx(0.7, abs=0.08)


def test_the_flow_turns_with_the_slices() -> None:
    """A pattern that moves from slice to slice: only the flow, rightly turned, tells where to."""
    i, j, k = np.mgrid[0:60, 0:60, 0:24]
    moved = np.sin((i - 2.0 * k) / 4) * np.cos((j + 1.2 * k) / 5)
    values = (0.5 + 0.4 * moved).astype(np.float32)
    settings = PLAIN.model_copy(
        update={"gap_weights": (0.0, 1.0), "regular_share": 0.0, "crop": (40, 40), "window": 60}
    )
    sampler = SliceSampler([Volume(values, (1, 1, 1), (2,), "a")], settings, 0)
    for number in range(64):
        sample = sampler(number)
        before, after = sample.arrays.neighbours[K - 1 : K + 1]
        t = float(sample.arrays.fraction)
        inner = (slice(8, -8), slice(8, -8))
        wrong = np.abs((1 - t) * before + t * after - sample.target)[inner].mean()
        right = np.abs(morph(before, after, t, sample.arrays.flow) - sample.target)[inner].mean()
        assert right < wrong / 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gap_weights", (0.0, 0.0)),
        ("gap_weights", (1.0, -0.5)),
        ("crop", (0, 48)),
        ("zoom", (2.0, 0.5)),
        ("zoom", (0.0, 1.0)),
        ("pool", 0),
        ("reuse", 0),
    ],
)
def test_what_leaves_nothing_to_learn_from_is_no_setting(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        DamageSettings.model_validate({name: value})
