"""List what lies below a path: every file is read, refused, or set aside, and none raises."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from medgan.errors import MedganError, ReadError, SeriesError
from medgan.scans.archive import extract, is_archive
from medgan.scans.atomic import is_temporary
from medgan.scans.dicom_header import is_dicom, read_planes
from medgan.scans.dicom_series import sort_out
from medgan.scans.dicom_stack import Outcome
from medgan.scans.listing import Found, Listing, Refused, SetAside
from medgan.scans.names import make_unique, relative_folder, safe_name, safe_path
from medgan.scans.planes import Plane
from medgan.scans.segmentation_read import describe_segmentation
from medgan.scans.volume_files import (
    NoStackError,
    describe_volumes,
    files_of_volume,
    volume_suffix,
    with_modality,
)

HEAD_BYTES = 132
DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
_CLUTTER = {".ds_store", "thumbs.db", "desktop.ini"}


def discover(path: Path | str, axis: int | None = None, modality: str | None = None) -> Listing:
    """List every scan below a path, what was refused and what was set aside.

    DICOM is told by content and needs no suffix; other formats by their suffix. Headers only for
    DICOM (compressed files are decoded once, in a child process); volume files are read, since
    their gaps show in their values alone.

    Parameters
    ----------
    path
        A folder of any depth, or one file.
    axis
        Slice axis of volume files (0, 1 or 2) where their values leave it open.
    modality
        `ct`, `mr`, `pt` or `ot`, over what the files say.

    Raises
    ------
    ReadError
        If the path does not exist, or there is not one file below it.
    """
    root = Path(path)
    if not root.exists():
        raise ReadError("there is no such file or folder", where=str(root), hint="Check the path.")
    files = list(walk(root))
    if not files:
        raise ReadError(
            "the folder is empty", where=str(root), hint="Give a folder that holds scans."
        )
    base = root if root.is_dir() else root.parent
    sorter = _Sorter(root, base, axis)
    for file in files:
        sorter.add(file)
    return sorter.listing(modality)


def walk(root: Path) -> Iterator[Path]:
    """Every file below a path, sorted; linked folders are followed, each folder once."""
    if not root.is_dir():
        yield root
        return
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        for name in sorted(names):
            yield Path(folder, name)


class _Sorter:
    """Takes files one by one and keeps account of each."""

    def __init__(
        self, root: Path, base: Path, axis: int | None, *, in_archive: bool = False
    ) -> None:
        self._root, self._base, self._axis = root, base, axis
        self._in_archive = in_archive
        self._planes: list[Plane] = []
        self._taken: set[Path] = set()
        self._outcome = Outcome()
        self._aside: dict[str, list[Path]] = defaultdict(list)

    def add(self, file: Path) -> None:
        """Read one file's beginning and send it where it belongs."""
        if file in self._taken:
            return
        try:
            if not stat.S_ISREG(file.stat().st_mode):
                self._aside["no ordinary file"].append(file)
                return
            with file.open("rb") as opened:
                head = opened.read(HEAD_BYTES)
            self._sort(file, head)
        except OSError as error:
            self._refuse(file, f"cannot be opened ({type(error).__name__})")
        except Exception as error:  # no file's fault, foreseen or not, may cost the others
            self._refuse(file, f"cannot be read ({type(error).__name__})")

    def _sort(self, file: Path, head: bytes) -> None:
        if file.name.startswith("._") or file.name.lower() in _CLUTTER:
            self._aside["left by the file system, no scan"].append(file)
        elif is_temporary(file):
            self._aside["unfinished output of a run that was interrupted"].append(file)
        elif is_dicom(head):
            self._add_dicom(file)
        elif volume_suffix(file):
            self._add_volume(file)
        elif is_archive(file, head):
            self._add_archive(file)
        elif file.suffix.lower() in DICOM_SUFFIXES:
            what = "an empty file" if not head else "no DICOM file, though named like one"
            self._refuse(file, what)
        else:
            self._aside["an empty file" if not head else "no scan"].append(file)

    def _add_dicom(self, file: Path) -> None:
        reading = read_planes(file)
        self._planes += reading.planes
        if reading.is_segmentation:
            self._add_segmentation(file)
        elif reading.refused:
            self._refuse(file, reading.refused)
        elif reading.set_aside:
            self._aside[reading.set_aside].append(file)

    def _add_segmentation(self, file: Path) -> None:
        try:
            self._outcome.scans.append(describe_segmentation(file, self._root))
        except SeriesError as error:
            self._aside[error.what].append(file)
        except MedganError as error:
            self._refuse(file, error.what)

    def _add_volume(self, file: Path) -> None:
        try:
            found, files = describe_volumes(file, self._root, self._base, self._axis)
        except NoStackError as error:
            self._aside[error.what].append(file)
        except MedganError as error:
            reason = error.reason
            files = files_of_volume(file)
            self._outcome.refused.append(Refused(files, reason))
            self._taken.update(files)
        else:
            self._outcome.scans += found
            self._taken.update(files)

    def _add_archive(self, file: Path) -> None:
        """List what an archive holds as if it were a folder of its name."""
        if self._in_archive:
            self._refuse(file, "an archive inside an archive; extract it and give the folder")
            return
        try:
            extracted = extract(file)
        except ReadError as error:
            self._refuse(file, error.reason)
            return
        inner = _Sorter(extracted.folder, extracted.folder, self._axis, in_archive=True)
        for member in walk(extracted.folder):
            inner.add(member)
        listing = inner.listing(None)
        place = relative_folder([file], self._base) / (safe_name(file.stem, dots=True) or "zip")

        def shown(paths: Iterable[Path]) -> tuple[Path, ...]:
            return tuple(file / path.relative_to(extracted.folder) for path in paths)

        out = self._outcome
        out.scans += [replace(f, id=(place / f.id).as_posix()) for f in listing.scans]
        out.refused += [Refused(shown(r.files), r.reason) for r in listing.refused]
        out.refused += [Refused(shown([path]), reason) for path, reason in extracted.faults]
        out.set_aside += [SetAside(shown(s.files), s.reason) for s in listing.set_aside]
        if not (listing.scans or listing.refused or listing.set_aside or extracted.faults):
            self._aside["an empty archive"].append(file)

    def _refuse(self, file: Path, reason: str) -> None:
        self._outcome.refused.append(Refused((file,), reason))

    def listing(self, modality: str | None) -> Listing:
        """Sort out the DICOM planes gathered, name everything, and close the account."""
        dicom = sort_out(self._planes, self._root, self._base)
        scans = [*self._outcome.scans, *dicom.scans]
        # The values of a volume file may lie in another file, seen before its header.
        strays = {
            reason: tuple(file for file in files if file not in self._taken)
            for reason, files in self._aside.items()
        }
        aside = [SetAside(files, reason) for reason, files in strays.items() if files]
        named = _name([with_modality(found, modality) for found in scans], self._base)
        return Listing(
            root=self._root,
            scans=tuple(named),
            refused=(*self._outcome.refused, *dicom.refused),
            set_aside=(*self._outcome.set_aside, *dicom.set_aside, *aside),
        )


def _name(scans: list[Found], base: Path) -> list[Found]:
    """Put the relative folder before each name, and make the names unique."""
    placed = []
    for found in scans:
        files = [file for file in found.source.files if file is not None]
        place = safe_path(relative_folder(files, base) / found.id)
        placed.append(replace(found, id=place.as_posix()))
    placed.sort(key=lambda found: found.id)
    names = make_unique([found.id for found in placed])
    return [replace(found, id=name) for found, name in zip(placed, names, strict=True)]
