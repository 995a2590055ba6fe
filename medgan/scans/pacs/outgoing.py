"""DICOM files below a path that can be sent, and those that cannot, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from medgan.errors import ReadError
from medgan.scans.atomic import is_temporary

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_TAGS = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]


@dataclass(frozen=True)
class Outgoing:
    """A file to be sent.

    Parameters
    ----------
    name
        Path below the folder that was given, for messages.
    syntax
        UID of the transfer syntax the file is written in.
    """

    path: Path
    name: str
    uid: str
    sop_class: str
    syntax: str
    study: str
    series: str


@dataclass(frozen=True)
class Folder:
    """What `find_outgoing` found: files to send, files that cannot be, and how many are others."""

    files: tuple[Outgoing, ...]
    unfit: tuple[tuple[str, str], ...]
    n_copies: int
    n_others: int


def find_outgoing(path: Path) -> Folder:
    """Look at every file below a path, headers only.

    Two files with one SOP instance UID are sent once if they are the same byte for byte; if not,
    the later one is unfit, since an archive would keep one of them and nobody knows which.

    Raises
    ------
    ReadError
        If there is no such path, or no DICOM file below it.
    """
    if not path.exists():
        raise ReadError(
            "there is no such file or folder",
            where=str(path),
            hint="Name a DICOM file, or a folder that holds some at any depth.",
        )
    found: dict[str, Outgoing] = {}
    unfit: list[tuple[str, str]] = []
    n_copies = n_others = 0
    for file in _files(path):
        name = file.name if file == path else file.relative_to(path).as_posix()
        outgoing = _read(file, name)
        if outgoing is None:
            n_others += 1
        elif isinstance(outgoing, str):
            unfit.append((name, outgoing))
        elif (first := found.setdefault(outgoing.uid, outgoing)) is not outgoing:
            if first.path.read_bytes() == file.read_bytes():
                n_copies += 1
            else:
                unfit.append((name, f"another file has the same SOP instance UID: {first.name}"))
    if not found and not unfit:
        raise ReadError(
            "no DICOM file is here",
            where=str(path),
            hint="Archives take DICOM files only; `medgan restore --format dicom` writes them.",
        )
    return Folder(tuple(found.values()), tuple(unfit), n_copies, n_others)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden and not is_temporary(file):
            yield file


def _read(file: Path, name: str) -> Outgoing | str | None:
    """Return the file to send, why it cannot be, or None where it is no DICOM file at all."""
    try:
        dataset = dcmread(file, specific_tags=_TAGS, stop_before_pixels=True)
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
        values = [str(dataset.get(tag, "") or "") for tag in _TAGS]
    except InvalidDicomError:
        return None
    except Exception:  # pydicom raises whatever it meets in a damaged header
        return "the file is damaged: its header cannot be read"
    sop_class, uid, study, series = values
    if sop_class == DICOMDIR_CLASS or _is_directory(dataset):
        return None
    if not (sop_class and uid and study and series and syntax):
        return "its SOP class, instance, series, study or transfer syntax UID is missing"
    return Outgoing(file, name, uid, sop_class, syntax, study, series)


def _is_directory(dataset: FileDataset) -> bool:
    return bool(dataset.file_meta.get("MediaStorageSOPClassUID") == DICOMDIR_CLASS)
