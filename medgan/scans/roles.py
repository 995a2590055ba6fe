"""Which files belong together by name: what in a path says image or label, and what is left.

The one rule for training, export and names: strip what says image or label from two paths, and
what is left must agree. Layouts that follow it: `images/X` with `labels/X` (or `masks/X`),
`imagesTr/X_0000` with `labelsTr/X` (nnU-Net), `image.*` with `label.*` in one folder, and `X` with
`X_label` (or `X_seg`, `X_mask`) side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from medgan.scans.listing import Found

EXTENSIONS = re.compile(r"\.(nii\.gz|nii|nrrd|nhdr|mha|mhd|dcm)$", re.IGNORECASE)
"""What a file name ends in, beside its name."""

CHANNEL = re.compile(r"_(\d{4})$")
"""How nnU-Net numbers the channels of a case."""

ROLE_FOLDER = re.compile(r"^(images|labels|masks|segmentations)(Tr|Ts|Va|Val)?$", re.IGNORECASE)
ROLE_NAME = re.compile(r"^(image|label|labels|seg|dseg|mask|segmentation)$", re.IGNORECASE)
ROLE_SUFFIX = re.compile(r"[_.-](image|label|labels|seg|dseg|mask|segmentation)$", re.IGNORECASE)

_IN_TREE = re.compile(r"_desc-(estimated|missing)_mask$")
"""How masks of ours are called in a BIDS tree."""


def without_role(path: PurePosixPath) -> tuple[str, ...]:
    """Return the parts of a path without what says image or label; an image and its label agree.

    Parameters
    ----------
    path
        Relative path of a file or series, or the id of a scan. Only below `images` is a channel
        number taken away: elsewhere it may be what tells scans apart.
    """
    *folders, name = path.parts or ("",)
    stem = ROLE_SUFFIX.sub("", ROLE_NAME.sub("", EXTENSIONS.sub("", name)))
    if any(_says_images(folder) for folder in folders):
        stem = CHANNEL.sub("", stem)
    return tuple(part for part in (*map(_split_part, folders), stem) if part)


def is_further_channel(path: PurePosixPath) -> bool:
    """Whether a scan is another channel than the first of an nnU-Net case."""
    channel = CHANNEL.search(EXTENSIONS.sub("", path.name))
    role = ROLE_FOLDER.match(path.parent.name)
    in_nnunet = role is not None and _says_images(role[0]) and bool(role[2])
    return bool(channel and in_nnunet and int(channel[1]) > 0)


def is_made_mask(label: Found, images: Iterable[Found]) -> bool:
    """Whether a label map is a mask that medgan wrote beside an image: of slices, not of anatomy.

    By its name, and for `X_mask`, which may be anybody's, by whether medgan made slices of X.
    """
    own = _place(label)
    if _IN_TREE.search(own.name):
        return True
    for image in images:
        beside = _place(image)
        if own == beside.with_name(f"{beside.name}_missing_mask") or (
            image.holds_made and own == beside.with_name(f"{beside.name}_mask")
        ):
            return True
    return False


def _says_images(folder: str) -> bool:
    role = ROLE_FOLDER.match(folder)
    return role is not None and role[1].lower() == "images"


def _split_part(folder: str) -> str:
    """`images` and `labels` vanish; of `imagesTs` and `labelsTs` the part of the split stays."""
    role = ROLE_FOLDER.match(folder)
    if role is None:
        return folder
    part = role[2] or ""
    return "" if part.lower() == "tr" else part


def _place(found: Found) -> PurePosixPath:
    """Return where the file of a scan lies, without its extension; the same for all its volumes."""
    first = next(file for file in found.source.files if file is not None)
    return PurePosixPath(first.with_name(EXTENSIONS.sub("", first.name)).as_posix())
