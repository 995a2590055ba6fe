"""The comparison with the prior: gains, losses and nothing, said in the same words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgan.data import index_cases
from medgan.evaluation import Figure
from medgan.synthesis import PriorRecipe, SynthesizeRecipe, fit_synthesizer, gather
from medgan.synthesis.compare import TOO_LARGE, compare_with_prior, line
from medgan.synthesis.measure import measure_output

from .conftest import write_scans

COVERS = ("measure",)


def figures(value: float, se: float = 1.0) -> dict[str, Figure]:
    return {"kid_joint": Figure("kid_joint", value, se, 0.0, None, "lower", "")}


@pytest.mark.parametrize(("own", "word"), [(10, "better"), (50, "worse"), (31, "not told apart")])
def test_a_loss_is_said_as_plainly_as_a_gain(own: float, word: str) -> None:
    said = line("linear prior", figures(own), figures(30), 8)
    assert said.startswith(f"beside the linear prior, on 8 scans held back: {word} (")
    assert said.endswith(f"kid_joint {own} +- 1 against 30 +- 1")


class Noise(nn.Module):
    """What has nothing to do with the scans."""

    latent = 8

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("nothing", torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        source = torch.Generator().manual_seed(int(1e6 * float(z[0, 0].abs())))
        return torch.rand(1, 3, 16, 16, 16, generator=source) * 2 - 1


def recipe(kind=SynthesizeRecipe, **changes):
    settings = {
        "kind": "prior" if kind is PriorRecipe else "synthesis",
        "name": "tiny",
        "spatial_dims": 3,
        "held_back": 0.4,
        "data": {"shape": [16, 16, 16]},
        "sampling": {"calibration_samples": 8},
    }
    return kind.model_validate(settings | changes)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = write_scans(tmp_path_factory.mktemp("many"), n=18)
    return gather(recipe(), index_cases(folder), None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("medgan.evaluation.figures.ENCODER_STEPS", 2)
    monkeypatch.setattr("medgan.synthesis.compare.N_DRAWN", 12)


def test_scans_are_held_back_and_known_again(material) -> None:
    assert (len(material.prepared), len(material.held_back)) == (9, 6)  # and 3 by the split
    assert material.n_held_out == 3
    kept = {np.asarray(item["image"]).tobytes() for item in material.held_back}
    assert kept.isdisjoint(np.asarray(item["image"]).tobytes() for item in material.prepared)


def test_noise_is_worse_than_the_prior(material) -> None:
    data = material.prepared, material.held_back
    output = measure_output(recipe(), material.space, data[0], Noise(), 8)
    (said,) = compare_with_prior(recipe(), output, Noise(), *data)
    assert "on 6 scans held back: worse" in said
    assert "kid_seg" in said
    assert "c2st_joint" in said


def test_nothing_is_compared_without_scans_or_of_the_prior_itself(material, tmp_path) -> None:
    output = measure_output(recipe(), material.space, material.prepared, Noise(), 8)
    (said,) = compare_with_prior(recipe(), output, Noise(), material.prepared, [])
    assert "0 scans are held back and 9 trained on, 6 of each are the least" in said
    _, info = fit_synthesizer(recipe(PriorRecipe), material, tmp_path)
    assert info.training["compared"] == []


def test_a_prior_that_would_not_fit_into_memory_costs_no_finished_training(
    material, monkeypatch
) -> None:
    output = measure_output(recipe(), material.space, material.prepared, Noise(), 8)
    n_values = len(material.prepared) * material.space.n_channels * math.prod(material.space.shape)
    monkeypatch.setattr("medgan.evaluation.prior_bar.MOST_VALUES", n_values - 1)
    data = material.prepared, material.held_back
    assert compare_with_prior(recipe(), output, Noise(), *data) == [TOO_LARGE]


def test_a_test_that_tells_training_cases_again_is_no_gain() -> None:
    def told(value: float) -> dict[str, Figure]:
        return {"c2st_joint": Figure("c2st_joint", value, 0.02, 0.5, None, "as real", "")}

    assert "worse (0 figures better, 1 worse" in line("linear prior", told(0.1), told(0.6), 30)
    assert "better (1 figures better, 0 worse" in line("linear prior", told(0.45), told(0.7), 30)
