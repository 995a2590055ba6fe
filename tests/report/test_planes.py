"""Truth: volumes whose value is the patient coordinate itself, in every orientation."""

import itertools

import numpy as np
import pytest

from medgan.report.planes import (
    Volume,
    centre_of_content,
    cut,
    grey,
    grey_window,
    three_views,
    upright,
)

DIRECTIONS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "I": (2, 1), "S": (2, -1)}
ORIENTATIONS = [
    "".join(letters)
    for axes in itertools.permutations(("LR", "PA", "IS"))
    for letters in itertools.product(*axes)
]


def coordinate_volume(orientation: str, coordinate: int, axis: int = 2) -> Volume:
    """Value = millimetres towards L (0), P (1) or I (2), steps of 2, 3 and 4 mm."""
    sizes, steps = (4, 5, 6), (2.0, 3.0, 4.0)
    values = np.zeros([sizes[DIRECTIONS[letter][0]] for letter in orientation], np.float32)
    spacing = [steps[DIRECTIONS[letter][0]] for letter in orientation]
    along = next(a for a, letter in enumerate(orientation) if DIRECTIONS[letter][0] == coordinate)
    line = np.arange(values.shape[along]) * DIRECTIONS[orientation[along]][1] * spacing[along]
    shape = [1, 1, 1]
    shape[along] = -1
    values += line.reshape(shape)
    made = np.zeros(values.shape[axis], np.bool_)
    made[0] = True
    return Volume.of(values, made, axis, (spacing[0], spacing[1], spacing[2]), orientation)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("coordinate", [0, 1, 2])
def test_upright_volume_points_to_left_back_and_feet(orientation: str, coordinate: int) -> None:
    raised = upright(coordinate_volume(orientation, coordinate))
    assert raised.values.shape == (4, 5, 6)
    assert raised.spacing_mm == (2.0, 3.0, 4.0)
    step = (2.0, 3.0, 4.0)[coordinate]
    assert np.all(np.diff(raised.values, axis=coordinate) == step)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_made_slice_stays_the_made_slice(orientation: str, axis: int) -> None:
    coordinate = DIRECTIONS[orientation[axis]][0]
    volume = coordinate_volume(orientation, coordinate, axis)
    raised = upright(volume)
    before = np.moveaxis(volume.values, axis, 0)[volume.synthetic]
    after = np.moveaxis(raised.values, raised.axis, 0)[raised.synthetic]
    assert np.unique(before) == np.unique(after)


def test_axial_view_has_right_at_the_left_and_anterior_at_the_top() -> None:
    towards_left = cut(upright(coordinate_volume("RAS", 0)), 2, 3)
    assert towards_left.letters == ("R", "L", "A", "P")
    assert np.all(np.diff(towards_left.plane, axis=1) > 0)
    towards_back = cut(upright(coordinate_volume("RAS", 1)), 2, 3)
    assert np.all(np.diff(towards_back.plane, axis=0) > 0)
    assert towards_back.pixel_mm == (3.0, 2.0)
    assert towards_back.name == "axial"


def test_sagittal_view_has_the_head_at_the_top() -> None:
    view = cut(upright(coordinate_volume("LPS", 2)), 0, 1)
    assert view.letters == ("A", "P", "S", "I")
    assert np.all(np.diff(view.plane, axis=0) > 0)
    assert view.pixel_mm == (4.0, 3.0)


def test_views_across_slices_know_which_way_slices_run() -> None:
    volume = upright(coordinate_volume("RAS", 0, axis=2))
    slice_itself, second, third = three_views(volume, (1, 1, 5))
    assert slice_itself.slices_run is None
    assert slice_itself.synthetic.tolist() == [True]
    assert [second.slices_run, third.slices_run] == [0, 0]
    assert second.synthetic.tolist() == [False] * 5 + [True]


def test_unknown_orientation_leaves_the_volume_as_it_is() -> None:
    volume = Volume.of(np.ones((2, 3, 4)), np.zeros(4, np.bool_), 2, (1.0, 1.0, 1.0), "ABC")
    raised = upright(volume)
    assert raised.orientation == ""
    assert raised.values is volume.values
    assert cut(raised, 2, 0).letters == ("", "", "", "")


def test_slices_without_a_number_are_not_present() -> None:
    values = np.ones((2, 3, 4))
    values[..., 1] = np.nan
    volume = Volume.of(values, np.ones(4, np.bool_), 2, (1.0, 1.0, 1.0), "LPS")
    assert volume.present.tolist() == [True, False, True, True]
    assert volume.synthetic.tolist() == [True, False, True, True]


def test_window_of_a_constant_or_empty_volume_is_usable() -> None:
    assert grey_window(np.full((3, 3), 7.0)) == (7.0, 8.0)
    assert grey_window(np.full((3, 3), np.nan)) == (0.0, 1.0)


def test_window_of_ct_leaves_air_and_padding_out() -> None:
    values = np.concatenate(
        [np.full(500, -3024.0), np.full(300, -1000.0), np.linspace(0, 100, 200)]
    )
    low, high = grey_window(values, "ct")
    assert low >= 0
    assert 99 <= high <= 100
    assert grey_window(values)[0] < -3000


def test_grey_maps_the_window_to_bytes_and_nan_to_black() -> None:
    levels = grey(np.array([[-1.0, 0.0, 0.5], [1.0, 2.0, np.nan]]), (0.0, 1.0))
    assert levels.tolist() == [[0, 0, 128], [255, 255, 0]]


def test_centre_of_content_finds_a_bright_corner() -> None:
    values = np.zeros((40, 30, 20))
    values[30:35, 4:9, :] = 1
    volume = Volume.of(values, np.zeros(20, np.bool_), 2, (1.0, 1.0, 1.0), "LPS")
    assert centre_of_content(volume, 3) == (32, 6, 3)
