"""Which label map belongs to which image: the layouts people keep, read as cases.

By name, see `medgan/scans/roles.py` for the layouts; or as a MONAI datalist says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from medgan.data.cases import Case, Cases, Unpaired, first_reason
from medgan.data.datalist import find_datalist, read_datalist
from medgan.errors import DataError
from medgan.scans import Found, discover, is_further_channel, is_made_mask, without_role


def index_cases(folder: Path) -> Cases:
    """Pair the images and label maps below a folder, or in a MONAI datalist (JSON).

    Raises
    ------
    DataError
        If there is no image at all, or a datalist is not one.
    ReadError
        If the path does not exist or holds nothing.
    """
    datalist = find_datalist(folder)
    if datalist is not None:
        return read_datalist(*datalist)
    listing = discover(folder)
    cases = pair(listing.scans, listing.root)
    if not cases.pairs:
        raise DataError(
            f"no case to train on among {len(listing.scans)} scans; {first_reason(cases.unpaired)}",
            where=folder.name,
            hint="Lay the files out as images/X + labels/X, or give a MONAI datalist.",
        )
    return replace(cases, refused=listing.refused)


def pair(scans: Iterable[Found], root: Path) -> Cases:
    """Pair scans by their paths; see `without_role` for the layouts.

    Parameters
    ----------
    scans
        As found below `root`, images and label maps mixed.
    root
        What paths, and so ids, are relative to.
    """
    images: dict[tuple[str, ...], list[Found]] = defaultdict(list)
    labels: dict[tuple[str, ...], list[Found]] = defaultdict(list)
    unpaired: list[Unpaired] = []
    scans = tuple(scans)
    all_images = [found for found in scans if found.kind != "label"]
    for found in scans:
        path = _path(found, root)
        key = _key(found, path)
        if found.kind == "label":
            if is_made_mask(found, all_images):
                unpaired.append(Unpaired(str(path), "the mask of slices that medgan made"))
            else:
                labels[key].append(found)
        elif is_further_channel(path):
            unpaired.append(Unpaired(str(path), "a further channel; only _0000 is used"))
        else:
            images[key].append(found)

    if not labels:
        return Cases(_without_labels(images), tuple(unpaired))
    pairs: list[Case] = []
    for key in sorted(images.keys() | labels.keys()):
        reason = _fault(images.get(key, []), labels.get(key, []))
        if reason:
            both = images.get(key, []) + labels.get(key, [])
            unpaired += [Unpaired(str(_path(found, root)), reason) for found in both]
        else:
            pairs.append(Case("/".join(key) or "case", images[key][0], labels[key][0]))
    return Cases(tuple(pairs), tuple(unpaired))


def _without_labels(images: dict[tuple[str, ...], list[Found]]) -> tuple[Case, ...]:
    """Make every image a case; several series of one DICOM folder go by their own ids."""
    cases = [
        Case("/".join(key) if len(group) == 1 and key else found.id, found)
        for key, group in images.items()
        for found in group
    ]
    return tuple(sorted(cases, key=lambda case: case.id))


def _fault(images: list[Found], labels: list[Found]) -> str:
    """Why images and labels of one key make no case; empty if they do."""
    if len(images) > 1 or len(labels) > 1:
        return f"{len(images)} images and {len(labels)} label maps go by the same name"
    if not images:
        return "a label map without an image"
    if not labels:
        return "an image without a label map, among images that have one"
    return ""


def _path(found: Found, root: Path) -> PurePosixPath:
    """Where a scan lies below the root: its file, or the folder of its DICOM series."""
    first = next(file for file in found.source.files if file is not None)
    several = len({file for file in found.source.files if file is not None}) > 1
    base = root if root.is_dir() else root.parent
    return PurePosixPath((first.parent if several else first).relative_to(base).as_posix())


def _key(found: Found, path: PurePosixPath) -> tuple[str, ...]:
    """Take away from a path all that says image or label; volumes of one file stay apart."""
    key = without_role(path)
    if found.source.volume is None or found.source.n_volumes == 1:
        return key
    *folders, name = key or ("",)
    return (*folders, f"{name}_volume{found.source.volume}")
