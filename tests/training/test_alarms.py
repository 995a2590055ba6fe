"""Each alarm is raised by the failure it is named after, once, and not by a healthy run."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from medgan.training.alarms import ADVICE, KNOWN_LOOKS, Alarm, Watch, variety

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


def hold_out(watch: Watch, real: float, held_out: float, fake: float, n: int) -> list[Alarm]:
    """Show logits of the same four values at n looks."""
    logits = [torch.full((4, 1), float(value)) for value in (real, fake, held_out)]
    start = 25 * len(watch.recent.get("known", []))
    looks = range(start + 125, start + 125 + 25 * n, 25)
    return [alarm for step in looks for alarm in watch.look_at_held_out(step, *logits)]


@pytest.mark.parametrize("zero", [0.0, -40.0])
@pytest.mark.parametrize(
    ("real", "held_out", "fake", "is_raised"),
    [
        (1.0, 0.25, 0.0, True),  # r_v = 0.75
        (1.0, -1.0, 0.0, True),  # worse than fakes: 2
        (1.0, 0.5, 0.0, False),  # 0.5
        (1.0, 1.0, 0.0, False),  # 0
        (1.0, 1.5, 0.0, False),  # -0.5
        (1.0, 0.0, 2.0, False),  # fakes look better than anything: no distance to measure by
        (0.0, 0.0, 0.0, False),
    ],
)
def test_a_discriminator_that_knows_its_scans_by_heart_is_overfitted(
    real: float, held_out: float, fake: float, is_raised: bool, zero: float
) -> None:
    raised = hold_out(Watch(), zero + real, zero + held_out, zero + fake, KNOWN_LOOKS)
    assert [a.name for a in raised] == ["overfitted discriminator"] * is_raised


def test_overfitting_is_said_once_and_again_after_it_passed() -> None:
    watch = Watch()
    assert hold_out(watch, 1, 0, 0, KNOWN_LOOKS - 1) == []
    for known, n_raised in ((0.0, 1), (0.0, 0), (1.0, 0), (0.0, 1)):
        watch.recent.clear()
        assert len(hold_out(watch, 1, known, 0, KNOWN_LOOKS)) == n_raised


def test_overfitting_is_not_read_from_noise_or_from_the_start() -> None:
    watch = Watch()
    zeros, ones = torch.zeros(4, 1), torch.ones(4, 1)
    for look in range(KNOWN_LOOKS):  # differences of 5 and -3.4: mean 0.8, standard error 1.1
        held_out = ones - (5.0 if look % 2 else -3.4)
        assert watch.look_at_held_out(200 + look, ones, zeros, held_out) == []
    early = [watch.look_at_held_out(step, ones, zeros, zeros) for step in range(1, 101)]
    assert early == [[]] * 100


def penalties(values: list[float]) -> list[str]:
    watch = Watch(settle_steps=0)
    raised = [
        alarm
        for step, value in enumerate(values, start=1)
        for alarm in watch.look_at_losses(step, {"r1": value, "r2": value}, {"r1": 1, "r2": 1})
    ]
    return [str(alarm) for alarm in raised]


def test_a_penalty_above_ten_times_its_median_is_runaway_if_it_stays_there() -> None:
    assert penalties([1.0] * 20 + [11.0] * 9) == ["runaway penalty at step 23"]
    assert penalties([1.0] * 20 + [9.0] * 9) == []
    assert penalties([1.0] * 20 + [11.0, 11.0, 1.0] * 3) == []
    assert penalties([1.0] * 19 + [11.0] * 2) == []  # too few to compare with
    assert penalties([0.001] * 20 + [0.5] * 9) == []  # too small to matter
    assert penalties([1.05**k for k in range(100)]) == []  # it grows, and its median with it


def test_an_average_far_from_the_raw_generator_drifts() -> None:
    for ratio, names in ((0.7, ["drifting average"]), (1.3, ["drifting average"]), (0.9, [])):
        watch = Watch()
        raised = [a for step in (25, 50, 125, 150) for a in watch.look_at_average(step, ratio)]
        assert [a.name for a in raised] == names
        assert all(a.step == 150 for a in raised)


def test_label_volumes_off_by_more_than_five_per_cent_drift() -> None:
    for ratio, error, n_raised in (
        (0.94, 0.01, 1),
        (1.06, 0.01, 1),
        (1.04, 0.01, 0),
        (0.96, 0.01, 0),
        (1.06, 0.03, 0),  # two standard errors: chance
        (1.10, 0.03, 1),
    ):
        watch = Watch()
        figures = {"label_volume": ratio, "label_volume_se": error, "kid_rand": 1e9}
        raised = [a for k in range(5) for a in watch.look_at_validation(250 * k, figures)]
        assert [a.name for a in raised] == ["drifting labels"] * n_raised
    assert Watch().look_at_validation(250, {"kid_rand": 1e9}) == []


@pytest.mark.parametrize(
    ("figure", "healthy", "off", "name"),
    [
        ("spectrum_db", 0.99, 1.01, "drifting spectrum"),
        ("label_parts", 1.14, 1.16, "ragged labels"),
    ],
)
def test_other_drift_is_named_after_three_looks(
    figure: str, healthy: float, off: float, name: str
) -> None:
    watch = Watch()
    values = [off, off, healthy, off, off, off, off]
    raised = [watch.look_at_validation(250 * k, {figure: v}) for k, v in enumerate(values, 1)]
    assert [[a.name for a in alarms] for alarms in raised] == [[]] * 5 + [[name], []]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_named(bad: float) -> None:
    watch = Watch()
    assert watch.look_at_losses(1, {"d_loss": 1.0, "r1": 2.0}, {"r1": 1.0}) == []
    (alarm,) = watch.look_at_losses(2, {"d_loss": bad, "g_loss": 1.0, "r1": bad}, {"r1": 1.0})
    assert str(alarm) == "d_loss, r1 not finite at step 2"
    network = nn.BatchNorm1d(2)
    assert watch.look_at_weights(3, {"generator": network}) == []
    network.running_var[1] = bad
    (alarm,) = watch.look_at_weights(4, {"critic": nn.Linear(2, 2), "generator": network})
    assert str(alarm) == "weights of the generator not finite at step 4"
    assert watch.names == ["not finite", "not finite"]


def test_a_watch_taken_up_goes_on_counting() -> None:
    first, second = Watch(), Watch()
    hold_out(first, 1, 0, 0, KNOWN_LOOKS - 1)
    second.take_up(first.state())
    assert len(hold_out(second, 1, 0, 0, 1)) == 1
