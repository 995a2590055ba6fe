"""A deformable template with parts that are set by hand."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage, stats

from medgan.networks import build
from medgan.networks.template import (
    LEAST_DETERMINANT,
    DeformableTemplate,
    along,
    coarser,
    coloured,
    shifts,
    spectrum,
)
from medgan.networks.warp import jacobian_determinants, resize

SHAPES = [(12, 16), (12, 16, 8)]


def make(shape: tuple[int, ...], n_modes: int = 3) -> DeformableTemplate:
    network = build(
        "deformable_template",
        {
            "spatial_dims": len(shape),
            "out_channels": 2,
            "shape": list(shape),
            "n_modes": n_modes,
        },
    )
    assert isinstance(network, DeformableTemplate)
    axes = [torch.linspace(-1, 1, side) for side in shape]
    r2 = torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(dim=0)
    network.template.copy_(torch.stack([0.5 - r2 / 3, torch.tanh(2 - 6 * r2)]).clamp(-1, 1))
    return network.eval()


def latents(network: DeformableTemplate, n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, network.latent, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_without_modes_and_fields_every_sample_is_the_template(shape: tuple[int, ...]) -> None:
    network = make(shape)
    samples = network(latents(network, 3))
    assert samples.shape == (3, 2, *shape)
    torch.testing.assert_close(samples, network.template.expand_as(samples))


@pytest.mark.parametrize("shape", SHAPES)
def test_scores_move_along_modes(shape: tuple[int, ...]) -> None:
    network = make(shape)
    network.appearance_modes[1] = 0.1
    network.velocity_modes[0, 0] = 0.5  # half a voxel of half the grid, everywhere
    z = torch.zeros(3, network.latent)
    z[1, 1], z[2, 0] = 2.0, 1.0
    still, bright, moved = network(z)
    torch.testing.assert_close(bright[0], still[0] + 0.2)
    torch.testing.assert_close(bright[1], still[1])
    voxels = 0.5 * (shape[0] - 1) / (coarser(shape, 2)[0] - 1)
    field = network.displace(z)[2]
    torch.testing.assert_close(field[0], torch.full(shape, voxels))
    assert 1 < voxels < 2
    expected = (2 - voxels) * still[:, 1:-1] + (voxels - 1) * still[:, 2:]
    torch.testing.assert_close(moved[:, :-2], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_wild_displacements_have_no_fold_and_labels_keep_their_topology(
    shape: tuple[int, ...],
) -> None:
    network = make(shape)
    network.velocity_modes.copy_(torch.randn(network.velocity_modes.shape) * 2)
    network.rest_amounts.fill_(network.rest_amounts.shape[0] ** -0.5)
    network.rest_spectrum.fill_(1)
    z = latents(network, 8)
    fields = network.displace(z)
    assert fields.abs().amax() > 0.5  # it does move
    assert jacobian_determinants(fields).min() >= LEAST_DETERMINANT - 1e-4
    for sample in network(z):
        label = (sample[1] > 0).numpy()
        _, n_parts = ndimage.label(label)
        _, n_outside = ndimage.label(
            ~label, structure=ndimage.generate_binary_structure(label.ndim, label.ndim)
        )
        assert (n_parts, n_outside) == (1, 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_ragged_borders_are_those_of_labels_moved_by_noise(shape: tuple[int, ...]) -> None:
    """Where labels are linear, shifts are exact, and alike for a label and its neighbour."""
    axes = torch.meshgrid(*(torch.arange(float(side)) for side in shape), indexing="ij")
    one = 0.02 * axes[0] - 0.01 * axes[1]
    noise = torch.randn(2, len(shape), *shape, generator=torch.Generator().manual_seed(1))
    moved = shifts(torch.stack([one, -one]).expand(2, -1, *shape), noise)
    torch.testing.assert_close(moved[:, 0], 0.02 * noise[:, 0] - 0.01 * noise[:, 1])
    torch.testing.assert_close(moved[:, 1], -moved[:, 0])

    network = make(shape)
    z = latents(network, 2)
    smooth = network(z)
    network.raggedness.fill_(0.2)
    ragged = network(z)
    torch.testing.assert_close(ragged[:, 0], smooth[:, 0])
    torch.testing.assert_close(network.labels(z).clamp(-1, 1), ragged[:, 1:])
    torch.testing.assert_close(network.smooth_labels(z), smooth[:, 1:])
    steep = smooth[:, 1].abs() < 0.5
    assert (ragged - smooth)[:, 1][steep].std() > 0.02
    assert not torch.equal(ragged[0, 1], ragged[1, 1])


def test_without_labels_there_is_nothing_to_roughen() -> None:
    settings = {"spatial_dims": 3, "out_channels": 1, "shape": [8, 8, 8], "n_modes": 0}
    network = build("deformable_template", settings)
    assert isinstance(network, DeformableTemplate)
    network.raggedness.fill_(0.2)
    assert network(latents(network, 1)).shape == (1, 1, 8, 8, 8)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_modes_leave_is_mixed_from_fields_part_by_part(shape: tuple[int, ...]) -> None:
    """Amounts of one field along the first axis alone; then of another in the appearance alone."""
    network = make(shape)
    network.rest_spectrum.fill_(1)
    z = latents(network, 1)
    noise = z[:, network.n_modes :][:, : network.rest_amounts[:, 0].numel()]
    noise = noise.view(1, *network.rest_amounts[:, 0].shape)
    network.rest_amounts[2, 0] = 0.1
    field = network.displace(z)
    assert field[:, 0].abs().amax() > 0.05
    assert field[:, 1:].abs().amax() == 0
    network.rest_amounts.zero_()
    network.rest_amounts[3, -1, 1] = 0.1
    assert network.displace(z).abs().amax() == 0
    _, texture = network.parts(z)
    expected = torch.zeros_like(noise[:, 3:4])
    expected[:, :, 1] = 0.1 * noise[:, 3:4, 1]
    torch.testing.assert_close(texture, resize(expected, shape))


def test_the_fine_structure_has_its_spread_spectrum_and_strength() -> None:
    network = make((32, 32, 32), n_modes=1)
    network.template.zero_()
    network.fine_spread.fill_(0.05)
    network.fine_spread[:, :16] = 0.1
    network.fine_spectrum.fill_(1)
    network.strength_modes.fill_(0.5)
    z = latents(network, 2)
    z[:, 0] = torch.tensor([0.0, 1.0])
    plain, strong = network(z)[:, 0]
    assert float(plain[:16].std()) == pytest.approx(0.1, rel=0.03)
    assert float(plain[16:].std()) == pytest.approx(0.05, rel=0.03)
    assert float(strong[16:].std()) == pytest.approx(0.05 * torch.e**0.5, rel=0.03)


def test_coloured_noise_has_the_spectrum_that_is_found_in_it() -> None:
    length = torch.fft.rfftfreq(24)[None] ** 2 + torch.fft.fftfreq(20)[:, None] ** 2
    amplitude = torch.exp(-8 * length)[None]
    noise = torch.randn(4000, 1, 20, 24, generator=torch.Generator().manual_seed(0))
    found = spectrum(coloured(noise, amplitude))
    torch.testing.assert_close(found, amplitude, rtol=0.08, atol=0)


def test_the_curve_bends_a_normal_distribution_into_another() -> None:
    steps = torch.linspace(-4, 4, 33)
    curve = torch.from_numpy(stats.laplace.ppf(stats.norm.cdf(steps))).float()
    values = along(torch.randn(20_000, generator=torch.Generator().manual_seed(0)), curve)
    assert stats.kstest(values.numpy(), stats.laplace.cdf).pvalue > 0.01
    torch.testing.assert_close(along(torch.tensor([-9.0, 9.0]), steps), torch.tensor([-4.0, 4.0]))


@pytest.mark.parametrize(
    "changes", [{"shape": [8, 8]}, {"shape": [8, 8, 2]}, {"n_modes": -1}, {"spatial_dims": 2}]
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, object]) -> None:
    good = {"spatial_dims": 3, "out_channels": 1, "shape": [8, 8, 8], "n_modes": 0}
    build("deformable_template", good)
    with pytest.raises(ValueError, match=r"sides|negative"):
        build("deformable_template", good | changes)
