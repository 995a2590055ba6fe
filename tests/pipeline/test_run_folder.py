"""What may go on in a run folder: the same training, however the work is shared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medgan.errors import ModelError, UsageError
from medgan.pipeline.run_folder import RECIPE, check_run, check_same, claimed
from medgan.settings import Settings


class Recipe(Settings):
    batch_size: int = 4
    n_workers: int = 1
    train: dict[str, int] = {"steps": 10, "save_interval": 5}  # noqa: RUF012


def start(run: Path, recipe: Recipe, n_processes: int = 1) -> None:
    with claimed(run, recipe, ["b", "a"], n_processes):
        pass


def test_it_is_written_down_what_a_run_was_started_with(tmp_path: Path) -> None:
    start(tmp_path, Recipe())
    written = json.loads((tmp_path / RECIPE).read_text())
    assert written == {"recipe": Recipe().model_dump(), "scans": ["a", "b"]}


def test_what_changes_no_weight_may_change(tmp_path: Path) -> None:
    start(tmp_path, Recipe())
    start(tmp_path, Recipe(n_workers=7, train={"steps": 10, "save_interval": 1}))


@pytest.mark.parametrize(("batch_size", "n_processes"), [(8, 1), (2, 4), (4, 2)])
def test_all_of_the_batch_counts(tmp_path: Path, batch_size: int, n_processes: int) -> None:
    start(tmp_path, Recipe(batch_size=4), 2)
    start(tmp_path, Recipe(batch_size=batch_size), n_processes)
    for recipe, n in ((Recipe(batch_size=4), 1), (Recipe(batch_size=8), 2)):
        with pytest.raises(UsageError, match="other settings: batch_size"):
            check_same(tmp_path, recipe, ["a", "b"], n)


def test_other_settings_and_scans_are_named(tmp_path: Path) -> None:
    start(tmp_path, Recipe())
    with pytest.raises(UsageError, match=r"other settings: train\.steps"):
        check_same(tmp_path, Recipe(train={"steps": 9}), ["a", "b"], 1)
    with pytest.raises(UsageError, match="other scans"):
        check_same(tmp_path, Recipe(), ["a"], 1)


def test_a_damaged_recipe_is_no_run_to_go_on_with(tmp_path: Path) -> None:
    (tmp_path / RECIPE).write_text("{")
    with pytest.raises(UsageError, match="was started with other"):
        check_same(tmp_path, Recipe(), ["a"], 1)


def test_temporaries_of_a_killed_run_go_also_from_the_cache(tmp_path: Path) -> None:
    left = [tmp_path / ".medgan-1-0a.tmp", tmp_path / "cache" / ".medgan-1-0b.tmp"]
    (tmp_path / "cache").mkdir()
    for file in left:
        file.touch()
    start(tmp_path, Recipe())
    assert not any(file.exists() for file in left)


def test_files_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "cache").mkdir(parents=True)
    check_run(run, tmp_path / "data")
    (run / "thesis.txt").touch()
    with pytest.raises(UsageError, match="no run that could be taken up"):
        check_run(run, tmp_path / "data")


@pytest.mark.parametrize("left", ["log.jsonl", "state.pt"])
def test_what_was_trained_keeps_its_recipe(tmp_path: Path, left: str) -> None:
    def refused(*names: str) -> None:
        with claimed(tmp_path, Recipe(), ["a"], 1):
            for name in names:
                (tmp_path / name).touch()
            raise ModelError("nothing to start from", hint="Name another.")

    with pytest.raises(ModelError):
        refused("cache")
    assert not (tmp_path / RECIPE).exists()
    with pytest.raises(ModelError):
        refused(left)
    assert (tmp_path / RECIPE).exists()
    (tmp_path / left).unlink()
    with pytest.raises(ModelError):
        refused()  # it was there before this start
    assert (tmp_path / RECIPE).exists()
