"""Cases are taken apart so that their parts, put together again, are the cases."""

from __future__ import annotations

import torch

from medgan.networks.warp import finer, integrate, resize, warp
from medgan.training.case_parts import Parts, halve, smooth, take_apart
from medgan.training.registration import align

from .bent_cases import QUICK, SHAPE, ball, bent_cases


def test_the_parts_make_the_case_again() -> None:
    cases = bent_cases(3, noise=0)
    aligned = align(ball(), cases, QUICK)
    apart = take_apart(cases, aligned)
    torch.testing.assert_close(apart.field, finer(integrate(aligned.velocity), SHAPE))
    shown = aligned.template[None, :1] + resize(apart.parts.appearance, SHAPE)
    # Appearance is taken out in turns, each of them bent by itself, so that rounding is all.
    torch.testing.assert_close(
        warp(shown, apart.field) + apart.fine, cases[:, :1], atol=1e-5, rtol=0
    )
    strength = apart.fine.square().flatten(1).mean(dim=1).sqrt()
    torch.testing.assert_close(apart.parts.strength.exp(), strength)
    there_and_back = warp(warp(cases, apart.field), apart.back)
    assert (there_and_back - cases)[:, :, 4:-4, 4:-4, 4:-4].abs().mean() < 0.05


def test_smooth_appearance_is_not_left_to_the_fine_structure() -> None:
    case = ball()
    wave = torch.linspace(-0.2, 0.2, SHAPE[1])[None, :, None]
    shaded = case.clone()
    shaded[0] = (shaded[0] + wave).clamp(-1, 1)
    aligned = align(case, torch.stack([case, case]), QUICK)
    apart = take_apart(torch.stack([case, shaded]), aligned)
    assert apart.parts.appearance[0].abs().max() < 1e-3
    assert apart.fine[1].square().mean() < 0.02 * (shaded - case)[0].square().mean()


def test_every_part_has_its_share_of_variance() -> None:
    source = torch.Generator().manual_seed(0)
    parts = Parts(
        3 * torch.randn(40, 2, 4, 4, generator=source),
        0.1 * torch.randn(40, 1, 4, 4, generator=source),
        torch.randn(40, generator=source),
    )
    variances = (parts.rows() * parts.weights()).var(dim=0)
    shares = [float(part.sum()) for part in variances.split([32, 16, 1])]
    torch.testing.assert_close(torch.tensor(shares), torch.tensor([1.0, 1.0, 0.1]))


def test_means_stop_at_the_border() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert float(smooth(image)[0, 0, 0, 0]) == (0 + 1 + 4 + 5) / 4
    assert float(smooth(image)[0, 0, 1, 1]) == 5
    assert halve(image).shape == (1, 1, 2, 2)
    torch.testing.assert_close(halve(torch.ones(1, 2, 6, 8, 4)), torch.ones(1, 2, 3, 4, 2))
