"""Recipes of every kind are told apart by what they say they are."""

from __future__ import annotations

import pytest

from medgan.errors import ConfigError
from medgan.pipeline.recipes import KINDS, read_recipe, steps_of

SHIPPED = (
    "restore/slices_faithful",
    "restore/slices_thick",
    "restore/denoise",
    "synthesize/dcgan_3d",
    "synthesize/template_gan",
    "synthesize/prior",
    "synthesize/template",
)


def test_every_kind_can_be_read() -> None:
    assert sorted(read_recipe(name).kind for name in SHIPPED) == sorted(KINDS)


def test_a_refined_template_is_fitted_in_its_epochs_and_two_more_and_then_trained() -> None:
    settings = ["template.registration.epochs=3", "train.steps=20"]
    refined = steps_of(read_recipe("synthesize/template_gan", settings))
    alone = steps_of(read_recipe("synthesize/template_gan", [*settings, "refine=false"]))
    assert (list(refined.items()), alone) == ([("fit", 5), ("train", 20)], {"fit": 5})
    assert steps_of(read_recipe("synthesize/prior")) == {"fit": 1}
    assert steps_of(read_recipe("restore/slices_faithful", ["train.steps=7"])) == {"train": 7}


def test_a_file_of_another_kind_is_no_recipe() -> None:
    with pytest.raises(ConfigError, match="no training recipe") as caught:
        read_recipe("splits")
    assert "configs/restore" in caught.value.hint
