"""Recipes of every kind are told apart by what they say they are."""

from __future__ import annotations

import pytest

from medgan.errors import ConfigError
from medgan.pipeline.recipes import KINDS, n_steps, read_recipe

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


def test_a_refined_template_takes_its_epochs_two_more_and_then_its_steps() -> None:
    settings = ["template.registration.epochs=3", "train.steps=20"]
    assert n_steps(read_recipe("synthesize/template_gan", settings)) == 25
    assert n_steps(read_recipe("synthesize/template_gan", [*settings, "refine=false"])) == 5
    assert n_steps(read_recipe("synthesize/prior")) == 1


def test_a_file_of_another_kind_is_no_recipe() -> None:
    with pytest.raises(ConfigError, match="no training recipe") as caught:
        read_recipe("splits")
    assert "configs/restore" in caught.value.hint
