"""Networks of every kind trained for two steps: what comes out, and what can be gone on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medgan.data.volumes import TrainingVolumes
from medgan.errors import ModelError
from medgan.models import load_model, save_model
from medgan.restoration import (
    DenoiserRecipe,
    RestorerRecipe,
    SlabRecipe,
    fit_denoiser,
    fit_restorer,
    fit_slabs,
)
from medgan.restoration.volume_recipe import VolumeRecipe
from tests.restoration.tiny_recipes import tiny

FITS = [
    (RestorerRecipe, fit_restorer, "restorer", "slice_net"),
    (SlabRecipe, fit_slabs, "thinner", "slab_net"),
    (DenoiserRecipe, fit_denoiser, "denoiser", "denoise_net"),
]
HARDLY = {
    "steps": 1,
    "reconstruction_weight": 1.0,
    "adversarial_weight": 0,
    "generator_lr": 1e-12,
    "ema_half_life": 0,
}
"""One step that changes no weight that can be seen."""


@pytest.mark.parametrize(("model", "fit", "kind", "architecture"), FITS)
def test_the_model_says_what_it_was_made_of_and_can_be_gone_on_from(
    model: type[VolumeRecipe],
    fit: Callable[..., Any],
    kind: str,
    architecture: str,
    material: TrainingVolumes,
    tmp_path: Path,
) -> None:
    recipe = tiny(model)
    result, info = fit(recipe, material, tmp_path / "run")
    assert result.finished
    assert (info.name, info.kind, info.architecture) == ("tiny", kind, architecture)
    assert info.licence == "CC0-1.0"
    assert info.training == {
        "recipe": recipe.model_dump(mode="json"),
        "steps": 2,
        "n_scans": 1,
        "sha256": ["ab" * 32],
    }
    save_model(tmp_path / "model", result.generator, info, "card")
    trained = result.generator.state_dict()
    loaded = load_model(tmp_path / "model").network.state_dict()
    start = str(tmp_path / "model")
    warm, _ = fit(tiny(model, warm_start=start, train=HARDLY), material, tmp_path / "warm")
    for name, weight in warm.generator.state_dict().items():
        assert torch.equal(loaded[name], trained[name])
        torch.testing.assert_close(weight, trained[name])

    wider = tiny(model, warm_start=start, generator={"widths": (8, 8, 16)})
    with pytest.raises(ModelError, match="not the one of the recipe") as caught:
        fit(wider, material, tmp_path / "other")
    assert caught.value.where == "tiny"
    assert "warm_start" in caught.value.hint
    assert not (tmp_path / "other").exists()
