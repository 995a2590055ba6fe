"""The shipped synthesizer works as it is, and holds no more than may be passed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from medgan.data.splits import part_of_hash
from medgan.models import load_model
from medgan.models.info import WEIGHTS, find_model
from medgan.synthesis import synthesize

NAME = "hippocampus-3d"


def test_cases_have_both_labels_in_one_part_each_and_the_grid_of_the_scans() -> None:
    model = load_model(find_model(NAME))
    for case in synthesize(model, 3, seed=4):
        assert case.labels is not None
        image, labels = case.image.values, case.labels
        assert image.shape == labels.shape == (32, 48, 32)
        assert np.isfinite(image).all()
        assert image.std() > 0
        np.testing.assert_allclose(np.diag(case.image.grid.affine)[:3], 1, atol=1e-6)
        assert set(np.unique(labels)) == {0, 1, 2}
        for value in (1, 2):
            assert ndimage.label(labels == value, np.ones((3, 3, 3)))[1] == 1


def test_no_test_case_was_trained_on_and_the_file_is_small() -> None:
    folder = find_model(NAME)
    parts = [part_of_hash(one) for one in load_model(folder).info.training["sha256"]]
    assert len(parts) == 140
    assert all(part is not None and part.role != "test" for part in parts)
    assert Path(folder, WEIGHTS).stat().st_size < 8e6
