"""What a synthesis model must say of its numbers: `expects` in its `model.json`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Self

from pydantic import Field, ValidationError, model_validator

from medgan.data.slice_cut import SliceCut
from medgan.data.space import MAX_CLASSES, MAX_VOXELS, Space
from medgan.errors import ModelError, UsageError, printable
from medgan.models import ModelInfo, check_kind
from medgan.settings import Settings
from medgan.synthesis.conditions import MODALITY, MOST_CONDITIONS, Condition, Wish

MAX_MM, MAX_VALUE = 1e4, 1e7
"""Largest spacing or distance (a CT table is 2 m long), and largest physical value (PET: 1e6)."""
MAX_NAME = 64
"""Letters in the name of a label: what DICOM keeps of one (PS3.5, 6.2, LO)."""


class Output(Settings):
    """From channels in -1..1 to a scan with labels on a real grid."""

    space: Space
    """Grid, orientation and channels."""
    latent: int
    """Length of the latent vector."""
    intensity_range: tuple[float, float]
    """Physical values at -1 and 1: the window, or the median of the training scans' percentiles."""
    intensity_ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """The same for each modality of a model of several; else empty."""
    label_volumes: tuple[float, ...] = ()
    """Mean number of voxels of each class in a training sample."""
    label_offsets: tuple[float, ...] = ()
    """Added to the label channels before they are decoded, so that mean volumes match."""
    largest_part: bool = True
    """Whether only the largest connected part of each class is kept."""
    slice_cuts: tuple[SliceCut, ...] = Field((), max_length=MAX_CLASSES // 2)
    """Labels that planes between slices divide, as they do those of the training set."""
    conditions: tuple[Condition, ...] = Field((), max_length=MOST_CONDITIONS)
    """What can be asked for when cases are made."""

    @model_validator(mode="after")
    def _can_be_placed(self) -> Self:
        """Make sure of all that `place` and the writers take for granted."""
        space, n_classes = self.space, len(self.space.label_values)
        modalities = (space.modality, *space.modalities)
        ranges = (self.intensity_range, *self.intensity_ranges.values())
        faults = {
            "space.shape": len(space.shape) != space.spatial_dims
            or min(space.shape) < 1
            or math.prod(space.shape) > MAX_VOXELS,
            "space.spacing_mm": not all(0 < step <= MAX_MM for step in space.spacing_mm),
            "space.centre_mm": not all(abs(at) <= MAX_MM for at in space.centre_mm),
            "space.orientation": not _is_orientation(space.orientation),
            "space.modality": not all(re.fullmatch(r"[A-Za-z0-9_ ]{0,16}", m) for m in modalities),
            "space.label_values": n_classes > MAX_CLASSES
            or len(set(space.label_values)) < n_classes
            or not all(0 < value < 256 for value in space.label_values),
            "space.label_names": set(space.label_names) != set(space.label_values)
            or len({*space.label_names.values(), "background"}) <= n_classes
            or not all(map(_is_name, space.label_names.values())),
            "intensity_range": not all(-MAX_VALUE <= a < b <= MAX_VALUE for a, b in ranges),
            "conditions": _is_torn(self.conditions, self.latent),
            "label_volumes": len(self.label_volumes) not in (0, n_classes),
            "label_offsets": len(self.label_offsets) not in (0, n_classes)
            or not all(abs(offset) <= 1 for offset in self.label_offsets),
            "slice_cuts": not all(_can_be_cut(row, space) for row in self.slice_cuts)
            or not _are_apart([row.values for row in self.slice_cuts]),
        }
        wrong = [name for name, is_wrong in faults.items() if is_wrong]
        if wrong:
            raise ValueError(f"no scan can have such a {', '.join(wrong)}")
        return self


def _is_torn(conditions: tuple[Condition, ...], latent: int) -> bool:
    """Whether the columns of conditions do not fit each other, or the latent vector."""
    columns = [column for condition in conditions for column in condition.columns]
    n_scores = {len(column.with_scores) for column in columns}
    return bool(columns) and (
        len(n_scores) != 1
        or max(n_scores) > latent
        or {len(column.with_columns) for column in columns} != {len(columns)}
    )


def _can_be_cut(row: SliceCut, space: Space) -> bool:
    """Whether a row names two labels of the model or more, each once, and one of its axes."""
    values = set(row.values)
    return (
        row.axis in range(space.spatial_dims)
        and values <= set(space.label_values)
        and len(row.values) == len(values) > 1
    )


def _are_apart(several: Sequence[Sequence[int]]) -> bool:
    """Whether no number is in two."""
    return len(set(chain(*several))) == sum(map(len, several))


def _is_orientation(text: str) -> bool:
    """Whether it names one direction along each of the three axes, e.g. LPS."""
    return len(text) == 3 and all(len({*pair} & {*text}) == 1 for pair in ("LR", "AP", "IS"))


def _is_name(text: str) -> bool:
    """Whether DICOM, JSON and a terminal can all show it: one line, no backslash."""
    return 0 < len(text) <= MAX_NAME and printable(text) == text and "\\" not in text


def output_of(info: ModelInfo) -> Output:
    """Read the output of a synthesis model.

    Raises
    ------
    ModelError
        If the model makes no scans, or does not say what they are.
    """
    check_kind(info, "synthesizer")
    try:
        output = Output.model_validate(info.expects)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "expects"
        raise ModelError(
            f"model.json does not say what is made: {key}: {first['msg']}",
            where=info.name,
            hint="Use a folder made by `medgan train`.",
        ) from None
    made = (info.settings.get("shape"), info.settings.get("out_channels"))
    if made != (list(output.space.shape), output.space.n_channels):
        raise ModelError(
            "model.json says of its network and of what it makes two different sizes",
            where=info.name,
            hint="Use a folder made by `medgan train`.",
        )
    several = set(output.space.modalities)
    asked = {value for c in output.conditions if c.name == MODALITY for value in c.values}
    can_be_asked = asked == {modality.upper() for modality in several}
    if set(output.intensity_ranges) != several or (several and not can_be_asked):
        raise ModelError(
            "model.json does not say of each of its modalities how it is asked for and shown",
            where=info.name,
            hint="Use a folder made by `medgan train`.",
        )
    return output


def output_of_wanted(info: ModelInfo, wanted: Mapping[str, str]) -> tuple[Output, Wish | None]:
    """Read the output of cases for which some conditions are given, and where their scores lie.

    Parameters
    ----------
    wanted
        Name to value as text. Empty: all is left free, and there is no wish.

    Raises
    ------
    ModelError
        As `output_of`.
    UsageError
        If the model does not know what is wanted, or knows several modalities and none is wanted.
    """
    output = output_of(info)
    wish = Wish(output.conditions, wanted) if wanted else None
    known = {modality.upper(): modality for modality in output.space.modalities}
    if not known:
        return output, wish
    if MODALITY not in wanted:
        raise UsageError(
            f"the model makes {' and '.join(known)}, and it must be said which",
            where="--label",
            hint=f"Example: --label {MODALITY}={next(iter(known))}",
        )
    modality = known[wanted[MODALITY]]
    space = output.space.model_copy(update={"modality": modality})
    its_range = output.intensity_ranges[modality]
    return output.model_copy(update={"space": space, "intensity_range": its_range}), wish
