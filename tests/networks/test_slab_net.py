"""The network for thick slices: before training its start, and always true to their means."""

from __future__ import annotations

import pytest
import torch

from medgan.networks.slab_net import SlabInputs, SlabNet


def trained(factor: int = 3) -> SlabNet:
    """A network whose last layers are no longer zero."""
    torch.manual_seed(0)
    network = SlabNet((8, 12, 16), (2, 3, 4))
    torch.nn.init.normal_(network.last[str(factor)].weight, std=0.1)
    return network.eval()


def inputs(factor: int, shape: tuple[int, int] = (24, 32)) -> SlabInputs:
    generator = torch.Generator().manual_seed(1)
    thick = torch.rand(2, 5, *shape, generator=generator)
    base = torch.rand(2, factor + 2, *shape, generator=generator)
    return SlabInputs(thick, base, torch.tensor([0.3, 0.6]))


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("shape", [(40, 48), (35, 53), (3, 64)])
def test_untrained_it_is_where_it_starts_from(factor: int, shape: tuple[int, int]) -> None:
    given = inputs(factor, shape)
    assert torch.equal(SlabNet((8, 12, 16))(given), given.base[:, 1:-1])


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_the_mean_over_a_slab_is_never_touched(factor: int) -> None:
    given = inputs(factor, (27, 41))
    with torch.no_grad():
        made = trained(factor)(given)
    start = given.base[:, 1:-1]
    assert made.shape == start.shape
    assert (made - start).abs().max() > 0.01
    torch.testing.assert_close(made.mean(dim=1), start.mean(dim=1), atol=1e-5, rtol=0)


def test_a_sample_does_not_depend_on_the_batch() -> None:
    given, network = inputs(3), trained(3)
    first = SlabInputs(*(tensor[:1] for tensor in given))
    with torch.no_grad():
        torch.testing.assert_close(network(given)[:1], network(first), atol=1e-5, rtol=1e-5)


def test_an_offset_is_no_detail() -> None:
    """Only the level feature may see it: what is learnt from differences stays the same."""
    given = inputs(2)
    network = trained(2)
    with torch.no_grad():
        network.enter["2"].weight[:, 8:12] = 0  # the level of the centre, unshuffled
        brighter = given._replace(thick=given.thick + 0.25, base=given.base + 0.25)
        torch.testing.assert_close(network(brighter), network(given) + 0.25, atol=1e-4, rtol=0)


def test_every_parameter_of_a_factor_gets_a_finite_gradient() -> None:
    network = trained(3)
    network(inputs(3, (17, 23))).square().mean().backward()
    of_others = ("enter.2", "enter.4", "last.2", "last.4")
    for name, parameter in network.named_parameters():
        if name.startswith(of_others):
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_a_factor_it_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError):
        SlabNet((8, 8, 8), (2, 4))(inputs(3))


def test_the_shipped_size_is_small() -> None:
    assert sum(p.numel() for p in SlabNet().parameters()) < 1_000_000
