"""An image for a label map: the map stays, and the image goes with it."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

from medgan.data.signed_distance import decode, encode
from medgan.errors import DataError, ModelError
from medgan.networks.refined_template import RefinedTemplate
from medgan.networks.template import N_FIELDS, DeformableTemplate
from medgan.synthesis.from_labels import (
    check_can_be_bent,
    find_label_maps,
    given_labels,
    image_of_labels,
)

from .conftest import make_model, make_space

SHAPE = (16, 16, 16)


def ball(radius: float, shift: float = 0.0) -> np.ndarray:
    i, j, k = (axis - 7.5 for axis in np.indices(SHAPE))
    return (((i - shift) ** 2 + j**2 + k**2) < radius**2).astype(np.uint8)


def fill(template: DeformableTemplate) -> None:
    """A bright ball on dark ground that may grow along one mode and be bent by smooth noise."""
    channels = encode(ball(4.5), (1,))
    template.template.copy_(torch.from_numpy(np.concatenate([0.8 * channels, channels])))
    axes = [torch.linspace(-1, 1, side // 2) for side in SHAPE]
    template.velocity_modes[0] = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    waves = [torch.fft.fftfreq(8).abs(), torch.fft.fftfreq(8).abs(), torch.fft.rfftfreq(8)]
    length = sum(g**2 for g in torch.meshgrid(*waves, indexing="ij"))
    template.rest_amounts[:3, :3] = 0.5 * torch.eye(3).view(3, 3, 1, 1, 1)
    template.rest_spectrum.copy_((2.5 * torch.exp(-60 * length)).expand(N_FIELDS, 8, 8, 5))
    template.fine_spread.fill_(0.05)
    template.fine_spectrum.fill_(1)


def make(kind: type) -> torch.nn.Module:
    network = kind(3, 2, SHAPE, 1)
    fill(network.template if kind is RefinedTemplate else network)
    return network.eval().requires_grad_(False)


def latent(network: torch.nn.Module, seed: int) -> torch.Tensor:
    return torch.randn(1, network.latent, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", [DeformableTemplate, RefinedTemplate])
def test_labels_stay_and_the_image_follows(kind: type) -> None:
    network, wanted = make(kind), ball(5.5, shift=1.0)
    channels = encode(wanted, (1,))
    first, second = (image_of_labels(network, channels, latent(network, s)) for s in (0, 1))
    for sample in (first, second):
        np.testing.assert_array_equal(sample[1:], channels)
        np.testing.assert_array_equal(decode(sample[1:], (1,)), wanted)
        bright = sample[0] > 0
        assert 2 * (bright & (wanted > 0)).sum() / (bright.sum() + wanted.sum()) > 0.9
    assert not np.array_equal(first[0], second[0])  # another case of the same labels


@pytest.mark.parametrize("kind", [DeformableTemplate, RefinedTemplate])
def test_images_stay_in_the_range_of_samples(kind: type) -> None:
    network = make(kind)
    template = network.template if isinstance(network, RefinedTemplate) else network
    template.fine_spread.fill_(3)
    template.fine_spectrum.fill_(1)
    sample = image_of_labels(network, encode(ball(5.5), (1,)), latent(network, 0))
    assert np.abs(sample[0]).max() == 1


def test_the_template_alone_would_not_have_followed() -> None:
    network, wanted = make(DeformableTemplate), ball(5.5, shift=1.0)
    drawn = network(latent(network, 0))[0, 0].numpy() > 0
    assert 2 * (drawn & (wanted > 0)).sum() / (drawn.sum() + wanted.sum()) < 0.85


def test_networks_without_a_template_are_refused() -> None:
    model = make_model()
    with pytest.raises(TypeError, match="only a template"):
        image_of_labels(model.network, encode(ball(4), (1,)), torch.zeros(1, 8))
    bent = model.info.model_copy(update={"architecture": "deformable_template"})
    check_can_be_bent(bent)
    with pytest.raises(ModelError, match="only a template") as caught:
        check_can_be_bent(model.info)
    assert "synthesize/template" in caught.value.hint


def test_label_maps_are_brought_onto_the_grid_of_the_model(tmp_path) -> None:
    space = make_space(shape=SHAPE, label_values=(1,), label_names={1: "ball"}, orientation="RAS")
    padded = np.pad(ball(4), ((2, 2), (0, 0), (0, 0)))
    (tmp_path / "labels").mkdir()
    image = nib.Nifti1Image(padded, np.diag([1.5, 2.0, 3.0, 1.0]))
    nib.save(image, tmp_path / "labels" / "a.nii.gz")
    (found,) = find_label_maps(tmp_path)
    given = given_labels(found, space, ["a.nii.gz"])
    np.testing.assert_array_equal(decode(given.channels, (1,)), ball(4))
    # Two voxels of 1.5 mm are cut off at the left: what is left lies where it lay.
    np.testing.assert_allclose(given.affine @ [0, 0, 0, 1], [3, 0, 0, 1])
    np.testing.assert_allclose(given.affine[:3, :3], np.diag([1.5, 2.0, 3.0]))
    assert given.sources == ("a.nii.gz",)
    assert len(given.content_hash) == 64
    small = make_space(shape=(4, 16, 16), label_values=(1,), label_names={1: "ball"})
    with pytest.raises(DataError, match="outside the grid") as caught:
        given_labels(found, small)
    assert "4 x 16 x 16" in caught.value.hint


def test_images_are_not_taken_for_label_maps(tmp_path) -> None:
    space = make_space(shape=SHAPE, label_values=(1,), label_names={1: "ball"}, orientation="RAS")
    image = 700 * ball(5).astype(int) + np.random.default_rng(0).integers(0, 60, SHAPE)
    nib.save(nib.Nifti1Image(image.astype(np.int16), np.eye(4)), tmp_path / "image.nii.gz")
    (found,) = find_label_maps(tmp_path)
    assert (image == 1).any()
    with pytest.raises(DataError, match="no label map of this model"):
        given_labels(found, space)


def test_what_resampling_would_cut_off_is_refused_too(tmp_path) -> None:
    tall = np.zeros((16, 16, 40), np.uint8)
    tall[6:10, 6:10, 2:38] = 1
    (tmp_path / "labels").mkdir()
    affine = np.diag([1.0, 1.0, 0.5, 1.0])
    affine[:3, 3] = -30, -40, -50
    nib.save(nib.Nifti1Image(tall, affine), tmp_path / "labels" / "a.nii.gz")
    (found,) = find_label_maps(tmp_path)
    fits, cuts = (
        make_space(
            shape=(16, 16, side),
            label_values=(1,),
            label_names={1: "rod"},
            orientation="RAS",
            resample=True,
            spacing_mm=(1.0, 1.0, 1.0),
        )
        for side in (20, 16)
    )
    given = given_labels(found, fits)
    assert (decode(given.channels, (1,)) > 0).sum() == 4 * 4 * 18
    np.testing.assert_allclose(given.affine[:3, 3], [-30, -40, -49.75], atol=1e-6)
    with pytest.raises(DataError, match="32 of 288 label voxels lie outside"):
        given_labels(found, cuts)


def test_a_map_without_the_labels_of_the_model_is_told_so(tmp_path) -> None:
    space = make_space(shape=SHAPE, label_values=(7,), label_names={7: "ball"}, orientation="RAS")
    (tmp_path / "labels").mkdir()
    nib.save(nib.Nifti1Image(ball(4), np.eye(4)), tmp_path / "labels" / "a.nii.gz")
    (found,) = find_label_maps(tmp_path)
    with pytest.raises(DataError, match="none of the model's labels: 7"):
        given_labels(found, space)


def test_slices_are_refused_before_anything_is_made() -> None:
    info = make_model().info
    space = info.expects["space"] | {"spatial_dims": 2, "shape": [16, 16]}
    changes = {
        "architecture": "deformable_template",
        "settings": info.settings | {"spatial_dims": 2, "shape": [16, 16]},
        "expects": info.expects | {"space": space},
    }
    bent = info.model_copy(update=changes)
    with pytest.raises(ModelError, match="single slices"):
        check_can_be_bent(bent)


def test_values_that_no_label_has_do_not_wrap_around_to_one(tmp_path) -> None:
    space = make_space(shape=SHAPE, label_values=(1,), label_names={1: "ball"}, orientation="RAS")
    given = ball(4).astype(np.int16)
    given[0, 0, :5] = 257
    (tmp_path / "labels").mkdir()
    nib.save(nib.Nifti1Image(given, np.eye(4)), tmp_path / "labels" / "a.nii.gz")
    (found,) = find_label_maps(tmp_path)
    np.testing.assert_array_equal(decode(given_labels(found, space).channels, (1,)), ball(4))
