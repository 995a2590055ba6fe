"""Placing: voxels lie where the axes say, values and labels are what the channels meant."""

import nibabel as nib
import numpy as np
import pytest

from medgan.data.signed_distance import encode
from medgan.synthesis.place import place, quantise, target_grid, turn

AXES = ["RAS", "LPS", "LAS", "PIR", "SAL", "IPR"]


@pytest.mark.parametrize("axes", AXES)
def test_grid_has_the_axes_spacing_and_centre_asked_for(axes, make_space):
    space = make_space(orientation=axes)
    grid = target_grid(space)
    assert "".join(nib.aff2axcodes(grid.affine)) == axes
    np.testing.assert_allclose(
        grid.position((np.array(grid.shape) - 1) / 2), space.centre_mm, atol=1e-9
    )
    in_ras = nib.as_closest_canonical(nib.Nifti1Image(np.zeros(grid.shape), grid.affine))
    assert in_ras.shape == space.shape
    np.testing.assert_allclose(in_ras.header.get_zooms(), space.spacing_mm)


@pytest.mark.parametrize("axes", AXES)
def test_every_voxel_lies_where_it_lay_in_ras(axes, make_space):
    space = make_space(orientation=axes)
    sample = np.random.default_rng(0).normal(size=space.shape)
    turned = turn(sample, space)
    grid = target_grid(space)
    assert turned.shape == grid.shape
    back = nib.as_closest_canonical(nib.Nifti1Image(turned, grid.affine))
    np.testing.assert_array_equal(back.get_fdata(), sample)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_2d_sample_is_a_volume_of_one_slice(axis, make_space):
    space = make_space(spatial_dims=2, shape=(8, 12), slice_axis=axis)
    sample = np.random.default_rng(0).normal(size=(8, 12))
    grid = target_grid(space)
    back = nib.as_closest_canonical(nib.Nifti1Image(turn(sample, space), grid.affine))
    np.testing.assert_array_equal(np.squeeze(back.get_fdata(), axis), sample)
    assert back.shape[axis] == 1


def test_values_and_labels_are_what_the_channels_meant(make_output):
    output = make_output(orientation="RAS")
    labels = np.zeros((8, 12, 16), np.uint8)
    labels[2:5, 3:8, 4:9] = 2
    labels[5:7, 3:8, 4:9] = 5
    image = np.random.default_rng(0).uniform(-1, 1, labels.shape)
    case = place(np.concatenate([image[None], encode(labels, [2, 5])]), output, 6, seed=1)
    assert case.id == "case_0007"
    np.testing.assert_allclose(case.image.values, 20 + (image + 1) / 2 * 880, atol=0.5001)
    np.testing.assert_array_equal(case.labels, labels)
    assert case.image.stored.dtype == np.int16
    assert case.image.synthetic.all()
    assert case.image.present.all()
    assert case.image.modality == "mr"


def test_crumbs_are_kept_where_asked(make_output):
    labels = np.zeros((8, 12, 16), np.uint8)
    labels[2:5, 3:8, 4:9] = 2
    labels[7, 11, 15] = 2
    channels = np.concatenate([np.zeros((1, *labels.shape)), encode(labels, [2, 5])])
    kept = place(channels, make_output(orientation="RAS", largest_part=False), 0, 0)
    cleaned = place(channels, make_output(orientation="RAS"), 0, 0)
    assert (kept.labels > 0).sum() == (cleaned.labels > 0).sum() + 1


def test_labels_are_divided_where_the_training_set_has_them_so(make_output):
    i, j, _ = np.indices((8, 12, 16))
    inside = (abs(i - 3.5) < 3) & (abs(j - 5.5) < 5)
    labels = np.where(inside, np.where(j + 0.5 * i > 7, 5, 2), 0).astype(np.uint8)
    channels = np.concatenate([np.zeros((1, *labels.shape)), encode(labels, [2, 5])])
    leaning = place(channels, make_output(orientation="RAS"), 0, 0).labels
    np.testing.assert_array_equal(leaning, labels)
    output = make_output(orientation="RAS", slice_cuts=[{"axis": 1, "values": (2, 5)}])
    flat = place(channels, output, 0, 0).labels
    np.testing.assert_array_equal(flat > 0, labels > 0)
    for across in flat.transpose(1, 0, 2):
        assert len(np.unique(across[across > 0])) <= 1


@pytest.mark.parametrize(
    "rows",
    [
        [{"axis": 3, "values": (2, 5)}],
        [{"axis": 1, "values": (2,)}],
        [{"axis": 1, "values": (2, 2)}],
        [{"axis": 1, "values": (2, 7)}],
        [{"axis": 1, "values": (2, 5)}, {"axis": 0, "values": (2, 5)}],
    ],
)
def test_cuts_that_mean_nothing_are_refused(make_output, rows):
    with pytest.raises(ValueError, match="slice_cuts"):
        make_output(slice_cuts=rows)


def test_without_labels(make_output):
    output = make_output(label_values=(), label_names={})
    assert place(np.zeros((1, 8, 12, 16)), output, 0, 0).labels is None


@pytest.mark.parametrize(
    "value_range", [(-1000.0, 1000.0), (20.0, 900.0), (0.0, 1.0), (1e5, 2e6), (1e6, 1e6 + 10)]
)
def test_stored_values_tell_the_range_finely(value_range):
    low, high = value_range
    values = np.linspace(low, high, 5001)
    stored, slope, intercept = quantise(values, value_range)
    assert stored.dtype == np.int16
    error = np.abs(stored * slope + intercept - values).max()
    assert error <= max(1.0, (high - low) / 4000) * 0.5001 if slope == 1 else (high - low) / 7000
    if low >= -32768 and high <= 32767 and high - low >= 200:
        assert (slope, intercept) == (1.0, 0.0)
