"""Conditions: what a regression finds, and where wished-for cases then lie."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import UsageError
from medgan.synthesis.conditions import Wish, fit_conditions

N, K = 400, 5


@pytest.fixture(scope="module")
def found():
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


def test_scores_go_where_the_conditional_gaussian_has_them(found) -> None:
    conditions, _, age = found
    scores = draw(Wish(conditions, {"age": "60"}))
    # s | c of a bivariate normal with correlation .8: mean .8 c, variance 1 - .64.
    c = (60 - age.mean()) / age.std()
    assert scores[:, 0].mean() == pytest.approx(0.8 * c, abs=0.06)
    assert scores[:, 0].var() == pytest.approx(1 - 0.64, abs=0.06)
    assert np.abs(scores[:, 1:].mean(axis=0)).max() < 0.15
    assert scores[:, 1:].var(axis=0).min() > 0.9


def test_classes_and_what_is_not_asked_for(found) -> None:
    conditions, all_scores, _ = found
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
def test_what_the_model_does_not_know_is_refused(found, wanted, message) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Wish(found[0], wanted)
    assert caught.value.hint


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_scores_of_a_class_have_the_mean_of_its_cases(n_classes) -> None:
    rng = np.random.default_rng(n_classes)
    kinds = rng.permutation(
        np.repeat(np.arange(n_classes), [40 + 10 * k for k in range(n_classes)])
    )
    scores = rng.standard_normal((len(kinds), K))
    scores[:, 0] += 0.9 * (kinds == 0)  # one class lies apart, the others together
    scores[:, 1] += 2 * kinds
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    conditions = fit_conditions({"kind": [f"kind {k}" for k in kinds]}, scores)
    for kind in range(n_classes):
        made = draw(Wish(conditions, {"kind": f"kind {kind}"}))
        ours = scores[kinds == kind]
        np.testing.assert_allclose(made.mean(axis=0)[:2], ours.mean(axis=0)[:2], atol=0.03)
    pooled = np.mean([scores[kinds == kind, 1].var() for kind in kinds])
    assert made[:, 1].var() == pytest.approx(pooled, rel=0.05)


@pytest.mark.parametrize("n_classes", [2, 6])
def test_a_class_that_has_to_do_with_nothing_changes_little(n_classes) -> None:
    rng = np.random.default_rng(0)
    n, k = 120, 400
    scores = rng.standard_normal((n, k))
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    kinds = [f"kind {i % n_classes}" for i in range(n)]
    (condition,) = fit_conditions({"kind": kinds}, scores)
    kept = np.array([column.with_scores for column in condition.columns]) != 0
    assert (kept.all(axis=0) | ~kept.any(axis=0)).all()
    # Two standard errors: 4.55 % of 400 modes, and the spread of such a count.
    assert kept.any(axis=0).mean() == pytest.approx(0.0455, abs=3 * np.sqrt(0.0455 / k))


def test_what_no_mode_shows_by_itself_all_may_show_together() -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((60, 20))
    scores -= scores.mean(axis=0)
    values, vectors = np.linalg.eigh(scores.T @ scores / 60)
    scores = scores @ vectors / np.sqrt(values)
    age = 50 + scores.sum(axis=1)  # a correlation of 0.22 with each: 1.7 standard errors
    (condition,) = fit_conditions({"age": [f"{x:.9f}" for x in age]}, scores)
    np.testing.assert_allclose(condition.columns[0].with_scores, 20**-0.5, atol=1e-6)
    z = rng.standard_normal((2000, 20)).astype(np.float32)
    made = Wish((condition,), {"age": "52"})(z).sum(axis=1)
    assert np.abs(50 + made - 52).max() < 0.01  # the modes say all of it
    (condition,) = fit_conditions({"age": [f"{x:.9f}" for x in rng.permutation(age)]}, scores)
    assert not all(condition.columns[0].with_scores)
