"""Harmonic filling against harmonic functions of world position, and a direct solver."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from medgan.interpolation.harmonic import fill_harmonic, rim

SPACING = (0.7, 1.3, 4.0)


def world(shape):
    return [np.indices(shape)[a] * SPACING[a] for a in range(3)]


def blob(shape, centre, radius):
    x, y, z = np.indices(shape)
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (2 * (z - centre[2])) ** 2 < radius**2


@pytest.mark.parametrize(
    "field",
    [
        lambda x, y, z: 3 * x - 2 * y + 0.5 * z + 7,
        lambda x, y, z: x**2 - y**2,
        lambda x, y, z: 2 * x**2 - y**2 - z**2,
        lambda x, y, z: x * y * z,
    ],
)
def test_harmonic_functions_of_world_position_come_back(field):
    # Second differences of these are exact, so the discrete equation has the very same solution;
    # x^2 - y^2 would not come back if the spacing were ignored.
    shape = (20, 16, 9)
    truth = field(*world(shape))
    unknown = blob(shape, (9, 8, 4), 6)
    spoilt = np.where(unknown, 1e9, truth)
    filled = fill_harmonic(spoilt, unknown, SPACING)
    np.testing.assert_array_equal(filled[~unknown], truth[~unknown])
    np.testing.assert_allclose(filled, truth, atol=1e-4 * np.ptp(truth))


def test_conjugate_gradients_agree_with_a_direct_solver():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(9, 8, 7))
    unknown = blob(values.shape, (4, 4, 3), 4)
    places = [tuple(p) for p in np.argwhere(unknown)]
    number = {p: n for n, p in enumerate(places)}
    matrix, right = sparse.lil_array((len(places), len(places))), np.zeros(len(places))
    for place, n in number.items():
        for axis in range(3):
            for side in (-1, 1):
                other = list(place)
                other[axis] += side
                if not 0 <= other[axis] < values.shape[axis]:
                    continue
                pull = SPACING[axis] ** -2
                matrix[n, n] += pull
                if tuple(other) in number:
                    matrix[n, number[tuple(other)]] -= pull
                else:
                    right[n] += pull * values[tuple(other)]
    direct = spsolve(sparse.csr_array(matrix), right)
    np.testing.assert_allclose(fill_harmonic(values, unknown, SPACING)[unknown], direct, atol=1e-4)


def test_no_value_lies_beyond_the_rim():
    values = np.random.default_rng(0).normal(size=(12, 12, 12))
    unknown = blob(values.shape, (5, 6, 6), 5)
    filled, around = fill_harmonic(values, unknown, SPACING), values[rim(unknown)]
    assert filled[unknown].min() >= around.min() - 1e-6
    assert filled[unknown].max() <= around.max() + 1e-6


def test_borders_and_voxels_without_a_number_are_walls():
    values = np.zeros((6, 5, 5))
    values[0] = 4.0
    unknown = np.zeros(values.shape, bool)
    unknown[1:] = True
    np.testing.assert_allclose(fill_harmonic(values, unknown, SPACING), 4.0, atol=1e-4)
    values[:, 0] = np.nan
    unknown[:, 0] = False
    filled = fill_harmonic(values, unknown, SPACING)
    np.testing.assert_allclose(filled[unknown], 4.0, atol=1e-4)


def test_what_has_not_settled_is_no_result(monkeypatch):
    values = np.random.default_rng(0).normal(size=(12, 12, 12))
    monkeypatch.setattr("medgan.interpolation.harmonic.MAX_STEPS", 1)
    with pytest.raises(ArithmeticError, match="not settled after 1 steps"):
        fill_harmonic(values, blob(values.shape, (5, 6, 6), 5), SPACING)


def test_a_region_that_touches_nothing_known_is_refused():
    with pytest.raises(ValueError, match="no known voxel"):
        fill_harmonic(np.zeros((3, 3, 3)), np.ones((3, 3, 3), bool), SPACING)
