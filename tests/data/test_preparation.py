"""Preparation: a field of world position arrives where it should, whatever the voxel axes."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch

from medgan.data import index_cases
from medgan.data.preparation import prepared
from medgan.data.signed_distance import decode
from medgan.data.space import PrepareSettings, shared_space
from medgan.data.survey import survey
from medgan.errors import DataError

COVERS = ("space", "survey")

CENTRE = np.array([5.0, -3.0, 12.0])
SPACING = {"R": 2.0, "A": 1.0, "S": 1.5}
SIDES = {"R": 12, "A": 20, "S": 14}
WORLD = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
NAME = {0: "R", 1: "A", 2: "S"}


def affine_for(axes, spacing=SPACING):
    """Voxel axes such as LPS around one centre, and the shape."""
    affine, shape = np.eye(4), []
    affine[:3, :3] = 0
    for column, letter in enumerate(axes):
        name = NAME[WORLD[letter]]
        affine[WORLD[letter], column] = spacing[name] * (1 if letter in "RAS" else -1)
        shape.append(round(SIDES[name] * SPACING[name] / spacing[name]))
    affine[:3, 3] = CENTRE - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine, tuple(shape)


def world(affine, shape):
    return np.einsum("ab,b...->a...", affine[:3, :3], np.indices(shape)) + affine[:3, 3].reshape(
        3, 1, 1, 1
    )


def field(position):
    """A value at every place in the world, the same whatever the voxels are."""
    x, y, z = position
    return 500 + 3 * x + 5 * y + 7 * z + 40 * np.sin(x / 3) * np.cos(y / 4)


def ball(position):
    x, y, z = position - CENTRE.reshape(3, 1, 1, 1)
    radius = np.sqrt(x**2 + y**2 + z**2)
    return np.where(radius < 6, np.where(y > 0, 7, 3), 0).astype(np.uint8)


def write_case(folder, name, axes, spacing=SPACING, scale=1.0, dtype=np.float32):
    affine, shape = affine_for(axes, spacing)
    position = world(affine, shape)
    for sub, values in (("images", field(position) * scale), ("labels", ball(position))):
        path = folder / sub / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        values = values.astype(dtype if sub == "images" else np.uint8)
        nib.save(nib.Nifti1Image(values, affine), path)


def prepare(folder, settings, spatial_dims=3, cache=None):
    cases = index_cases(folder).pairs
    looks = survey(cases).looks
    space = shared_space(settings, [looks[case.id] for case in cases], spatial_dims)
    return space, prepared(cases, looks, space, cache)


AXES = ["RAS", "LPS", "LAS", "PIR", "SAL"]


def test_every_orientation_gives_the_same_sample(tmp_path):
    for axes in AXES:
        write_case(tmp_path, axes, axes)
    space, dataset = prepare(tmp_path, PrepareSettings(shape=(12, 20, 14)))
    affine, shape = affine_for("RAS")
    truth = field(world(affine, shape))
    low, high = np.percentile(truth, (0.5, 99.5))
    expected = np.clip(2 * (truth - low) / (high - low) - 1, -1, 1)
    labels = ball(world(affine, shape))
    for index in range(len(AXES)):
        item = dataset[index]
        assert type(item["image"]) is torch.Tensor
        assert item["image"].dtype == torch.float32
        assert item["image"].shape == (3, 12, 20, 14)
        np.testing.assert_allclose(item["image"][0], expected, atol=2e-5)
        np.testing.assert_array_equal(decode(item["image"][1:].numpy(), [3, 7]), labels)
        np.testing.assert_allclose(item["range"], [low, high], rtol=1e-5)
    assert space.label_values == (3, 7)
    assert space.spacing_mm == (2.0, 1.0, 1.5)
    np.testing.assert_allclose(space.centre_mm, CENTRE)


def test_cropped_and_padded_at_the_centre(tmp_path):
    write_case(tmp_path, "a", "RAS")
    write_case(tmp_path, "b", "RAS")
    _, whole = prepare(tmp_path, PrepareSettings(shape=(12, 20, 14)))
    _, other = prepare(tmp_path, PrepareSettings(shape=(16, 16, 16)))
    small, large = whole[0]["image"].numpy(), other[0]["image"].numpy()
    np.testing.assert_array_equal(large[:, 2:14, :, 1:15], small[:, :, 2:18])
    # The image's border is repeated outwards, and labels stay away from it.
    np.testing.assert_array_equal(large[0, 0], large[0, 2])
    assert (large[1:, :2] < 0).all()


def test_resampled_to_one_spacing(tmp_path):
    write_case(tmp_path, "coarse", "RAS")
    write_case(tmp_path, "fine", "LPS", {"R": 1.0, "A": 1.0, "S": 1.5})
    settings = PrepareSettings(shape=(24, 20, 14), spacing_mm=(1.0, 1.0, 1.5))
    space, dataset = prepare(tmp_path, settings)
    assert space.resample
    affine, shape = affine_for("RAS", {"R": 1.0, "A": 1.0, "S": 1.5})
    truth = field(world(affine, shape))
    for item in dataset:
        low, high = item["range"].tolist()
        values = low + (item["image"][0].numpy() + 1) / 2 * (high - low)
        inside = (slice(3, -3), slice(2, -2), slice(2, -2))
        middle = np.clip(truth, low, high)[inside]
        # Linear interpolation of a wave of 19 mm at 2 mm: 40 (2 pi / 19)^2 2^2 / 8 = 2.2 at most.
        assert np.abs(values[inside] - middle).max() < 3


def test_window_is_the_same_for_all(tmp_path):
    write_case(tmp_path, "a", "RAS")
    write_case(tmp_path, "b", "RAS", scale=2)
    settings = PrepareSettings(shape=(12, 20, 14), intensity="window", window_hu=(0, 1000))
    space, dataset = prepare(tmp_path, settings)
    assert space.window == (0, 1000)
    affine, shape = affine_for("RAS")
    for item, scale in zip(dataset, (1, 2), strict=True):
        expected = np.clip(field(world(affine, shape)) * scale / 500 - 1, -1, 1)
        np.testing.assert_allclose(item["image"][0], expected, atol=1e-5)
        assert item["range"].tolist() == [0, 1000]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_for_2d(tmp_path, axis):
    write_case(tmp_path, "a", "PIR")
    write_case(tmp_path, "b", "RAS")
    sides = [12, 20, 14]
    n_slices = sides.pop(axis)
    settings = PrepareSettings(shape=tuple(sides), slice_axis=axis)
    _, dataset = prepare(tmp_path, settings, spatial_dims=2)
    _, volumes = prepare(tmp_path, PrepareSettings(shape=(12, 20, 14)))
    for item, volume in zip(dataset, volumes, strict=True):
        assert item["image"].shape == (3, n_slices, *sides)
        moved = np.moveaxis(volume["image"].numpy(), 1 + axis, 1)
        np.testing.assert_array_equal(item["image"][0], moved[0])
        labels = decode(item["image"][1:].numpy(), [3, 7])
        np.testing.assert_array_equal(labels, decode(moved[1:], [3, 7]))


def test_without_labels_there_is_one_channel(tmp_path):
    write_case(tmp_path, "a", "RAS")
    write_case(tmp_path, "b", "LPS")
    space, dataset = prepare(tmp_path / "images", PrepareSettings(shape=(12, 20, 14)))
    assert space.n_channels == 1
    assert dataset[1]["image"].shape == (1, 12, 20, 14)


def test_cache_is_found_by_content_and_mended(tmp_path):
    (tmp_path / "one").mkdir()
    write_case(tmp_path / "one", "a", "RAS")
    cache = tmp_path / "cache"
    settings = PrepareSettings(shape=(12, 20, 14))
    _, dataset = prepare(tmp_path / "one", settings, cache=cache)
    first = dataset[0]["image"].clone()
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns

    (tmp_path / "one").rename(tmp_path / "moved")
    (tmp_path / "moved/images/a.nii.gz").rename(tmp_path / "moved/images/z.nii.gz")
    (tmp_path / "moved/labels/a.nii.gz").rename(tmp_path / "moved/labels/z.nii.gz")
    _, dataset = prepare(tmp_path / "moved", settings, cache=cache)
    assert torch.equal(dataset[0]["image"], first)
    assert [f.stat().st_mtime_ns for f in cache.iterdir()] == [written]

    file.write_bytes(file.read_bytes()[:1000])  # killed in the middle
    _, dataset = prepare(tmp_path / "moved", settings, cache=cache)
    assert torch.equal(dataset[0]["image"], first)
    assert torch.equal(dataset[0]["image"], first)

    _, dataset = prepare(tmp_path / "moved", PrepareSettings(shape=(8, 8, 8)), cache=cache)
    assert dataset[0]["image"].shape == (3, 8, 8, 8)
    assert len(list(cache.iterdir())) == 2


def test_unfit_cases_are_named(tmp_path):
    write_case(tmp_path, "good", "RAS")
    write_case(tmp_path, "shifted", "RAS")
    write_case(tmp_path, "other", "RAS")
    label = nib.load(tmp_path / "labels/shifted.nii.gz")
    moved = label.affine.copy()
    moved[0, 3] += 1
    nib.save(nib.Nifti1Image(label.get_fdata().astype(np.uint8), moved), label.get_filename())
    smaller = nib.load(tmp_path / "labels/other.nii.gz").slicer[:-1]
    nib.save(smaller, tmp_path / "labels/other.nii.gz")
    seen = survey(index_cases(tmp_path).pairs)
    assert list(seen.looks) == ["good"]
    reasons = {one.path: one.reason for one in seen.unfit}
    assert "1.00 mm away" in reasons["shifted"]
    assert "voxels" in reasons["other"]


def test_too_many_classes_are_refused(tmp_path):
    write_case(tmp_path, "a", "RAS")
    label = nib.load(tmp_path / "labels/a.nii.gz")
    values = np.zeros(label.shape, np.uint8)
    values[:9, :9, :9] = np.arange(9).repeat(81).reshape(9, 9, 9)
    nib.save(nib.Nifti1Image(values, label.affine), label.get_filename())
    with pytest.raises(DataError, match="8 label classes") as caught:
        prepare(tmp_path, PrepareSettings(shape=(12, 20, 14)))
    assert "label_values" in caught.value.hint
    settings = PrepareSettings(shape=(12, 20, 14), label_values=(1, 2), label_names={1: "core"})
    space, _ = prepare(tmp_path, settings)
    assert space.label_names == {1: "core", 2: "label_2"}
    for names in ({1: "label_2"}, {1: "background"}, {1: "core", 2: "core"}):
        alike = settings.model_copy(update={"label_names": names})
        with pytest.raises(DataError, match="two labels have one name"):
            prepare(tmp_path, alike)


def test_voxels_of_different_size_are_not_mixed(tmp_path):
    write_case(tmp_path, "a", "RAS")
    write_case(tmp_path, "b", "RAS")
    write_case(tmp_path, "fine", "LPS", {"R": 1.0, "A": 1.0, "S": 1.5})
    with pytest.raises(DataError, match="1 of 3 cases are more than 10% off") as caught:
        prepare(tmp_path, PrepareSettings(shape=(12, 20, 14)))
    assert "data.spacing_mm=median" in caught.value.hint
    space, _ = prepare(tmp_path, PrepareSettings(shape=(12, 20, 14), spacing_mm="median"))
    assert space.resample
    # Across the slices of a 2D model the step does not matter.
    prepare(tmp_path, PrepareSettings(shape=(20, 14), slice_axis=0), spatial_dims=2)


def test_modalities_are_not_mixed(tmp_path):
    write_case(tmp_path, "a", "RAS")
    write_case(tmp_path, "b", "RAS")
    cases = index_cases(tmp_path).pairs
    first, second = survey(cases).looks.values()
    with pytest.raises(DataError, match="1 of 2 cases are not ct") as caught:
        shared_space(PrepareSettings(shape=(8, 8, 8)), [replace(first, modality="ct"), second], 3)
    assert "conditions=[modality]" in caught.value.hint


def test_of_several_modalities_each_is_prepared_as_if_alone(tmp_path):
    write_case(tmp_path, "mr", "RAS")
    write_case(tmp_path, "whole numbers", "RAS")
    path = tmp_path / "images" / "whole numbers.nii.gz"
    image = nib.load(path)
    values = np.rint(image.get_fdata()).astype(np.int16) - 1200  # below -500: taken for CT
    nib.save(nib.Nifti1Image(values, image.affine), path)
    cases = index_cases(tmp_path).pairs
    looks = survey(cases).looks
    settings = PrepareSettings(shape=(12, 20, 14), window_hu=(-900, 100))
    space = shared_space(settings, list(looks.values()), 3, is_mixed=True)
    assert space.modalities == ("ct", "mr")
    assert [look.modality for look in looks.values()] == ["mr", "ct"]
    of_mr, of_ct = prepared(cases, looks, space, tmp_path / "cache")
    assert of_ct["range"].tolist() == [-900, 100]
    for case, item in zip(cases, (of_mr, of_ct), strict=True):
        alone = {case.id: looks[case.id]}
        own = shared_space(settings, list(alone.values()), 3)
        (expected,) = prepared([case], alone, own, None)
        assert torch.equal(item["image"], expected["image"])
        assert torch.equal(item["range"], expected["range"])
    one_window = settings.model_copy(update={"intensity": "window"})
    with pytest.raises(DataError, match="cannot suit all") as caught:
        shared_space(one_window, list(looks.values()), 3, is_mixed=True)
    assert "auto" in caught.value.hint


def test_no_fit_case_is_an_error():
    with pytest.raises(DataError, match="no case is fit"):
        shared_space(PrepareSettings(shape=(8, 8, 8)), [], 3)


@pytest.mark.parametrize(
    "fault", [{"window_hu": (100, 0)}, {"slice_range": (0.8, 0.2)}, {"colour": "red"}]
)
def test_settings_that_mean_nothing_are_refused(fault):
    with pytest.raises(ValueError):  # noqa: PT011
        PrepareSettings(shape=(8, 8), **fault)
