"""Training scans and others of one folder, told apart by hash and then by weights."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from medgan.assessment.membership import _registration, judge_membership
from medgan.cli.app import app
from medgan.cli.evaluate_membership import membership_lines
from medgan.data import index_cases
from medgan.errors import DataError, ModelError
from medgan.models import read_info, save_model
from medgan.synthesis import PriorRecipe, fit_synthesizer, gather


def write_noise(folder: Path, n: int, seed: int = 0) -> Path:
    """Scans that have nothing in common: a model of some says nothing about the others."""
    folder.mkdir()
    for case in range(n):
        values = np.random.default_rng((seed, case)).normal(500, 100, (8, 8, 8)).astype(np.int16)
        nib.save(nib.Nifti1Image(values, np.eye(4)), folder / f"p{case:02d}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A full-rank prior, which stores its scans, and the folder that it was fitted from."""
    root = tmp_path_factory.mktemp("membership")
    data = write_noise(root / "scans", 60)
    recipe = PriorRecipe(
        kind="prior", name="tiny", spatial_dims=3, data={"shape": [8, 8, 8]}, seed=1
    )
    result, info = fit_synthesizer(recipe, gather(recipe, index_cases(data), None), root)
    save_model(root / "model", result.generator, info, "card")
    return root / "model", data


def test_a_prior_that_stores_its_scans_is_found_out(stored: tuple[Path, Path]) -> None:
    report = judge_membership(str(stored[0]), stored[1], 20)
    assert (report.n_train, report.n_unseen) == (20, 9)
    assert report.worst == 1
    assert [one.name for one in report.found] == ["joint", "image"]
    assert membership_lines(report)[1].split()[:2] == ["joint", "1.00"]


def test_the_command_fails_above_what_is_asked_for(stored: tuple[Path, Path]) -> None:
    def medgan(*words: str) -> Result:
        head = ["evaluate", "membership", *map(str, stored), "--at-most", "8"]
        return CliRunner().invoke(app, [*head, *words])

    told = medgan("--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["worst"] == 1
    assert medgan("--fail-above", "0.6").exit_code == 3


def test_too_few_of_a_sort_are_refused(stored: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 scans of the folder were trained on and 1") as caught:
        judge_membership(str(stored[0]), write_noise(tmp_path / "other", 1, seed=99), 20)
    assert "held-out scans included" in caught.value.hint


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"registration": {"epochs": 7}}, 7),
        ({"template": {"registration": {"epochs": 8}}}, 8),
        ({"kind": "prior"}, None),
        ("no recipe", None),
        (None, None),
    ],
)
def test_a_template_is_aligned_as_it_was_when_it_was_fitted(
    stored: tuple[Path, Path], recipe: object, expected: int | None
) -> None:
    info = read_info(stored[0])
    found = _registration(info.model_copy(update={"training": {"recipe": recipe}}))
    assert (found and found.epochs) == expected


def test_an_alignment_that_means_nothing_is_refused(stored: tuple[Path, Path]) -> None:
    info = read_info(stored[0])
    for settings in ({"epochs": -1}, {"unknown": 1}, [1], "x"):
        training = {"recipe": {"registration": settings}}
        with pytest.raises(ModelError, match="how the template was aligned"):
            _registration(info.model_copy(update={"training": training}))
