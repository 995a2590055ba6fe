"""Damage to files, and what every listing of damaged files must keep to.

Each round makes one folder, damages files in it, lists it and loads what was listed. An exception
that is no `MedganError` passes through: that is a fault.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from medgan.errors import MedganError
from medgan.scans import discover, load_found
from tests.scans.series import make_enhanced, make_series, save
from tests.scans.volumes import STRAIGHT, world_volume, write

ONE_MESSAGE = 300
"""Characters that a reason may have."""

ENCODED = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
FILES_A_DICOM_ROUND, FILES_A_NIFTI_ROUND = 3, 1


def mutate(content: bytes, rng: random.Random, header: int) -> bytes:
    """Flip, cut, repeat or insert bytes; three quarters of the damage falls on the header."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        end = min(header, len(data)) if rng.random() < 0.75 else len(data)
        at = rng.randrange(max(1, end))
        kind = rng.random()
        if kind < 0.7:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind < 0.8:
            data[at : at + 2] = b"\xff\xff"
        elif kind < 0.9:
            data[at:at] = rng.randbytes(rng.randint(1, 9))
        else:
            del data[at : at + rng.randint(1, 60)]
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)


def check(folder: Path) -> Counter[str]:
    """List, load what was listed, and look at every reason; count what came of it."""
    listing = discover(folder)
    tally = Counter({"refused": len(listing.refused), "set aside": len(listing.set_aside)})
    reasons = [entry.reason for entry in (*listing.refused, *listing.set_aside)]
    reasons += [note for found in listing.scans for note in found.notes]
    for found in listing.scans:
        try:
            load_found(found)
        except MedganError as error:
            reasons.append(str(error))
            tally["refused when loaded"] += 1
        else:
            tally["scans loaded"] += 1
            tally["damaged slices named"] += len(found.damaged)
    for reason in reasons:
        assert reason
        assert len(reason) < ONE_MESSAGE, reason
        assert "\n" not in reason, reason
    return tally


def dicom_round(folder: Path, seed: int) -> Counter[str]:
    """One series with two mutated slices, beside a mutated enhanced object."""
    rng = random.Random(seed)
    stack = make_series(n=5, rows=32, columns=32)
    _encode(stack, rng, seed)
    paths = save(stack, folder)
    for path in rng.sample(paths, 2):
        content = path.read_bytes()
        bare = rng.random() < 0.1  # without preamble and group 2: a bare data set
        content = content[content.index(b"\x08\x00", 132) :] if bare else content
        path.write_bytes(mutate(content, rng, 1200))
    (path,) = save([make_enhanced(n=4)], folder, ["enhanced"])
    path.write_bytes(mutate(path.read_bytes(), rng, 2500))
    return check(folder)


def _encode(stack: list[Dataset], rng: random.Random, seed: int) -> None:
    """Compress the slices of every eighth series, which starts a child process, vary others."""
    if seed % 8 == 0:
        syntax = rng.choice(ENCODED)
        for dataset in stack:
            dataset.compress(syntax, generate_instance_uid=False)
    elif seed % 8 in (1, 2):
        syntax = (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)[seed % 8 - 1]
        for dataset in stack:
            dataset.file_meta.TransferSyntaxUID = syntax


def nifti_round(folder: Path, seed: int) -> Counter[str]:
    """One mutated NIfTI file: plain, compressed, NIfTI-2 or a pair."""
    rng = random.Random(seed)
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    name, family = (
        ("a.nii.gz", nib.Nifti1Image),
        ("a.nii", nib.Nifti1Image),
        ("a.nii", nib.Nifti2Image),
        ("a.img", nib.Nifti1Pair),
    )[seed % 4]
    path = write(folder / name, stored, STRAIGHT, family=family)
    path = path.with_suffix(".hdr") if name == "a.img" else path
    path.write_bytes(mutate(path.read_bytes(), rng, 540 if family is nib.Nifti2Image else 348))
    return check(folder)


ROUNDS: dict[str, tuple[Callable[[Path, int], Counter[str]], int]] = {
    "DICOM": (dicom_round, FILES_A_DICOM_ROUND),
    "NIfTI": (nifti_round, FILES_A_NIFTI_ROUND),
}
"""What is damaged, how a round goes, and how many files it damages."""
