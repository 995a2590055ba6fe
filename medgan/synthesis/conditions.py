"""Virtual cases of a wanted age, sex or volume: scores of the modes, given what is known of cases.

A linear regression and nothing else: it moves the first numbers of the latent vector to where
training cases of that kind lie, and narrows them as far as the regression explains them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import chdtri, erfc, fdtrc

from medgan.errors import UsageError
from medgan.settings import Settings

SURE = 2.0
"""Standard errors that a correlation must exceed to be kept, and the like for all columns of a
class: of 40 modes and 140 cases chance alone would explain a quarter of a condition."""

TINY = 1e-9
"""Share of a condition that is never explained: rounding must not divide by zero."""

MOST_CONDITIONS, MOST_CLASSES = 8, 20

MODALITY = "modality"
"""The condition that scans tell of themselves, as CT and MR."""

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,31}$"
"""What a condition may be called, so that a command line and a table can both say it."""

Kind = Literal["number", "class"]


class Column(Settings):
    """One column of numbers, over training samples."""

    mean: float
    """Of the column."""
    spread: float = Field(gt=0)
    """Its standard deviation."""
    with_scores: tuple[float, ...]
    """Correlation with the score of each mode; 0 where chance would explain it."""
    with_columns: tuple[float, ...]
    """Correlation with every column of all conditions, in their order."""


class Condition(Settings):
    """One thing that is known of training cases, and how the modes go with it."""

    name: str = Field(pattern=NAME)
    """What it is called on the command line, e.g. `age`."""
    kind: Kind
    """number: any value within the range found. class: one of the values found."""
    low: float = 0.0
    """Smallest value found of a number."""
    high: float = 0.0
    """Largest value found of a number."""
    values: tuple[str, ...] = Field((), max_length=MOST_CLASSES)
    """Values found of a class, ascending."""
    columns: tuple[Column, ...] = ()
    """One of a number, one for each value of a class."""

    @model_validator(mode="after")
    def _has_columns(self) -> Self:
        if len(self.columns) != (1 if self.kind == "number" else len(self.values)):
            raise ValueError(f"{self.name}: columns and values do not go together")
        return self

    def row(self, text: str) -> list[float]:
        """Return the standardised columns of a wanted value.

        Raises
        ------
        UsageError
            If the value is none of those found, or outside their range.
        """
        if self.kind == "class":
            if text not in self.values:
                raise UsageError(
                    f"{self.name} is one of {', '.join(self.values)}, not {text}",
                    where="--label",
                    hint="Choose one that the model was fitted to.",
                )
            raw = [float(text == value) for value in self.values]
        else:
            raw = [self._number(text)]
        return [(x - c.mean) / c.spread for x, c in zip(raw, self.columns, strict=True)]

    def _number(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not self.low <= value <= self.high:
            raise UsageError(
                f"{self.name} went from {self.low:g} to {self.high:g} in training, {text} does not "
                "lie there",
                where="--label",
                hint="Ask for what was seen; beyond it the model would only guess.",
            )
        return value


def fit_conditions(
    table: Mapping[str, Sequence[str]], scores: NDArray[np.floating]
) -> tuple[Condition, ...]:
    """Find out how scores (n, k), of mean 0 and spread 1, go with what is known of n samples.

    Parameters
    ----------
    table
        Name to n values as text. Where all are numbers it is a number, else a class.
    """
    if not table:
        return ()
    raw = {name: _columns(values) for name, values in table.items()}
    joined = np.concatenate([columns for _, _, columns in raw.values()], axis=1)
    spread = joined.std(axis=0)
    standard = (joined - joined.mean(axis=0)) / spread
    among = standard.T @ standard / len(standard)
    along = standard.T @ scores / len(standard)
    conditions, at = [], 0
    for name, (kind, values, columns) in raw.items():
        places = slice(at, at + columns.shape[1])
        at = places.stop
        along[places, _by_chance(among[places, places], along[places], len(standard))] = 0
        conditions.append(
            Condition(
                name=name,
                kind=kind,
                low=float(columns.min()) if kind == "number" else 0.0,
                high=float(columns.max()) if kind == "number" else 0.0,
                values=values,
                columns=tuple(
                    Column(
                        mean=float(joined[:, i].mean()),
                        spread=float(spread[i]),
                        with_scores=tuple(map(float, along[i])),
                        with_columns=tuple(map(float, among[i])),
                    )
                    for i in range(places.start, places.stop)
                ),
            )
        )
    return tuple(conditions)


def _by_chance(among: NDArray[np.float64], along: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    """Return of which scores chance would explain the correlations (m, k) with one condition.

    n R^2 is chi-squared by chance, with 1 degree of freedom of a number and one less than its
    values of a class; all columns of a class stay or go together, or its means would be off. What
    no score shows by itself, all may show together: they stay where an F-test of those that would
    go says so.
    """
    explained = (along * (_inverse(among) @ along)).sum(axis=0)
    n_free = max(1, len(among) - 1)
    chance = erfc(SURE / np.sqrt(2))
    goes: NDArray[np.bool_] = n * explained < chdtri(n_free, chance)
    n_left = n - 1 - len(explained)
    if goes.any() and n_left > 0:
        unexplained = max(n_free - explained.sum(), TINY) / n_left
        ratio = explained[goes].mean() / unexplained
        if fdtrc(n_free * goes.sum(), n_free * n_left, ratio) < chance:
            goes[:] = False
    return goes


def _inverse(among: NDArray[np.float64]) -> NDArray[np.floating]:
    """Invert correlations of columns; of a class they add up to 1, so there is no plain inverse."""
    return np.linalg.pinv(among, rcond=1e-6, hermitian=True)


class Wish:
    """Scores of cases for which some conditions are given.

    Parameters
    ----------
    conditions
        All of the model's.
    wanted
        Name to value as text.

    Raises
    ------
    UsageError
        For a name or value that the model does not know.

    Notes
    -----
    s | c ~ N(c B, 1 - B^T C B), B = C^-1 R, with C the correlations of the given columns among each
    other and R those with the scores: the conditional of a joint Gaussian, whose other
    conditions are left free.
    """

    def __init__(self, conditions: Sequence[Condition], wanted: Mapping[str, str]) -> None:
        known = {condition.name for condition in conditions}
        strange = sorted(set(wanted) - known)
        if strange:
            raise UsageError(
                f"the model knows nothing of {', '.join(strange)}",
                where="--label",
                hint=f"It knows {', '.join(sorted(known)) or 'no conditions'}; those of a model "
                "are named in its recipe under `conditions`.",
            )
        columns = [column for condition in conditions for column in condition.columns]
        names = [condition.name for condition in conditions for _ in condition.columns]
        places = [i for i, name in enumerate(names) if name in wanted]
        given = [x for c in conditions if c.name in wanted for x in c.row(wanted[c.name])]
        among = np.array([[columns[i].with_columns[j] for j in places] for i in places])
        along = np.array([columns[i].with_scores for i in places])
        weights = _inverse(among) @ along
        values, vectors = np.linalg.eigh(np.eye(along.shape[1]) - weights.T @ along)
        self.mean = np.array(given) @ weights
        self.root = (vectors * np.sqrt(values.clip(0))) @ vectors.T

    def __call__(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return latents (n, latent) with their first numbers, the scores, as wished."""
        moved = z.copy()
        k = len(self.mean)
        moved[:, :k] = (z[:, :k] @ self.root + self.mean).astype(np.float32)
        return moved


def _columns(values: Sequence[str]) -> tuple[Kind, tuple[str, ...], NDArray[np.float64]]:
    """Return kind, classes and columns (n, m) of one condition."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        classes = tuple(sorted(set(values)))
        one_hot = np.array([[float(value == one) for one in classes] for value in values])
        return "class", classes, one_hot
    return "number", (), numbers[:, None]
