"""Where the volume files of one scan go: under its own name, or in a BIDS tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from medgan.pipeline.stage import Context, Work
from medgan.scans import BidsName, bids_name, study_of

MASK, MISSING = "estimated", "missing"
"""What a mask marks: voxels that a program made, slices that are not there."""


class Places(Protocol):
    """Paths of the volume files of one scan."""

    def image(self) -> Path:
        """Return where the scan itself goes."""
        ...

    def mask(self, what: str) -> Path:
        """Return where a mask goes, `MASK` or `MISSING`."""
        ...


@dataclass(frozen=True)
class FlatPlaces:
    """`<scan>.nii.gz`, with its masks beside it."""

    out: Path
    name: str

    def image(self) -> Path:
        return self.out / f"{self.name}.nii.gz"

    def mask(self, what: str) -> Path:
        ending = "mask" if what == MASK else f"{what}_mask"
        return self.out / f"{self.name}_{ending}.nii.gz"


@dataclass(frozen=True)
class BidsPlaces:
    """`sub-*/anat/sub-*_desc-*_T1w.nii.gz` and its masks.

    Parameters
    ----------
    desc
        What was done to the scan.
    is_straightened
        It was resampled, which the name has to say.
    """

    out: Path
    name: BidsName
    desc: str
    is_straightened: bool = False

    def image(self) -> Path:
        return self._path(self.desc, "")

    def mask(self, what: str) -> Path:
        return self._path(what, "mask")

    def _path(self, desc: str, suffix: str) -> Path:
        more = {"res": "straight"} if self.is_straightened else {}
        return self.out / self.name.path(desc, ".nii.gz", suffix, **more)


def bids_name_of(work: Work, context: Context) -> BidsName:
    """Name a scan in a BIDS tree."""
    first = work.volumes[0]
    return bids_name(
        work.id,
        first.scan.modality,
        base=_base(context.input),
        is_label=first.is_label,
        study=study_of(first.scan),
        salt=context.salt,
    )


def _base(named: Path | None) -> PurePosixPath | None:
    """Folder that ids are relative to; None for a single file, which meets no other."""
    if named is None or named.is_file():
        return None
    return PurePosixPath(named.as_posix())
