"""Bent tubes that a plane divides, or does not."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.slice_cut import SliceCut, cut, find_cuts

SHAPE = (20, 24, 28)


def tube(seed: int, axis: int, n_parts: int = 3, tilt: float = 0.0) -> np.ndarray:
    """A bent tube along an axis, numbered from its beginning, its cuts at places of its own."""
    rng = np.random.default_rng(seed)
    order = [axis, *(a for a in range(len(SHAPE)) if a != axis)]
    along, *across = (np.moveaxis(np.indices(SHAPE), 0, 0)[a] for a in order)
    bend = 2 * np.sin(along / 5 + rng.uniform(0, 6))
    inside = sum(
        (at - SHAPE[a] / 2 - bend) ** 2 for a, at in zip(order[1:], across, strict=True)
    ) < rng.uniform(16, 30)
    side = SHAPE[axis]
    inside &= (along > 1) & (along < side - 2)
    bounds = side * (np.arange(1, n_parts) / n_parts) + rng.uniform(-2, 2, n_parts - 1)
    leaning = along + tilt * (across[0] - SHAPE[order[1]] / 2)
    return np.where(inside, 1 + sum(leaning > bound for bound in bounds), 0).astype(np.uint8)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("numbers", [(1, 2, 3), (7, 3, 5)])
def test_rows_of_divided_labels_are_found_in_their_order(
    axis: int, numbers: tuple[int, ...]
) -> None:
    names = np.array([0, *numbers], np.uint8)
    maps = names[np.stack([tube(seed, axis) for seed in range(8)])]
    assert find_cuts(maps, sorted(numbers)) == (SliceCut(axis=axis, values=numbers),)


def test_what_a_leaning_plane_or_nothing_divides_is_left_alone() -> None:
    leaning = np.stack([tube(seed, 1, 2, tilt=0.5) for seed in range(8)])
    assert find_cuts(leaning, (1, 2)) == ()
    assert find_cuts(np.minimum(leaning, 1), (1, 2)) == ()
    assert find_cuts(np.zeros_like(leaning), (1, 2)) == ()
    assert find_cuts(leaning, ()) == ()


def test_labels_that_do_not_touch_are_no_row() -> None:
    maps = np.stack([tube(seed, 1, 3) for seed in range(8)])
    maps[maps == 2] = 0
    assert find_cuts(maps, (1, 3)) == ()


def test_rows_stand_beside_each_other_and_beside_other_labels() -> None:
    """Left and right, each divided at a place of its own, and a third thing across both."""
    maps = np.zeros((8, SHAPE[0], SHAPE[1], 2 * SHAPE[2]), np.uint8)
    for at, labels in enumerate(maps):
        labels[..., : SHAPE[2]] = np.array([0, 1, 3])[tube(at, 1, 2)]
        labels[..., SHAPE[2] :] = np.array([0, 2, 4, 6])[tube(at + 8, 1, 3)]
        labels[:3] = 5
    assert find_cuts(maps, (1, 2, 3, 4, 5, 6)) == (
        SliceCut(axis=1, values=(2, 4, 6)),
        SliceCut(axis=1, values=(1, 3)),
    )


def test_a_small_label_within_a_large_one_is_not_divided_from_it() -> None:
    rng = np.random.default_rng(0)
    place = np.indices((24, 24, 24))
    maps = np.zeros((12, 24, 24, 24), np.uint8)
    for labels in maps:
        labels[np.square(place - 12).sum(axis=0) < 100] = 1
        lesion = rng.integers(8, 16, (3, 1, 1, 1))
        labels[np.square(place - lesion).sum(axis=0) < 4] = 2
    assert (maps == 2).sum() < 0.01 * (maps == 1).sum()
    assert find_cuts(maps, (1, 2)) == ()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_divided_map_comes_back_as_it_is(axis: int) -> None:
    for seed in range(8):
        labels = tube(seed, axis)
        divided = cut(labels, SliceCut(axis=axis, values=(1, 2, 3)))
        np.testing.assert_array_equal(divided, labels)


def test_a_leaning_border_is_made_flat_and_volumes_stay() -> None:
    by = SliceCut(axis=1, values=(1, 2))
    for seed in range(8):
        labels = tube(seed, 1, 2, tilt=0.4)
        labels[0, 0, 0] = 9  # another label
        divided = cut(labels, by)
        np.testing.assert_array_equal(np.isin(divided, by.values), np.isin(labels, by.values))
        assert divided[0, 0, 0] == 9
        last, first = (np.flatnonzero((divided == v).any(axis=(0, 2))) for v in by.values)
        assert last.max() < first.min()
        largest_slice = (divided > 0).sum(axis=(0, 2)).max()
        assert abs(int((divided == 1).sum()) - int((labels == 1).sum())) <= largest_slice / 2
        assert (divided != labels).any()


def test_labels_the_other_way_round_are_not_renamed() -> None:
    labels = tube(0, 1, 2, tilt=0.4)
    np.testing.assert_array_equal(cut(labels, SliceCut(axis=1, values=(2, 1))), labels)


def test_labels_that_lie_apart_in_some_maps_are_not_divided() -> None:
    """Eight in one tube, and four side by side, where a plane would cut across both."""
    apart = np.zeros((4, *SHAPE), np.uint8)
    apart[:, 3:8, 4:20, 8:20], apart[:, 12:17, 5:21, 8:20] = 1, 2
    maps = np.concatenate([np.stack([tube(seed, 1, 2) for seed in range(8)]), apart])
    assert find_cuts(maps, (1, 2)) == ()


def test_of_two_branches_of_one_trunk_neither_is_divided_from_it() -> None:
    maps = np.zeros((6, *SHAPE), np.uint8)
    for at, labels in enumerate(maps):
        labels[8:12, : 10 + at, 8:20] = 1
        labels[2:10, 10 + at :, 8:20] = 2
        labels[11:18, 10 + at :, 8:20] = 3
    assert find_cuts(maps, (1, 2)) == (SliceCut(axis=1, values=(1, 2)),)
    assert find_cuts(maps, (1, 2, 3)) == ()


def test_a_rare_label_does_not_keep_the_others_from_being_divided() -> None:
    labels = tube(0, 1, 2, tilt=0.4)
    row, longer = SliceCut(axis=1, values=(1, 2)), SliceCut(axis=1, values=(1, 2, 3))
    np.testing.assert_array_equal(cut(labels, longer), cut(labels, row))
    assert (cut(labels, row) != labels).any()


def test_no_label_is_lost() -> None:
    by = SliceCut(axis=1, values=(1, 2))
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[1:5, 1:5, 1:5] = 2
    np.testing.assert_array_equal(cut(labels, by), labels)  # there is no 1
    labels[1, 1, 1] = 1  # less than half a slice
    np.testing.assert_array_equal(cut(labels, by), labels)
