"""Each alarm is raised by the failure it is named after, once, and not by a healthy run."""

from __future__ import annotations

import pytest
import torch

from medgan.training.alarms import ADVICE, Watch, variety

SURE = torch.full((8, 1), 9.0)
NONE = torch.zeros(8, 1)


def test_a_sure_discriminator_is_saturated_after_twenty_steps() -> None:
    watch = Watch()
    raised = [alarm for step in range(30) for alarm in watch.look(step, SURE, -SURE, None)]
    assert [(a.name, a.step) for a in raised] == [("saturated discriminator", 19)]
    assert raised[0].advice == ADVICE["saturated discriminator"]


def test_a_discriminator_that_says_nothing_is_dead_but_not_at_the_start() -> None:
    watch = Watch(settle_steps=100)
    early = [alarm for step in range(101) for alarm in watch.look(step, NONE, NONE, None)]
    late = [alarm for step in range(101, 200) for alarm in watch.look(step, NONE, NONE, None)]
    assert early == []
    assert [a.name for a in late] == ["dead discriminator"]


@pytest.mark.parametrize(("spread", "name"), [(0.3, "collapse"), (1.6, "runaway contrast")])
def test_variety_far_from_one_is_named(spread: float, name: str) -> None:
    watch = Watch(settle_steps=0)
    healthy = torch.randn(8, 1, generator=torch.Generator().manual_seed(0))
    raised = [a for step in (25, 50, 75) for a in watch.look(step, healthy + 1, healthy, spread)]
    assert [a.name for a in raised] == [name]


def test_an_alarm_that_passed_may_come_again() -> None:
    watch = Watch()
    for _ in range(2):
        raised = [a for step in range(20) for a in watch.look(step, SURE, -SURE, None)]
        assert len(raised) == 1
        watch.look(20, NONE + 1, NONE, None)


def test_variety_is_the_ratio_of_spreads_in_any_dimension() -> None:
    source = torch.Generator().manual_seed(0)
    for shape in ((64, 1, 8, 8), (64, 1, 4, 4, 4)):
        real = torch.randn(shape, generator=source)
        assert variety(0.5 * real + 3, real) == pytest.approx(0.5, abs=1e-4)
        assert variety(real[:1].expand_as(real), real) == pytest.approx(0, abs=1e-6)
