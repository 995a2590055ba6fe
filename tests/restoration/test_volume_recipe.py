"""What holds for the recipes of all networks that learn from complete scans."""

from __future__ import annotations

import pytest

from medgan.errors import ConfigError
from medgan.restoration.volume_recipe import VolumeRecipe
from medgan.settings import parse
from tests.restoration.tiny_recipes import OWN, tiny


@pytest.mark.parametrize("model", OWN)
def test_test_scans_are_never_trained_on(model: type[VolumeRecipe]) -> None:
    document = tiny(model).model_dump(mode="json") | {"train_parts": ["train", "test"]}
    with pytest.raises(ConfigError, match="test scans are never trained on"):
        parse(model, document, "a recipe")
