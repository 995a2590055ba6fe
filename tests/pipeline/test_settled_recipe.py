"""`auto` is settled once: by the doctor where a run starts, by the run where it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medgan.pipeline import training
from medgan.pipeline.machine_choice import Choice, keep
from medgan.pipeline.recipes import read_recipe
from medgan.pipeline.settled_recipe import settle


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def recipe(precision: str):
    return read_recipe("synthesize/dcgan_3d", [f"train.precision={precision}"])


def test_without_a_doctor_all_is_as_written(tmp_path: Path) -> None:
    assert settle(recipe("auto"), tmp_path / "recipe.json") == recipe("auto")


def test_the_doctor_settles_auto_and_nothing_else(tmp_path: Path) -> None:
    keep(Choice(threads=1, precision="bfloat16"))
    assert settle(recipe("auto"), tmp_path / "recipe.json") == recipe("bfloat16")
    assert settle(recipe("float32"), tmp_path / "recipe.json") == recipe("float32")
    prior = read_recipe("synthesize/prior")
    assert settle(prior, tmp_path / "recipe.json") is prior


@pytest.mark.parametrize("before", ["auto", "float32", "bfloat16"])
def test_a_run_goes_on_as_it_was_started(tmp_path: Path, before: str) -> None:
    started = tmp_path / "recipe.json"
    started.write_text(json.dumps({"recipe": recipe(before).model_dump(mode="json")}))
    keep(Choice(threads=1, precision="bfloat16"))
    assert settle(recipe("auto"), started) == recipe(before)


@pytest.mark.parametrize("text", ["", "[]", '{"recipe": {"train": {"precision": "float8"}}}'])
def test_a_spoilt_recipe_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    assert settle(recipe("auto"), tmp_path / "recipe.json") == recipe("auto")


def test_training_asks_and_the_model_says_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def stop(wanted: object, started: Path) -> object:
        asked.append((wanted, started))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "settle", stop)
    with pytest.raises(KeyboardInterrupt):
        training.train_model(recipe("auto"), tmp_path, tmp_path / "run", device="cpu")
    assert asked == [(recipe("auto"), tmp_path / "run" / "recipe.json")]
