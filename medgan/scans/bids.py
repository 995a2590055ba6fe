"""Names of scans in a BIDS-derivatives tree (BIDS 1.10, "Derivatives").

Where the source is named the BIDS way, its entities are kept. Other names may hold a person's, so
labels are made of hashes: of the study or folder for the subject, of the whole name for the scan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from medgan.scans.dicom_header import read_planes
from medgan.scans.dicom_uids import derive_code
from medgan.scans.roles import ROLE_NAME, without_role
from medgan.scans.scan import Scan

_ENTITIES = (
    *("sub", "ses", "sample", "task", "acq", "ce", "rec", "dir", "run", "echo", "flip", "inv"),
    *("mt", "part", "chunk", "space", "res", "den", "label", "desc"),
)
_DATATYPES = {
    "anat": ("T1w", "T2w", "PDw", "T2star", "FLAIR", "inplaneT1", "inplaneT2", "PDT2", "angio"),
    "func": ("bold", "sbref"),
    "dwi": ("dwi",),
    "perf": ("asl",),
}
_WEIGHTINGS = {
    **dict.fromkeys(("t1", "t1w", "mprage", "mpr"), "T1w"),
    **dict.fromkeys(("t2", "t2w"), "T2w"),
    **dict.fromkeys(("pd", "pdw"), "PDw"),
    "flair": "FLAIR",
}
OUTSIDE = {"ct": "ct", "mr": "mr", "pt": "pet"}
"""Suffixes for what released BIDS has none for, or wants raw metadata for."""
OTHER = "image"
_NUMBERED = re.compile(r"^(sub|subject|patient|pat|case|study|p|s)[-_]?\d{1,4}$", re.I)


@dataclass(frozen=True)
class BidsName:
    """Name of one scan in the tree.

    Parameters
    ----------
    entities
        In the order of the standard, `desc` left out.
    suffix
        Of the image itself, e.g. `T1w`.
    is_made
        Its `acq` is a hash, which no other scan has.
    """

    entities: Mapping[str, str]
    datatype: str
    suffix: str
    is_made: bool = False

    def path(self, desc: str, extension: str, suffix: str = "", **more: str) -> PurePosixPath:
        """Return the path of one file of this scan, relative to the tree.

        Parameters
        ----------
        desc
            What was done, letters and digits.
        suffix
            Another than the image's, e.g. `mask`.
        more
            Further entities, e.g. `res`.
        """
        entities = {**self.entities, **more, "desc": desc}
        if suffix == "mask" and not self.is_made:
            # A mask's name has no place for T1w or FLAIR: those of one subject would meet.
            entities["acq"] = entities.get("acq", "") + self.suffix
        return _joined(entities, self.datatype, (suffix or self.suffix) + extension)


def study_of(scan: Scan) -> str:
    """Return the Study Instance UID, for `bids_name`; empty where it is not known."""
    files = [file for file in scan.source.files if file is not None]
    if scan.format != "dicom" or not files:
        return ""
    planes = read_planes(files[0]).planes
    return planes[0].header.study_uid if planes else ""


def _joined(entities: Mapping[str, str], datatype: str, ending: str) -> PurePosixPath:
    parts = [f"{key}-{entities[key]}" for key in _ENTITIES if key in entities]
    folders = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
    return PurePosixPath(*folders, datatype, "_".join((*parts, ending)))


def bids_name(
    scan_id: str,
    modality: str,
    *,
    base: PurePosixPath | None = None,
    is_label: bool = False,
    study: str = "",
    salt: str = "",
) -> BidsName:
    """Name a scan so that no two scans of one listing get the same name.

    Entities are kept whole where the scan lies where BIDS wants it; elsewhere subject and session
    are, and `acq` tells scans of one name apart.

    Parameters
    ----------
    scan_id
        Relative path and safe name, as `inspect` prints it.
    base
        The folder it is relative to; None for a scan that was named alone, as a file.
    study
        What all scans of one visit share, e.g. a Study Instance UID; empty: the folder. Two studies
        of one person are two subjects.
    salt
        Enters every hash; without a secret one, whoever guesses a name can confirm the guess.
    """
    known = _parsed(scan_id)
    if known is not None and _is_in_place(known, scan_id, base, is_label):
        return known
    entities = dict(known.entities) if known else {"sub": _subject(scan_id, study, salt)}
    entities = {key: entities[key] for key in ("sub", "ses") if key in entities}
    entities["acq"] = derive_code("acquisition", scan_id, salt)[:8].lower()
    suffix = "dseg" if is_label else _suffix(scan_id, modality)
    return BidsName(entities, _datatype(suffix), suffix, is_made=True)


def mask_names(stem: str, what: str) -> tuple[str, ...]:
    """Return what a mask that belongs to an image of a tree may be called, without its suffix.

    Parameters
    ----------
    stem
        File name of the image without suffix.
    what
        What the mask marks: its `desc`.
    """
    known = _parsed(stem)
    if known is None or "desc" not in known.entities:
        return ()
    kinds = (replace(known, is_made=is_made) for is_made in (True, False))
    return tuple(kind.path(what, "", "mask").name for kind in kinds)


def _parsed(scan_id: str) -> BidsName | None:
    """Read entities from a name; None where it is not named the BIDS way."""
    *pairs, suffix = PurePosixPath(scan_id).name.split("_")
    split = [pair.partition("-") for pair in pairs]
    entities = {key: label for key, _, label in split}
    sound = all(key in _ENTITIES and label.isalnum() for key, label in entities.items())
    if "sub" not in entities or not sound or len(entities) < len(split) or not suffix.isalnum():
        return None
    return BidsName(entities, _datatype(suffix), suffix)


def _is_in_place(known: BidsName, scan_id: str, base: PurePosixPath | None, is_label: bool) -> bool:
    if "desc" in known.entities or (is_label != (known.suffix in ("dseg", "mask"))):
        return False
    if base is None:
        return True
    wanted, own = _joined(known.entities, known.datatype, known.suffix), PurePosixPath(scan_id)
    whole = (*base.parts, *own.parts)
    return len(own.parts) <= len(wanted.parts) and whole[-len(wanted.parts) :] == wanted.parts


def _datatype(suffix: str) -> str:
    if suffix == "pet":
        return "pet"
    return next((kind for kind, known in _DATATYPES.items() if suffix in known), "anat")


def _suffix(scan_id: str, modality: str) -> str:
    """Tell the weighting of an MR scan from the words of its name."""
    if modality == "mr":
        words = re.split(r"[^A-Za-z0-9]+", PurePosixPath(scan_id).name.lower())
        for word in words:
            if word in _WEIGHTINGS:
                return _WEIGHTINGS[word]
    return OUTSIDE.get(modality, OTHER)


def _subject(scan_id: str, study: str, salt: str) -> str:
    """Return a label that scans of one study, folder or file stem share, and no others.

    A folder is a person's where its files are named for what they are (`T1`, `image`); else every
    file is, so that two people never become one subject.
    """
    *folders, stem = PurePosixPath(scan_id).parts
    words = re.split(r"[_.-]+", stem)
    own = "_".join(word for word in words if not _says_what(word))
    parts = without_role(PurePosixPath(*folders, own or "image"))
    if not study and len(parts) == 1 and _NUMBERED.match(parts[0]):
        return re.sub(r"[^A-Za-z0-9]", "", parts[0])  # `patient07` names nobody
    return derive_code("subject", study or "/".join(parts) or stem, salt)[:8].lower()


def _says_what(word: str) -> bool:
    return word.lower() in _WEIGHTINGS or bool(ROLE_NAME.match(word))
