"""What an evaluation of virtual images found, as plain data."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, Self

from medgan.evaluation.copies import Copy
from medgan.evaluation.label_plausibility import LabelStatistic

Direction = Literal["lower", "higher", "as real"]
ARROWS: dict[Direction, str] = {"lower": "↓", "higher": "↑", "as real": "≈"}


@dataclass(frozen=True)
class Figure:
    """One figure beside what real images reach against other real images.

    Parameters
    ----------
    name
        E.g. `kid_joint`.
    value, se
        Of the virtual images, with the standard error where one is known.
    floor, floor_se
        The same of real images: training against test cases, or two halves of the real ones.
    good
        The good direction; `as real` means that both more and less than the floor are bad.
    meaning
        What it measures, in a few words.
    prior, prior_se
        The same of images that a linear prior of the training cases makes; None where it was not
        asked.
    """

    name: str
    value: float
    se: float | None
    floor: float
    floor_se: float | None
    good: Direction
    meaning: str
    prior: float | None = None
    prior_se: float | None = None


def with_error(value: float | None, se: float | None) -> str:
    """Write a figure and its standard error in as many digits as say something; a dash for none."""
    if value is None or math.isnan(value):
        return "-"
    size = max(abs(value), se if se is not None and math.isfinite(se) else 0.0)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    is_known = se is not None and math.isfinite(se)
    return f"{value:.{digits}f} ± {se:.{digits}f}" if is_known else f"{value:.{digits}f}"


@dataclass(frozen=True)
class Verdict:
    """What would stop a careful person from using the images; for scripts.

    Parameters
    ----------
    finite
        All values of all virtual images are finite numbers.
    collapse
        Too little variety: spread below 0.7 of the real one, or a tenth are duplicates.
    copies
        At least one image is nearer to a training image than held-out real ones come.
    """

    finite: bool
    collapse: bool
    copies: bool


@dataclass(frozen=True)
class SyntheticReport:
    """The result of `evaluate_synthetic`; round-trips through JSON.

    Parameters
    ----------
    figures
        Figures with their real-against-real floor.
    label_statistics
        Statistics of label maps, empty without labels.
    copies
        Virtual images that are copies, with the training image each is nearest to.
    copy_threshold, nearest_median, held_out_median
        Correlation of fine structure: where a copy begins; median of virtual and of held-out real
        images with their nearest training image.
    n_fake, n_test, n_train
        Sizes of the sets as compared; images that are not finite are left out.
    train_given
        False: the real images were cut in two halves, one of which stands in for the training set.
    """

    verdict: Verdict
    sentence: str
    warnings: tuple[str, ...]
    figures: tuple[Figure, ...]
    label_statistics: tuple[LabelStatistic, ...]
    copies: tuple[Copy, ...]
    copy_threshold: float
    nearest_median: float
    held_out_median: float
    n_fake: int
    n_test: int
    n_train: int
    train_given: bool
    shape: tuple[int, ...]
    classes: tuple[int, ...]
    seed: int

    def figure(self, name: str) -> Figure | None:
        """Return the figure of that name, None where it was not measured."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; round-trips through `from_json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Rebuild a report from `as_json`."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(document)
