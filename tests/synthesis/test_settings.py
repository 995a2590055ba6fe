"""The recipe: shipped files load, and what means nothing is refused."""

import pytest

from medgan.errors import ConfigError
from medgan.settings import find, override, parse, read_yaml, shipped_folder
from medgan.synthesis import (
    PriorRecipe,
    SynthesizeRecipe,
    TemplateGanRecipe,
    TemplateRecipe,
)

NAMES = sorted(p.stem for p in (shipped_folder("configs") / "synthesize").glob("*.yaml"))


KINDS = {"prior": PriorRecipe, "template": TemplateRecipe, "template_gan": TemplateGanRecipe}


def recipe(*assignments, name="dcgan_3d"):
    path = find(f"synthesize/{name}", "configs")
    return parse(
        KINDS.get(name, SynthesizeRecipe), override(read_yaml(path), assignments), path.name
    )


def test_there_are_recipes_in_both_dimensions():
    assert {recipe(name=name).spatial_dims for name in NAMES} == {2, 3}


@pytest.mark.parametrize("name", NAMES)
def test_shipped_recipes_say_every_number_with_a_comment(name):
    path = find(f"synthesize/{name}", "configs")
    for line in path.read_text().splitlines():
        is_field = (
            ":" in line and not line.lstrip().startswith("#") and not line.endswith((":", "}"))
        )
        assert not is_field or "#" in line, line


@pytest.mark.parametrize("name", NAMES)
def test_recipes_go_round_through_json(name):
    loaded = recipe(name=name)
    assert type(loaded).model_validate(loaded.model_dump(mode="json")) == loaded


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("data.shape=[32,32]", "data.shape has 2 sides, spatial_dims is 3"),
        ("train_parts=[train,test]", "test scans are never trained on"),
        ("generator.colour=red", "generator.colour: unknown key"),
        ("kind=restoration", "kind"),
        ("data.shape=[33,48,32]", "must be even"),
    ],
)
def test_what_means_nothing_is_refused(assignment, message):
    with pytest.raises(ConfigError, match=message):
        recipe(assignment)


@pytest.mark.parametrize("waves", ["[]", "[2,2]", "[0,2,2]", "[99,99,99]"])
def test_waves_are_a_few_along_each_axis(waves):
    for name, key in (("template", "mode_waves"), ("template_gan", "template.mode_waves")):
        with pytest.raises(ConfigError, match="mode_waves"):
            recipe(f"{key}={waves}", name=name)
