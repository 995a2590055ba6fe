"""A network is named where it had a share in what was filled, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from medgan.interpolation import classical_fillers
from medgan.models import Model
from medgan.restoration import expected, used_model
from medgan.restoration.adapt import AdaptedFiller
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.used_model import model_of, uncalibrated
from tests.restoration.test_net_filler import model

LINEAR = classical_fillers()[0]
TINY = {"name": "tiny", "sha256": "ab" * 32, "licence": "CC0-1.0"}


@pytest.fixture
def network():
    filler = NetFiller(model())
    info = filler.model.info.model_copy(update={"licence": "CC0-1.0", "weights_sha256": "ab" * 32})
    return replace(filler, model=Model(info, filler.model.network))


@pytest.mark.parametrize(
    ("weights", "told"),
    [([[0, 1]], TINY), ([[0.9, 0.1]], TINY), ([[1, 0]], {}), ([[1, 0], [0.5, 0.5]], TINY)],
)
def test_it_is_named_if_any_mixture_takes_from_it(network, weights, told):
    assert model_of([LINEAR, network], [np.array(each) for each in weights]) == told


def test_an_adapted_one_is_named_by_what_it_was(network):
    fillers = [LINEAR, network, AdaptedFiller(network, (), steps=90)]
    for weights, told in (
        ([0, 0, 1], TINY | {"adapted_steps": "90"}),
        ([0, 0.5, 0.5], TINY | {"adapted_steps": "90"}),
        ([0, 1, 0], TINY),
        ([1, 0, 0], {}),
    ):
        assert model_of(fillers, [np.array(weights)]) == told


@pytest.mark.parametrize("known", ["ab" * 32, "cd" * 32, ""])
def test_it_is_told_where_expected_errors_know_another_network(network, known, monkeypatch):
    table = expected.calibration().model_copy(update={"weights_sha256": known})
    monkeypatch.setattr(used_model, "calibration", lambda: table)
    basis = f"with the network of weights SHA-256 {known[:12]}" if known else "without a network"
    for share in (0, 1):  # it was tried, whatever came of that
        told = uncalibrated([LINEAR, network], [np.array([1 - share, share])])
        assert (not told) == (known == "ab" * 32)
        assert not told or f"calibrated {basis}, " in told
        assert not told or "tiny (weights SHA-256 abababababab)" in told
    told = uncalibrated([LINEAR], [np.ones(1)])
    assert (not told) == (not known)
    assert not told or "filled with no network: their ranges may hold less often" in told


def test_an_adapted_network_is_another_one_where_it_is_used(network, monkeypatch):
    table = expected.calibration().model_copy(update={"weights_sha256": "ab" * 32})
    monkeypatch.setattr(used_model, "calibration", lambda: table)
    fillers = [LINEAR, network, AdaptedFiller(network, (), steps=90)]
    assert "abababababab) adapted to it" in uncalibrated(fillers, [np.array([0, 0.5, 0.5])])
    assert uncalibrated(fillers, [np.array([0.5, 0.5, 0])]) == ""
