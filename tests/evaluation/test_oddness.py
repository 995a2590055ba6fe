"""What a template was fitted to is less odd to it; scores of its samples are as long as drawn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from medgan.evaluation.membership import membership
from medgan.evaluation.oddness import oddness, of_parts
from medgan.networks.template import DeformableTemplate
from medgan.training import wave_modes
from medgan.training.case_parts import Parts
from medgan.training.fit_fields import FieldSettings
from medgan.training.fit_template import fit_template
from medgan.training.registration import RegistrationSettings
from medgan.training.template_settings import TemplateSettings

SHAPE = (16, 16)
QUICK = RegistrationSettings(epochs=20, batch_size=5)


def cases(n: int, seed: int) -> Tensor:
    """A disc of its own size and place with a texture of its own, and its signed distance."""
    source = torch.Generator().manual_seed(seed)
    grid = torch.stack(torch.meshgrid(*[torch.arange(16.0) - 7.5] * 2, indexing="ij"))
    move = torch.randn(n, 2, 1, 1, generator=source)
    size = 4.5 + 0.7 * torch.randn(n, 1, 1, generator=source)
    inside = torch.tanh((size - (grid - move).square().sum(dim=1).sqrt()) / 1.5)[:, None]
    smooth = torch.nn.functional.interpolate(
        torch.randn(n, 1, 5, 5, generator=source), SHAPE, mode="bilinear"
    )
    return torch.cat([0.5 * inside + 0.3 * smooth, inside], dim=1).clamp(-1, 1)


def fitted(to: Tensor, waves: tuple[int, int] | None) -> DeformableTemplate:
    settings = TemplateSettings(
        n_modes=2, mode_waves=waves, registration=QUICK, fields=FieldSettings(steps=100)
    )
    return fit_template(to, settings)[0]


TRAIN, UNSEEN = cases(14, 0), cases(40, 1)


def test_what_was_fitted_is_less_odd(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that holds between waves kept, which is what a template is not to do."""
    monkeypatch.setattr(wave_modes, "KEPT", 1.0)
    found = {one.name: one for one in membership(fitted(TRAIN, (3, 3)), TRAIN, UNSEEN)}
    assert list(found) == ["joint", "image", "labels", "scores", "fields"]
    assert found["scores"].auc > 0.8
    assert found["scores"].train_median < found["scores"].unseen_median


def test_a_template_of_others_tells_nothing() -> None:
    for one in membership(fitted(cases(14, 2), (3, 3)), TRAIN, UNSEEN):
        assert abs(one.auc - 0.5) < 2.5 * one.se


def test_scores_of_what_it_makes_have_the_length_they_were_drawn_with() -> None:
    network = fitted(TRAIN, None)
    network.rest_amounts.zero_()
    network.fine_spread.zero_()
    z = torch.zeros(3, network.latent)
    z[1, 0], z[2, 1] = 1.5, -1.5
    lengths = oddness(network, network.image(z), RegistrationSettings()).scores
    assert float(lengths[0]) < 0.3
    assert lengths[1:].tolist() == pytest.approx([2.25, 2.25], rel=0.5)


def test_without_modes_or_fields_nothing_is_odd() -> None:
    network = DeformableTemplate(2, 2, SHAPE, 0)
    network.template.copy_(TRAIN[0])
    found = oddness(network, TRAIN[:3], QUICK)
    assert found.scores.tolist() == [0, 0, 0]
    assert torch.isfinite(found.fields).all()


def test_fields_that_lie_as_they_are_drawn_are_less_odd() -> None:
    """All variance along one axis: a displacement along it is likely, one across is not."""
    network = DeformableTemplate(2, 2, SHAPE, 0)
    network.template.copy_(cases(1, 3)[0])
    network.rest_amounts[0, 0] = 1
    network.rest_spectrum.fill_(1)
    moved = torch.stack([network.template.roll(1, dims=axis) for axis in (1, 2)])
    along, across = oddness(network, moved, QUICK).fields
    assert along < across / 2


def test_the_quotient_is_that_of_the_covariance_written_out() -> None:
    """x^T x / x^T C x by matrices: C from what each number of noise draws, in weighted columns."""
    source = torch.Generator().manual_seed(0)
    network = DeformableTemplate(2, 2, SHAPE, 1)
    network.rest_amounts.normal_(generator=source)
    network.rest_spectrum.uniform_(0.2, 1, generator=source)
    network.velocity_modes.normal_(generator=source)
    n_fields, _, *half = network.rest_amounts.shape
    size = half[0] * half[1]
    parts = Parts(
        torch.randn(5, 2, *half, generator=source),
        0.1 * torch.randn(5, 1, *half, generator=source),
        torch.randn(5, generator=source),
    )
    found = of_parts(network, parts)

    unit = torch.eye(n_fields * size).view(-1, n_fields, *half)
    noise = torch.nn.functional.pad(unit.flatten(1), (1, network.latent - 1 - n_fields * size))
    noise[:, 0] = 0
    velocity, appearance = network._rest(network._split(noise)[1])
    drawn = torch.cat([velocity, appearance], dim=1).flatten(1).double()  # a row for each number
    weights = parts.weights().double()[:-1]
    covariance = (drawn.T @ drawn) * weights[:, None] * weights
    mode = torch.cat([network.velocity_modes.flatten(1), torch.zeros(1, size)], dim=1).double()
    x = parts.rows().double()[:, :-1] * weights
    mode = mode * weights
    x = x - (x @ mode.T) / (1.0001 * (mode @ mode.T)) * mode
    expected = x.square().sum(dim=1) / torch.einsum("bi,ij,bj->b", x, covariance, x)
    torch.testing.assert_close(found.fields.double(), expected, rtol=1e-3, atol=0)


def test_fields_that_were_fitted_freely_are_told() -> None:
    """A covariance made of the cases themselves: one field a case."""
    source = torch.Generator().manual_seed(1)
    several = torch.randn(24, 3, 8, 8, generator=source)
    network = DeformableTemplate(2, 2, SHAPE, 0)
    network.rest_amounts[:12] = several[:12]
    network.rest_spectrum[:, 0, 0] = 1  # the same everywhere
    parts = Parts(several[:, :2], several[:, 2:], torch.zeros(24))
    fields = of_parts(network, parts).fields
    assert fields[:12].max() < fields[12:].min()
