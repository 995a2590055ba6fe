"""What a messy folder is made by, and what it must come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume of a file that is no DICOM: where its slices lie, and which of them do not exist.

    Parameters
    ----------
    affine
        (4, 4) voxel index to RAS+ mm.
    missing
        Positions along `axis` without a slice; the file holds `fill` there.
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]
    axis: int = 2
    missing: tuple[int, ...] = ()
    fill: float = float("nan")


@dataclass(frozen=True)
class Expected:
    """What a folder must come to.

    Parameters
    ----------
    missing
        Number of missing positions of each scan, in the order of the listing.
    refused, aside
        Words that some refusal, or some reason to set aside, must hold.
    note
        Words that some note of the first scan must hold.
    error
        Largest allowed difference from the world, in physical units.
    contrasts
        How many contrasts of the world there are: each is 100 brighter than the last, and every
        scan shows one of them throughout.
    volumes
        What there is, where files other than DICOM hold it; DICOM files say it themselves.
    """

    missing: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    note: str = ""
    error: float = 0.51
    contrasts: int = 1
    volumes: tuple[Volume, ...] = ()


Build = Callable[[Path], Expected]
"""Fills a folder, which does not exist before."""


class Cases(dict[str, Build]):
    """Messy folders by name; used as a decorator."""

    def __call__(self, build: Build) -> Build:
        self[build.__name__] = build
        return build


def edit(datasets: list[Dataset], **values: object) -> list[Dataset]:
    for dataset in datasets:
        for name, value in values.items():
            setattr(dataset, name, value)
    return datasets
