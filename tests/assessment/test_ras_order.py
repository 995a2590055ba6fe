from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest

from medgan.assessment.ras_order import in_ras_order, ras_axes

ORIENTATIONS = [
    "".join(letters)
    for order in itertools.permutations(["RL", "AP", "SI"])
    for letters in itertools.product(*order)
]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_as_nibabel_turns_it(orientation: str) -> None:
    voxels = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    ornt = nib.orientations.axcodes2ornt(tuple(orientation))
    expected = nib.orientations.apply_orientation(voxels, ornt)
    assert np.array_equal(in_ras_order(voxels, orientation), expected)
    assert ras_axes(orientation) == tuple(int(np.flatnonzero(ornt[:, 0] == n)[0]) for n in range(3))
