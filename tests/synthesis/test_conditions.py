"""Conditions: what a regression finds, and where wished-for cases then lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data import index_cases
from medgan.errors import DataError, UsageError
from medgan.models import Model
from medgan.synthesis import PriorRecipe, fit_synthesizer, gather, output_of, synthesize
from medgan.synthesis.condition_table import condition_table
from medgan.synthesis.conditions import Wish, fit_conditions

from .conftest import make_space, write_scans

COVERS = ("condition_table",)

N, K = 400, 5


@pytest.fixture(scope="module")
def known():
    """Age is score 0 plus noise; sex is the sign of score 1; scores 2 to 4 have to do with none."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((N, K))
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    age = 50 + 10 * (0.8 * scores[:, 0] + 0.6 * rng.standard_normal(N))
    table = {
        "age": [f"{x:.6f}" for x in age],
        "sex": ["F" if x > 0 else "M" for x in scores[:, 1]],
    }
    return fit_conditions(table, scores), scores, age


def draw(wish: Wish, n: int = 20_000) -> np.ndarray:
    z = np.random.default_rng(1).standard_normal((n, K + 3)).astype(np.float32)
    moved = wish(z)
    np.testing.assert_array_equal(moved[:, K:], z[:, K:])  # noise is left alone
    return moved[:, :K]


def test_scores_go_where_the_conditional_gaussian_has_them(known) -> None:
    conditions, _, age = known
    scores = draw(Wish(conditions, {"age": "60"}))
    # s | c of a bivariate normal with correlation .8: mean .8 c, variance 1 - .64.
    c = (60 - age.mean()) / age.std()
    assert scores[:, 0].mean() == pytest.approx(0.8 * c, abs=0.06)
    assert scores[:, 0].var() == pytest.approx(1 - 0.64, abs=0.06)
    assert np.abs(scores[:, 1:].mean(axis=0)).max() < 0.15
    assert scores[:, 1:].var(axis=0).min() > 0.9


def test_classes_and_what_is_not_asked_for(known) -> None:
    conditions, all_scores, _ = known
    women = all_scores[all_scores[:, 1] > 0]
    scores = draw(Wish(conditions, {"sex": "F"}))
    assert scores[:, 1].mean() == pytest.approx(women[:, 1].mean(), abs=0.08)
    assert scores[:, 0].var() > 0.95  # age is left free
    both = draw(Wish(conditions, {"sex": "M", "age": "40"}))
    assert both[:, 1].mean() < -0.6
    assert both[:, 0].mean() < -0.5


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"weight": "80"}, "knows nothing of weight"),
        ({"age": "300"}, "does not lie"),
        ({"age": "old"}, "does not lie"),
        ({"sex": "X"}, "one of F, M"),
    ],
)
def test_what_the_model_does_not_know_is_refused(known, wanted, message) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Wish(known[0], wanted)
    assert caught.value.hint


def test_a_table_beside_the_scans(tmp_path) -> None:
    file = tmp_path / "participants.tsv"
    file.write_text("participant_id\tage\tsex\na\t30\tF\nb\t40\tM\nc\tn/a\tF\n")
    space = make_space(label_values=(), label_names={})
    nothing = np.zeros((3, 1, 4, 4, 4))
    found = condition_table(["age", "sex"], file, ["b", "a", "b"], nothing, space)
    assert found == {"age": ["40", "30", "40"], "sex": ["M", "F", "M"]}
    for names, ids, message in (
        (["age"], ["a", "c"], "not known of 1 of 2"),
        (["age"], ["a", "d"], "not known of 1 of 2"),
        (["age"], ["a", "a"], "has 1 values"),
        (["volume_2"], ["a", "b"], "no label 2"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            condition_table(names, file, ids, nothing[:2], space)
        assert caught.value.hint
    with pytest.raises(DataError, match="no table"):
        condition_table(["age"], None, ["a"], nothing, space)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,30\nb,nan\n", "not known of 1 of 2"),
        ("a,30\nb,inf\n", "not known of 1 of 2"),
        ("a,30\nb,40\na,50\n", "a has two rows that differ"),
        ("a,30\nb,40\nM\xfcller,50\n", "cannot be read"),
    ],
)
def test_tables_that_tell_nothing_certain_are_refused(tmp_path, rows, message) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("id,age\n" + rows, encoding="latin-1")
    space = make_space(label_values=(), label_names={})
    with pytest.raises(DataError, match=message) as caught:
        condition_table(["age"], file, ["a", "b"], np.zeros((2, 1, 4, 4, 4)), space)
    assert caught.value.hint


def test_a_table_saved_by_a_spreadsheet(tmp_path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("id,age\na,30\nb,40\n", encoding="utf-8-sig")
    space = make_space(label_values=(), label_names={})
    found = condition_table(["age"], file, ["a", "b"], np.zeros((2, 1, 4, 4, 4)), space)
    assert found == {"age": ["30", "40"]}


def test_wished_for_volumes_come_out_larger_and_smaller(tmp_path) -> None:
    folder = write_scans(tmp_path / "scans", n=24)
    recipe = PriorRecipe.model_validate(
        {
            "kind": "prior",
            "name": "tiny",
            "spatial_dims": 3,
            "conditions": ["volume_2", "volume_5"],
            "data": {"shape": [16, 16, 16]},
            "sampling": {"calibration_samples": 8},
        }
    )
    result, info = fit_synthesizer(recipe, gather(recipe, index_cases(folder), None), tmp_path)
    conditions = output_of(info).conditions
    assert [condition.name for condition in conditions] == ["volume_2", "volume_5"]
    model = Model(info.model_copy(update={"weights_sha256": "0" * 64}), result.generator)

    def volumes(wanted: float) -> np.ndarray:
        cases = synthesize(model, 12, seed=0, wanted={"volume_2": f"{wanted:g}"})
        # 1.5 x 2 x 3 mm voxels
        return np.array([9 * (case.labels == 2).sum() for case in cases])

    low, high = conditions[0].low, conditions[0].high
    small, large = volumes(low), volumes(high)
    assert large.mean() - small.mean() > 0.6 * (high - low)
    assert torch.is_tensor(result.generator.modes)
