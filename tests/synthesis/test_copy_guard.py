"""Copies are drawn again, counted, and the same seed still gives the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from medgan.data import index_cases
from medgan.errors import DataError, ModelError
from medgan.models import Model
from medgan.synthesis import (
    CopyGuard,
    PriorRecipe,
    export_case,
    fit_synthesizer,
    gather,
    synthesize,
    write_manifest,
)

from .conftest import write_scans

TRAIN = np.random.default_rng(0).normal(0, 0.3, (12, 8, 12, 16)).clip(-1, 1).astype(np.float32)


class Forger(nn.Module):
    """Every other sample is a training image with noise, the rest are noise."""

    latent = 8

    def __init__(self, *, only_copies: bool = False) -> None:
        super().__init__()
        self.register_buffer("stolen", torch.from_numpy(TRAIN[3]))
        self.only_copies = only_copies

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        source = torch.Generator().manual_seed(int(1e6 * float(z[0, 1].abs())))
        noise = torch.randn(3, 8, 12, 16, generator=source)
        image = 0.3 * noise[0]
        if self.only_copies or z[0, 0] > 0:
            image = self.stolen + 0.02 * noise[0]
        return torch.cat([image[None], noise[1:]])[None].clamp(-1, 1)


def test_copies_are_drawn_again_and_counted(make_model, tmp_path) -> None:
    model = Model(make_model().info, Forger())
    guard = CopyGuard(TRAIN[:, None])
    plain = list(synthesize(model, 12, seed=0))
    made, again = (list(synthesize(model, 12, seed=0, guard=guard)) for _ in range(2))
    redrawn = [case.n_rejected for case in made]
    assert 2 <= sum(count > 0 for count in redrawn) <= 10
    for one, two, first in zip(made, again, plain, strict=True):
        assert one.image.stored.tobytes() == two.image.stored.tobytes()
        is_kept = one.image.stored.tobytes() == first.image.stored.tobytes()
        assert is_kept == (one.n_rejected == 0)
    (alone,) = synthesize(model, 1, seed=0, first=5, guard=guard)
    assert alone.image.stored.tobytes() == made[5].image.stored.tobytes()

    records = [export_case(case, tmp_path, ["nifti"], model.info) for case in made]
    write_manifest(records, tmp_path, ["nifti"], model.info)
    rows = (tmp_path / "manifest.csv").read_text().splitlines()
    assert rows[0].endswith(",rejected,wanted,made_for")
    assert [int(row.split(",")[-3]) for row in rows[1:]] == redrawn


def test_a_model_that_makes_nothing_but_copies_is_given_up(make_model) -> None:
    model = Model(make_model().info, Forger(only_copies=True))
    with pytest.raises(ModelError, match="20 draws of one case were all copies") as caught:
        list(synthesize(model, 1, seed=0, guard=CopyGuard(TRAIN[:, None])))
    assert "by heart" in caught.value.hint


def test_the_guard_knows_the_scans_that_the_model_was_trained_on(scans_folder, tmp_path) -> None:
    recipe = PriorRecipe.model_validate(
        {
            "kind": "prior",
            "name": "tiny",
            "spatial_dims": 3,
            "data": {"shape": [12, 16, 12]},
            "sampling": {"calibration_samples": 8},
        }
    )
    material = gather(recipe, index_cases(scans_folder), None)
    _, info = fit_synthesizer(recipe, material, tmp_path)
    guard = CopyGuard.of_folder(scans_folder, info)
    assert len(guard.alarm.keys) == len(material.prepared) == 5
    assert guard.is_copy(np.asarray(material.prepared[2]["image"][0]))
    stranger = info.model_copy(update={"training": {"sha256": ["0" * 64]}})
    with pytest.raises(DataError, match="0 of 6 scans") as caught:
        CopyGuard.of_folder(scans_folder, stranger)
    assert "--train" in caught.value.hint
    lacking = info.training["sha256"] + ["0" * 64]
    with pytest.raises(DataError, match="1 of 6 scans that tiny was trained on are not there"):
        CopyGuard.of_folder(scans_folder, info.model_copy(update={"training": {"sha256": lacking}}))


def test_of_many_slices_none_is_left_unguarded(tmp_path) -> None:
    folder = write_scans(tmp_path / "scans", n=36, labelled=False)
    recipe = PriorRecipe.model_validate(
        {
            "kind": "prior",
            "name": "flat",
            "spatial_dims": 2,
            "data": {"shape": [12, 16], "slice_range": [0.0, 1.0]},
            "max_samples": 20,
            "sampling": {"calibration_samples": 8},
        }
    )
    material = gather(recipe, index_cases(folder), None)
    _, info = fit_synthesizer(recipe, material, tmp_path)
    guard = CopyGuard.of_folder(folder, info)
    volumes = [np.asarray(case["image"])[0] for case in material.prepared]
    assert len(guard.alarm.keys) == sum(map(len, volumes)) > 400
    assert all(guard.is_copy(plane) for plane in volumes[-1])
