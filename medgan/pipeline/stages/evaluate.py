"""evaluate: virtual scans of this run against the real ones of the input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medgan.errors import DataError, UsageError
from medgan.pipeline.inputs import files_of_input, resolve_model
from medgan.pipeline.stage import STATE, Context, Done, Left, PerRun
from medgan.record import finite
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.assessment.image_cases import Case

SHOWN = 8
"""Cases a side in the picture of real beside virtual."""
PICTURE = f"{STATE}/pictures/real_beside_virtual.png"


class EvaluateSettings(Settings):
    """What to measure."""

    utility: bool = False
    """Also train small U-Nets on virtual, real and both cases: minutes."""
    seed: int = 0
    """Of random halves, subsets and small trainings."""


def run(done: Done, settings: EvaluateSettings, context: Context) -> Left:
    """Compare the virtual cases of this run with the scans of the input.

    Raises
    ------
    UsageError
        If nothing before it made virtual cases, or there is no input.

    Notes
    -----
    Too few cases to compare are said to be, and stop nothing: the virtual scans are there.
    """
    if "synthesize" not in done.facts or context.input is None:
        raise UsageError(
            "there is nothing to compare",
            where="evaluate",
            hint="It needs an input of real scans, and `synthesize` and `export` before it.",
        )
    from medgan.assessment.image_cases import real_cases, virtual_cases, with_modelled_labels
    from medgan.assessment.virtual import Sides, judge_synthetic, like_virtual, model_of

    name = resolve_model(done.facts["synthesize"]["model"], context)
    sides = Sides(model=name, seed=settings.seed, utility=settings.utility)
    model, virtual = model_of(sides, context.out), virtual_cases(context.out)
    picture = context.out / PICTURE
    outputs: tuple[Path, ...] = ()
    facts: dict[str, Any] = {}
    try:
        real = with_modelled_labels(real_cases(context.input), model)
        if real and virtual:
            _draw(like_virtual(virtual, real, model, lambda text: None), virtual, picture)
            outputs, facts = (picture,), {"gallery": [PICTURE]}
        report = judge_synthetic(context.input, context.out, sides, context.say)
    except DataError as error:
        return Left(outputs, facts | {"not_measured": error.what})
    return Left(outputs, facts | {"synthetic": finite(report.as_json())})


def input_files(settings: EvaluateSettings, context: Context) -> tuple[Path, ...]:
    """Return every file of the input: real scans that change are compared anew."""
    return files_of_input(context)


def _draw(real: list[Case], virtual: list[Case], path: Path) -> None:
    from medgan.report import real_beside_virtual

    path.parent.mkdir(parents=True, exist_ok=True)
    n = min(SHOWN, len(real), len(virtual))
    planes = [[_middle(case.image) for case in group[:n]] for group in (real, virtual)]
    labels = [
        None
        if any(case.label is None for case in group[:n])
        else [_middle(case.label).astype(int) for case in group[:n]]
        for group in (real, virtual)
    ]
    real_beside_virtual(planes[0], planes[1], path, real_labels=labels[0], fake_labels=labels[1])


def _middle(voxels: Any) -> Any:
    """Cut the middle axial slice of RAS voxels, or take the slice that they are; top is up."""
    thin = [axis for axis, side in enumerate(voxels.shape) if side == 1]
    axis = thin[0] if thin else 2
    return np.flipud(voxels.take(voxels.shape[axis] // 2, axis).T)


EVALUATE = PerRun("evaluate", 2, EvaluateSettings, run, input_files)
