"""DCGAN: declared shapes in 2D and 3D, live gradients, range, independence of the batch."""

import pytest
import torch

from medgan.networks import build
from medgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator, plan

SHAPES = [(2, (32, 32)), (2, (24, 40)), (3, (16, 24, 16)), (3, (32, 48, 32)), (3, (6, 6, 4))]


def make(spatial_dims, shape, norm="batch"):
    torch.manual_seed(0)
    generator = DCGANGenerator(spatial_dims, 3, shape, latent=16, base_channels=32, norm=norm)
    return generator, DCGANDiscriminator(spatial_dims, 3, shape, base_channels=8)


def test_plan_halves_down_to_a_seed_of_four():
    assert plan((32, 32)) == ((4, 4), 3)
    assert plan((64, 64, 64)) == ((4, 4, 4), 4)
    assert plan((32, 48, 32)) == ((4, 6, 4), 3)
    assert plan((36, 52, 36)) == ((9, 13, 9), 2)
    assert plan((6, 6)) == ((3, 3), 1)


@pytest.mark.parametrize("shape", [(33, 32), (2, 32), (31, 31)])
def test_shapes_that_cannot_be_halved_are_refused(shape):
    with pytest.raises(ValueError, match="must be even"):
        DCGANGenerator(2, 1, shape)


def test_dimension_and_shape_must_agree():
    with pytest.raises(ValueError, match="spatial_dims"):
        DCGANDiscriminator(3, 1, (32, 32))


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("spatial_dims", "shape"), SHAPES)
def test_declared_shapes_range_and_gradients(spatial_dims, shape, norm):
    generator, discriminator = make(spatial_dims, shape, norm)
    images = generator(torch.randn(4, 16))
    assert images.shape == (4, 3, *shape)
    assert images.abs().max() <= 1
    logits = discriminator(images)
    assert logits.shape == (4, 1)
    logits.square().mean().backward()
    for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("spatial_dims", "shape"), [(2, (32, 32)), (3, (16, 24, 16))])
def test_batch_of_n_is_n_batches_of_one(spatial_dims, shape, norm):
    generator, discriminator = make(spatial_dims, shape, norm)
    generator(torch.randn(8, 16))  # running statistics that are not those of the start
    generator.eval()
    z = torch.randn(3, 16)
    with torch.no_grad():
        together = generator(z)
        apart = torch.cat([generator(one[None]) for one in z])
        torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(
            discriminator(together),
            torch.cat([discriminator(one[None]) for one in apart]),
            rtol=1e-5,
            atol=1e-6,
        )


def test_classic_sizes_of_the_paper():
    """32 x 32: dense to 4 x 4 x 256, transposed convolutions to 128, 64 and the image."""
    generator = DCGANGenerator(2, 1, (32, 32))
    widths = [
        m.out_channels for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)
    ]
    assert generator.seed_shape == (256, 4, 4)
    assert widths == [128, 64, 1]
    discriminator = DCGANDiscriminator(2, 1, (32, 32))
    widths = [m.out_channels for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert widths == [64, 128, 256]


def test_weights_are_drawn_as_in_the_paper():
    generator, _ = make(3, (32, 48, 32))
    weights = generator.dense.weight
    assert abs(weights.std().item() - 0.02) < 0.001
    assert abs(weights.mean().item()) < 0.001


def test_they_are_in_the_table():
    generator = build(
        "dcgan_generator", {"spatial_dims": 2, "out_channels": 1, "shape": [16, 16], "latent": 8}
    )
    discriminator = build(
        "dcgan_discriminator", {"spatial_dims": 2, "in_channels": 1, "shape": [16, 16]}
    )
    assert discriminator(generator(torch.randn(2, 8))).shape == (2, 1)


def test_groups_divide_whatever_widths_there_are():
    for width in (16, 80, 112):
        generator = DCGANGenerator(2, 9, (32, 32), latent=4, base_channels=width, norm="group")
        assert generator(torch.zeros(2, 4)).shape == (2, 9, 32, 32)
