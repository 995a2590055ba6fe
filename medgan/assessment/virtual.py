"""Virtual scans against real ones, the figures by the evaluation room.

Real scans that the model was trained on are told from held-out ones by content hash, so that a
copied or renamed scan is still known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from medgan.assessment.image_cases import (
    Case,
    Say,
    as_sets,
    flat_axis,
    on_one_spacing,
    real_cases,
    slices_of,
    virtual_cases,
    with_modelled_labels,
)
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.evaluation.synthetic_report import SyntheticReport
    from medgan.models import ModelInfo


class Sides(Settings):
    """Which folders are compared, and what tells training scans from held-out ones."""

    train: str | None = None
    """Folder of scans that the model was trained on; None: told by `model`, or by the split."""
    model: str | None = None
    """Model folder whose `model.json` lists the content hashes of its training scans."""
    seed: int = 0
    """Of random halves, subsets and small trainings."""
    utility: bool = False
    """Also train small U-Nets on virtual, real and both: minutes."""


def judge_synthetic(real: Path, fake: Path, sides: Sides, say: Say) -> SyntheticReport:
    """Compare a folder of virtual scans with a folder of real ones.

    Raises
    ------
    DataError
        If a folder holds too few cases, or the two cannot be compared.
    """
    from medgan.evaluation.synthetic import FEWEST, evaluate_synthetic

    model = model_of(sides, fake)
    virtual, genuine = virtual_cases(fake), with_modelled_labels(real_cases(real), model)
    if sides.train is not None:
        train = with_modelled_labels(real_cases(Path(sides.train)), model)
        hashes = frozenset(case.sha256 for case in train)
    else:
        hashes = frozenset(map(str, model.training.get("sha256", []))) if model else frozenset()
        train = [case for case in genuine if _is_trained_on(case, hashes)]
    test = [case for case in genuine if not _is_trained_on(case, hashes)]
    say(f"{len(virtual)} virtual, {len(test)} real held out, {len(train)} real trained on")
    caveats = _unknown_training(genuine, hashes)
    if min(len(train), len(test)) < FEWEST:
        caveats += _halves(test, train)
        train, test = [], genuine
    train, test = (like_virtual(virtual, cases, model, say) for cases in (train, test))
    sets = as_sets([test, virtual, train])
    report = evaluate_synthetic(
        sets[0],
        sets[1],
        sets[2] if train else None,
        seed=sides.seed,
        utility=sides.utility,
        progress=say,
    )
    return replace(report, warnings=(*caveats, *report.warnings))


def _unknown_training(real: Sequence[Case], known: frozenset[str]) -> tuple[str, ...]:
    """Warn where neither hashes nor the split tell which real scans were trained on."""
    from medgan.data.splits import part_of_hash

    unknown = sum(part_of_hash(case.sha256) is None for case in real)
    if known or not unknown:
        return ()
    return (
        f"it is not known whether the model was trained on {unknown} of the real scans, so they "
        "count as held out: name its folder with --model, or its scans with --train",
    )


def _halves(test: Sequence[Case], train: Sequence[Case]) -> tuple[str, ...]:
    """Warn where scans that were trained on stand in for held-out ones."""
    if not train:
        return ()
    return (
        f"{len(test)} real scans are held out and {len(train)} were trained on, too few of one "
        "sort: the figures are against halves of all of them, and flatter a model that has learned "
        "its scans by heart",
    )


def like_virtual(
    virtual: Sequence[Case], real: list[Case], model: ModelInfo | None, say: Say
) -> list[Case]:
    """Bring real cases to the voxels of virtual ones, and to slices where these are slices."""
    axis = flat_axis(virtual)
    if axis is not None:
        space = model.expects.get("space", {}) if model else {}
        first, last = space.get("slice_range", (0.0, 1.0))
        real = slices_of(real, axis, (float(first), float(last)))
    return on_one_spacing(real, virtual, say)


def model_of(sides: Sides, fake: Path) -> ModelInfo | None:
    """Find the model that made a folder of virtual scans; None where it is not at hand."""
    from medgan.models.info import INFO, find_model, read_info

    if sides.model is not None:
        return read_info(find_model(sides.model))
    beside = fake / "model"
    return read_info(beside) if (beside / INFO).is_file() else None


def _is_trained_on(case: Case, known: frozenset[str]) -> bool:
    if known:
        return case.sha256 in known
    from medgan.data.splits import part_of_hash

    part = part_of_hash(case.sha256)
    return part is not None and part.role != "test"
