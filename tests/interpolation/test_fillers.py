"""Every classical filler on stacks whose values are a function of position."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

from medgan.interpolation import Stack, classical_fillers

FILLERS = {filler.name: filler for filler in classical_fillers()}
UNEVEN = np.cumsum([0, 1, 1, 2, 1, 3, 1, 2, 1, 1]).astype(float)
PRESENT = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 1], dtype=bool)
TARGETS = [2, 4, 5]


def ramp():
    """A value that is linear in x, y and z."""
    y, x = np.mgrid[0:24, 0:30] / 100
    planes = (0.2 + x + y + UNEVEN[:, None, None] / 30).astype(np.float32)
    return Stack(planes, PRESENT, UNEVEN, 1.0)


def test_names_are_unique_and_linear_is_among_them():
    names = [filler.name for filler in classical_fillers()]
    assert len(set(names)) == len(names)
    assert {"nearest", "linear", "cubic", "pchip", "spline", "symmetric_flow"} <= set(names)


@pytest.mark.parametrize("name", ["linear", "cubic", "spline", "pchip"])
def test_a_ramp_at_uneven_positions_is_exact(name):
    stack = ramp()
    filled = FILLERS[name].fill(stack, TARGETS)
    np.testing.assert_allclose(filled, stack.planes[TARGETS], atol=1e-6)


@pytest.mark.parametrize("name", FILLERS)
def test_missing_planes_are_never_looked_at(name):
    stack = ramp()
    planes = stack.planes.copy()
    planes[~PRESENT] = np.nan
    blind = FILLERS[name].fill(Stack(planes, PRESENT, UNEVEN, 1.0), TARGETS)
    assert blind.dtype == np.float32
    np.testing.assert_array_equal(blind, FILLERS[name].fill(stack, TARGETS))


@pytest.mark.parametrize("name", FILLERS)
def test_two_equal_slices_enclose_the_same_again(name):
    plane = np.random.default_rng(0).random((20, 24), dtype=np.float32)
    stack = Stack(np.stack([plane] * 3), np.array([True, False, True]), np.arange(3.0), 1.0)
    np.testing.assert_allclose(FILLERS[name].fill(stack, [1])[0], plane, atol=1e-6)


def test_pchip_is_the_one_of_scipy_and_does_not_overshoot():
    planes = np.zeros((7, 8, 8), np.float32)
    planes[4:] = 1
    present = np.arange(7) != 3
    stack = Stack(planes, present, np.arange(7.0), 1.0)
    exact = PchipInterpolator([0, 1, 2, 4, 5, 6], [0, 0, 0, 1, 1, 1])(3)
    np.testing.assert_allclose(FILLERS["pchip"].fill(stack, [3]), exact, atol=1e-6)


def test_flow_follows_what_moves_where_linear_leaves_two_ghosts():
    y, x = np.mgrid[0:48, 0:48].astype(float)

    def plane(z):  # a tube that is oblique to the slices
        return np.exp(-((x - 16 - 2 * z) ** 2 + (y - 24) ** 2) / 18)

    rng = np.random.default_rng(0)
    ground = 0.2 * ndimage.gaussian_filter(rng.normal(size=(48, 48)), 2)
    planes = np.stack([plane(z) + ground for z in range(7)]).astype(np.float32)
    stack = Stack(planes, np.arange(7) != 3, np.arange(7.0), 1.0)
    error = {n: np.square(f.fill(stack, [3])[0] - planes[3]).mean() for n, f in FILLERS.items()}
    assert error["symmetric_flow"] < 0.5 * error["linear"]
