"""Mutated files: no crash, no traceback, one typed reason each; whatever loads can be scored."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from medgan.errors import MedganError
from medgan.scans import discover, load_found
from tests.scans.series import make_enhanced, make_series, save
from tests.scans.volumes import STRAIGHT, world_volume, write


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


def check(folder: Path) -> None:
    """List, load what was listed, and look at every reason."""
    listing = discover(folder)
    for found in listing.scans:
        with contextlib.suppress(MedganError):
            load_found(found)
    for entry in (*listing.refused, *listing.set_aside):
        assert entry.reason
        assert len(entry.reason) < 300
        assert "\n" not in entry.reason


def dicom_round(folder: Path, seed: int) -> None:
    """One series with two mutated slices, beside a mutated enhanced object."""
    rng = random.Random(seed)
    stack = make_series(n=5, rows=32, columns=32)
    syntax = rng.choice([None, RLELossless, JPEGLSLossless]) if seed % 8 == 0 else None
    for dataset in stack if syntax else []:
        dataset.compress(syntax, generate_instance_uid=False)
    paths = save(stack, folder)
    for path in rng.sample(paths, 2):
        path.write_bytes(mutate(path.read_bytes(), rng, 1200))
    (path,) = save([make_enhanced(n=4)], folder, ["enhanced"])
    path.write_bytes(mutate(path.read_bytes(), rng, 2500))
    check(folder)


def nifti_round(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    path = write(folder / ("a.nii.gz" if seed % 4 == 0 else "a.nii"), stored, STRAIGHT)
    path.write_bytes(mutate(path.read_bytes(), rng, 348))
    check(folder)


@pytest.mark.parametrize("seed", range(40))
def test_mutated_dicom(seed: int, tmp_path: Path) -> None:
    dicom_round(tmp_path, seed)


@pytest.mark.parametrize("seed", range(60))
def test_mutated_nifti(seed: int, tmp_path: Path) -> None:
    nifti_round(tmp_path, seed)


@pytest.mark.slow
def test_many_mutated_files(tmp_path: Path) -> None:
    """1,000 mutated DICOM files (three a round) and 300 NIfTI files."""
    for seed in range(1000, 1334):
        dicom_round(tmp_path / f"d{seed}", seed)
    for seed in range(1000, 1300):
        nifti_round(tmp_path / f"n{seed}", seed)
