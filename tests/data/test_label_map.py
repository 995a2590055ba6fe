"""Channels to labels: decoded, divided, cleaned, in this order."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.label_map import label_map
from medgan.data.signed_distance import encode
from medgan.data.slice_cut import SliceCut

VALUES = (4, 9)
ROW = SliceCut(axis=1, values=VALUES)


@pytest.fixture
def drawn() -> np.ndarray:
    """Two halves of a box with a leaning border, and a crumb."""
    i, j = np.indices((12, 20))
    labels = np.where((i > 1) & (i < 10) & (j > 2) & (j < 17), 4, 0)
    labels[(labels > 0) & (j + i // 2 > 12)] = 9
    labels[0, 19] = 4
    return labels


def test_without_anything_asked_for_it_is_what_was_encoded(drawn: np.ndarray) -> None:
    channels = encode(drawn, VALUES)
    made = label_map(channels, VALUES, (), (), largest_part=False)
    np.testing.assert_array_equal(made, drawn)


def test_crumbs_are_dropped_after_labels_are_divided(drawn: np.ndarray) -> None:
    """The crumb lies on the far side of the plane, and is no part of what it is divided into."""
    made = label_map(encode(drawn, VALUES), VALUES, (), (ROW,), largest_part=True)
    box = drawn > 0
    box[0, 19] = False
    np.testing.assert_array_equal(made > 0, box)
    assert np.unique(made[:, :9][box[:, :9]]).tolist() == [4]
    assert np.unique(made[:, 12:][box[:, 12:]]).tolist() == [9]
    for column in made.T:
        assert len(np.unique(column[column > 0])) <= 1


def test_offsets_make_a_label_larger(drawn: np.ndarray) -> None:
    channels = encode(drawn, VALUES)
    plain, raised = (
        label_map(channels, VALUES, offsets, (), largest_part=True) for offsets in ((), (0.5, 0.0))
    )
    assert (raised == 4).sum() > (plain == 4).sum()
