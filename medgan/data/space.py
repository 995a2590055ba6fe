"""The space that the scans of a training set share, and what the settings leave to them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from medgan.data.survey import Look
from medgan.errors import DataError
from medgan.settings import Settings

MAX_CLASSES = 7
"""Image and labels together are at most eight channels."""

MAX_VOXELS = 2**27
"""Of one sample: 512 x 512 x 512."""

SPACING_TOLERANCE = 0.1
"""Up to this relative difference, voxels that are not resampled count as equally large."""


class PrepareSettings(Settings):
    """How scans become training samples; the group `data` of a synthesis recipe."""

    shape: tuple[int, ...]
    """Voxels along R, A, S of a sample; 2D: the two axes of a slice. Cropped or padded to this."""
    slice_axis: Literal[0, 1, 2] = 2
    """2D only: the axis across the slices; 0 sagittal, 1 coronal, 2 axial."""
    slice_range: tuple[float, float] = (0.0, 1.0)
    """2D only: share of the stack that slices are drawn from; [0.2, 0.8] leaves the ends out."""
    spacing_mm: Literal["as_is", "median"] | tuple[float, float, float] = "as_is"
    """Voxel size along R, A, S that scans are resampled to; as_is: voxels as they come."""
    intensity: Literal["auto", "percentiles", "window"] = "auto"
    """What -1 and 1 stand for: the scan's own percentiles 0.5 and 99.5, or `window_hu`. auto:
    window for CT, percentiles else."""
    window_hu: tuple[float, float] = (-1000.0, 1000.0)
    """Hounsfield units (or other physical values) shown as -1 and 1; what lies outside is cut."""
    label_values: tuple[int, ...] | None = None
    """Label values to model, up to 7; None: all that occur."""
    label_names: dict[int, str] = Field(default_factory=dict)
    """Names of label values, for DICOM SEG and nnU-Net; label_<value> where none is given."""

    @model_validator(mode="after")
    def _is_in_order(self) -> PrepareSettings:
        low, high = self.window_hu
        first, last = self.slice_range
        if not self.shape or min(self.shape) < 1 or math.prod(self.shape) > MAX_VOXELS:
            raise ValueError(f"shape must have sides of 1 or more, and {MAX_VOXELS} voxels at most")
        if low >= high:
            raise ValueError("window_hu must be [low, high]")
        if not 0 <= first < last <= 1:
            raise ValueError("slice_range must be [first, last] within 0..1")
        return self


class Space(Settings):
    """The space that scans are brought into, and that virtual ones come from.

    Goes into `model.json`, so that a generator's output can be put onto a real grid.
    """

    spatial_dims: Literal[2, 3]
    """2: single slices; 3: volumes."""
    shape: tuple[int, ...]
    """Voxels along each axis, in RAS order; in 2D the slice axis is left out."""
    slice_axis: Literal[0, 1, 2] = 2
    """RAS axis across the slices of a 2D model."""
    slice_range: tuple[float, float] = (0.0, 1.0)
    """Share of the stack that 2D samples are drawn from."""
    spacing_mm: tuple[float, float, float]
    """Voxel size along R, A, S: the training set's median, or what it was resampled to."""
    resample: bool = False
    """Whether scans are resampled to that spacing; else voxels are taken as they come."""
    orientation: str
    """Voxel axes of the outputs, e.g. LPS: the most frequent among the training scans."""
    centre_mm: tuple[float, float, float]
    """Centre of the outputs' grid, RAS+ mm: the training set's median."""
    modality: str
    """`ct` or `mr` (or what the scans say); of several the most frequent."""
    modalities: tuple[str, ...] = ()
    """All of them where the training set has several, ascending."""
    window: tuple[float, float] | None = None
    """Physical values shown as -1 and 1, the same for all scans (of several modalities: for CT
    alone); None: each scan's own percentiles 0.5 and 99.5."""
    label_values: tuple[int, ...] = ()
    """One channel each, after the image channel."""
    label_names: dict[int, str] = Field(default_factory=dict)
    """Name by label value."""

    @property
    def n_channels(self) -> int:
        """Image and labels."""
        return 1 + len(self.label_values)

    def window_of(self, modality: str) -> tuple[float, float] | None:
        """Return the window of a scan; None: its own percentiles."""
        return None if self.modalities and modality != "ct" else self.window


