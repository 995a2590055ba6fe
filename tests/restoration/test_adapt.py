"""A network adapted to one scan: honest about what it has seen, and the same for the same steps."""

import numpy as np
import pytest
import torch

from medgan.data.slice_samples import SliceSampler
from medgan.interpolation import classical_fillers
from medgan.models import Model, ModelInfo
from medgan.networks import build
from medgan.restoration import RestoreSettings, adapt, restore_scan
from medgan.restoration.adapt import AdaptedFiller, adapted, fine_tuned, with_adapted
from medgan.restoration.hide import interior_gaps, kind_of, windows
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.scale import physical_planes
from tests.restoration.phantom import make_holes, make_scan, make_stack


@pytest.fixture(scope="module")
def network():
    settings = {"widths": [8, 12, 16]}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build("slice_net", settings)
    info = ModelInfo(name="tiny", kind="restorer", architecture="slice_net", settings=settings)
    return NetFiller(Model(info, built.eval().requires_grad_(False)), averaging=1)


def adapt_to(scan, network, effort="8"):
    return adapted(network, scan, physical_planes(scan), interior_gaps(scan.present), effort)


def weights(filler):
    return torch.cat([p.flatten() for p in filler.model.network.parameters()])


HOLED = make_holes(make_scan(30), [14])


@pytest.fixture(scope="module")
def candidate(network):
    return adapt_to(HOLED, network)


def test_hidden_slices_are_filled_by_networks_that_have_not_seen_them(candidate, network):
    (gap,) = interior_gaps(HOLED.present)
    for window in windows(kind_of(gap, HOLED.present), HOLED.present, HOLED.truth):
        present = HOLED.present.copy()
        present[list(window.hidden)] = False
        chosen = candidate.chosen(present)
        (seen,) = [seen for seen, each in candidate.networks if each is chosen]
        assert not seen[list(window.hidden)].any()


def test_real_gaps_are_filled_by_the_network_that_has_seen_everything(candidate):
    seen, everything = candidate.networks[-1]
    np.testing.assert_array_equal(seen, HOLED.truth)
    assert candidate.chosen(HOLED.present) is everything


def test_where_every_network_has_seen_too_much_the_one_as_it_was_answers(candidate, network):
    present = HOLED.present.copy()
    present[3:27:2] = False
    assert candidate.chosen(present) is network


def test_the_networks_have_moved_and_the_first_one_has_not(candidate, network):
    moved = [weights(each) for _, each in candidate.networks]
    before = weights(network)
    assert all((other - before).abs().max() > 1e-5 for other in moved)
    assert not torch.equal(moved[0], moved[1])
    assert not any(p.requires_grad for p in candidate.networks[0][1].model.network.parameters())
    flow = next(f for f in classical_fillers() if f.name == "symmetric_flow")
    stack = make_stack([1, 1, 1, 0, 1, 1, 1])
    np.testing.assert_allclose(network.fill(stack, [3]), flow.fill(stack, [3]), atol=0.02)


def test_the_same_steps_give_the_same_weights(candidate, network):
    again = adapt_to(HOLED, network)
    for (_, a), (_, b) in zip(candidate.networks, again.networks, strict=True):
        torch.testing.assert_close(weights(a), weights(b), atol=0, rtol=0)


def test_it_learns_the_scan(network):
    """The loss on samples of the very scan falls: the network was untrained."""
    scan = make_holes(make_scan(30), [14, 15])
    planes = physical_planes(scan)
    volumes = adapt._volumes(scan, planes, scan.truth)
    kinds = [kind_of(gap, scan.present) for gap in interior_gaps(scan.present)]
    sampler = SliceSampler(volumes, adapt._damage(kinds, volumes), seed=0)
    batch = adapt.collate([sampler(n) for n in range(1000, 1024)])

    def error(model):
        with torch.no_grad():
            return float((model.network(batch.inputs) - batch.target).square().mean())

    assert error(fine_tuned(network.model, sampler, 40)) < 0.97 * error(network.model)


@pytest.mark.parametrize(
    "taken",
    [list(range(1, 29, 2)), [2, 4, 7, 9, 12, 14, 17, 19, 22, 24, 27]],
    ids=["thinned", "no run of slices"],
)
def test_a_scan_that_cannot_teach_its_gaps_is_left_alone(network, taken):
    scan = make_holes(make_scan(30), taken)
    fillers, told = with_adapted(
        [*classical_fillers(), network],
        scan,
        physical_planes(scan),
        interior_gaps(scan.present),
        "8",
    )
    assert fillers[-1] is network
    assert "was not adapted" in told[0]


def test_in_a_short_stack_each_network_misses_one_window_only(network):
    scan = make_holes(make_scan(25), range(10, 14))
    (gap,) = interior_gaps(scan.present)
    hidden = [set(w.hidden) for w in windows(kind_of(gap, scan.present), scan.present, scan.truth)]
    made = adapt_to(scan, network)
    *folds, _ = [set(np.flatnonzero(scan.truth & ~seen)) for seen, _ in made.networks]
    assert len(folds) > 2
    assert folds == hidden


def test_seconds_become_steps_that_are_powers_of_the_root_of_two(network, monkeypatch):
    ticks = iter([0.0, 0.3])  # three steps take 0.3 s
    monkeypatch.setattr(adapt.time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(adapt, "fine_tuned", lambda *_: None)
    # (30 - 0.4) s / (0.1 s * 3 networks) = 98 steps; 2^6.5 = 90.5 is the next lower power.
    assert adapt._steps(network.model, None, "30s", 3) == 90


def test_too_little_time_is_no_adaptation(network, monkeypatch):
    monkeypatch.setattr(adapt, "_steps", lambda *_: 5)
    assert adapt_to(HOLED, network, "1s") is None


def test_the_training_gap_fits_the_shortest_run(network):
    scan = make_holes(make_scan(20), range(6, 14))
    volumes = adapt._volumes(scan, physical_planes(scan), scan.truth)
    flat = [type(v)(v.values, v.spacing_mm, (0,), v.group) for v in volumes]
    kinds = [kind_of(gap, scan.present) for gap in interior_gaps(scan.present)]
    assert len(adapt._damage(kinds, flat).gap_weights) == 6 - 2


def test_the_record_tells_the_steps_and_the_candidate(network):
    fillers = [*classical_fillers(), network]
    settings = RestoreSettings(adapt="8")
    _, record = restore_scan(HOLED, settings, fillers)
    assert record.model["name"] == "tiny"
    assert record.model["adapted_steps"] == "8"
    assert any("adapted to this scan in 8 steps" in note for note in record.notes)
    assert {c.name for c in record.candidates} >= {"tiny", "tiny-adapted"}
    assert not any(isinstance(f, AdaptedFiller) for f in fillers)