def shared_space(
    settings: PrepareSettings,
    looks: Sequence[Look],
    spatial_dims: Literal[2, 3],
    *,
    is_mixed: bool = False,
) -> Space:
    """Settle what the settings leave to the training set: spacing, orientation, labels, window.

    Parameters
    ----------
    is_mixed
        Whether there may be several modalities.

    Raises
    ------
    DataError
        If there are no looks, more than one modality though it may not be mixed or has one window
        for all, too many label classes, or voxel sizes that differ and are not resampled.
    """
    if not looks:
        raise DataError("no case is fit to train on", where="data", hint="See `medgan inspect`.")
    modalities = tuple(sorted({look.modality for look in looks}))
    if len(modalities) > 1:
        _check_mixture(settings, looks, is_mixed=is_mixed)
    windowed = settings.intensity == "window" or (
        settings.intensity == "auto" and "ct" in modalities
    )
    chosen = settings.label_values
    values = common_labels(looks) if chosen is None else tuple(sorted(chosen))
    space = Space(
        spatial_dims=spatial_dims,
        shape=settings.shape,
        slice_axis=settings.slice_axis,
        slice_range=settings.slice_range,
        spacing_mm=settings.spacing_mm
        if isinstance(settings.spacing_mm, tuple)
        else median([look.spacing_ras_mm for look in looks]),
        resample=settings.spacing_mm != "as_is",
        orientation=most_frequent([look.orientation for look in looks]),
        centre_mm=median([look.centre_mm for look in looks]),
        modality=most_frequent([look.modality for look in looks]),
        modalities=modalities if len(modalities) > 1 else (),
        window=settings.window_hu if windowed else None,
        label_values=values,
        label_names={v: settings.label_names.get(v, f"label_{v}") for v in values},
    )
    if len({*space.label_names.values(), "background"}) <= len(values):
        raise DataError(
            f"two labels have one name, or one is called background: {space.label_names}",
            where="data.label_names",
            hint="Give each its own; label_<value> is that of a label without one.",
        )
    if not space.resample:
        _check_spacing(looks, space)
    return space


def _check_mixture(settings: PrepareSettings, looks: Sequence[Look], *, is_mixed: bool) -> None:
    """Refuse to call an average of CT and MR a scan, or to show both through one window."""
    modality = most_frequent([look.modality for look in looks])
    n_others = sum(look.modality != modality for look in looks)
    if not is_mixed:
        raise DataError(
            f"{n_others} of {len(looks)} cases are not {modality}, and it could not be said which "
            "modality a virtual case has",
            where="data",
            hint="Train on one modality; or, all but a DCGAN, with --set conditions=[modality].",
        )
    if settings.intensity == "window":
        raise DataError(
            f"{n_others} of {len(looks)} cases are not {modality}, and data.window_hu cannot suit "
            "all",
            where="data.intensity",
            hint="Set it to auto (the window is for CT, percentiles for others) or percentiles.",
        )


def _check_spacing(looks: Sequence[Look], space: Space) -> None:
    """Refuse to call voxels of different size the same: virtual scans would have a wrong size."""
    axes = [axis for axis in range(3) if space.spatial_dims == 3 or axis != space.slice_axis]
    sizes = np.array([look.spacing_ras_mm for look in looks])[:, axes]
    apart = np.abs(sizes / np.array(space.spacing_mm)[axes] - 1).max(axis=1)
    if apart.max() > SPACING_TOLERANCE:
        raise DataError(
            f"voxel sizes differ: {(apart > SPACING_TOLERANCE).sum()} of {len(looks)} cases are "
            f"more than {SPACING_TOLERANCE:.0%} off the median {space.spacing_mm} mm",
            where="data",
            hint="Resample them: --set data.spacing_mm=median",
        )


def common_labels(looks: Sequence[Look]) -> tuple[int, ...]:
    """Return the label values of a set of cases, ascending.

    Raises
    ------
    DataError
        If there are more classes than channels.
    """
    values = sorted({value for look in looks for value in look.label_values})
    if len(values) > MAX_CLASSES:
        raise DataError(
            f"{len(values)} label classes, at most {MAX_CLASSES} can be modelled jointly",
            where="labels",
            hint="Choose some with data.label_values, e.g. --set data.label_values=[1,2].",
        )
    return tuple(values)


def most_frequent(words: Sequence[str]) -> str:
    """Return the word that comes most often; of equals the first in the alphabet."""
    counts = Counter(words)
    return min(counts, key=lambda word: (-counts[word], word))


def median(rows: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Median of each of three columns, to a micrometre."""
    a, b, c = (round(float(v), 6) for v in np.median(np.asarray(rows), axis=0))
    return a, b, c
