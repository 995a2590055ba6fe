"""Messy volume files: NIfTI, MetaImage and NRRD, and archives of them."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK
from numpy.typing import NDArray

from tests.scans.messy import Cases, Expected, Volume
from tests.scans.volumes import SHEARED, STRAIGHT, oblique_affine, patch, world_volume, write

SHAPE = (16, 14, 12)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

case = CASES = Cases()


def values(affine: NDArray[np.float64] = STRAIGHT) -> NDArray[np.int16]:
    return np.rint(world_volume(affine)).astype("i2")


def one(affine: NDArray[np.float64] = STRAIGHT, *missing: int, fill: float = np.nan) -> Volume:
    return Volume(affine, SHAPE, 2, missing, fill)


def whole(affine: NDArray[np.float64] = STRAIGHT, **more: object) -> Expected:
    return replace(Expected((0,), volumes=(one(affine),)), **more)  # type: ignore[arg-type]


def write_itk(path: Path, affine: NDArray[np.float64], stored: NDArray[np.generic]) -> Path:
    """Write a volume with SimpleITK, compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(stored.T))
    lps = LPS @ affine
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(steps.tolist())
    image.SetDirection((lps[:3, :3] / steps).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    SimpleITK.WriteImage(image, str(path), path.suffix != ".nrrd")
    return path


def with_gap(fill: float) -> NDArray[np.float64]:
    stored = values().astype(float)
    stored[:, :, 4:6] = fill
    return stored


# --- NIfTI --------------------------------------------------------------------------------------


@case
def nifti(folder: Path) -> Expected:
    write(folder / "a.nii", values(), STRAIGHT)
    return whole()


@case
def nifti_gz_oblique(folder: Path) -> Expected:
    write(folder / "a.nii.gz", values(oblique_affine()), oblique_affine())
    return whole(oblique_affine())


@case
def nifti_pair(folder: Path) -> Expected:
    write(folder / "a.img", values(), STRAIGHT, family=nib.Nifti1Pair)
    return whole()


@case
def nifti_2(folder: Path) -> Expected:
    write(folder / "a.nii.gz", values(), STRAIGHT, family=nib.Nifti2Image)
    return whole()


@case
def nifti_sform_only(folder: Path) -> Expected:
    write(folder / "a.nii", values(oblique_affine()), oblique_affine(), qform=0)
    return whole(oblique_affine())


@case
def nifti_qform_only(folder: Path) -> Expected:
    write(folder / "a.nii", values(oblique_affine()), oblique_affine(), sform=0)
    return whole(oblique_affine())


@case
def nifti_no_codes(folder: Path) -> Expected:
    write(folder / "a.nii", values(), STRAIGHT, sform=0, qform=0)
    return Expected(refused=("no world",))


@case
def nifti_forms_disagree(folder: Path) -> Expected:
    """Sform 8 mm off qform: sform counts (NIfTI-1, method 3)."""
    folder.mkdir(parents=True)
    image = nib.Nifti1Image(values(), STRAIGHT)
    other = STRAIGHT.copy()
    other[:3, 3] += 8
    image.set_sform(STRAIGHT, 1)
    image.set_qform(other, 1)
    nib.save(image, folder / "a.nii.gz")
    return whole(note="sform")


@case
def nifti_sheared(folder: Path) -> Expected:
    write(folder / "a.nii.gz", values(SHEARED), SHEARED, qform=0)
    return whole(SHEARED, note="sheared")


@case
def nifti_4d(folder: Path) -> Expected:
    stack = np.stack([values(), values() + 100], axis=-1).astype("i2")
    write(folder / "a.nii.gz", stack, STRAIGHT)
    return Expected((0, 0), contrasts=2, volumes=(one(), one()))


@case
def nifti_scaled_integers(folder: Path) -> Expected:
    stored = np.rint((world_volume(STRAIGHT) + 700) / 0.25).astype("i2")
    write(folder / "a.nii", stored, STRAIGHT, slope=0.25, intercept=-700.0)
    return whole(error=0.2)


@case
def nifti_nan_slices(folder: Path) -> Expected:
    write(folder / "a.nii.gz", with_gap(np.nan).astype("f4"), STRAIGHT)
    return Expected((2,), volumes=(one(STRAIGHT, 4, 5),))


@case
def nifti_zero_slices(folder: Path) -> Expected:
    write(folder / "a.nii.gz", with_gap(0).astype("i2"), STRAIGHT)
    return Expected((2,), note="constant slices", volumes=(one(STRAIGHT, 4, 5, fill=0),))


@case
def nifti_gz_cut_short(folder: Path) -> Expected:
    path = write(folder / "a.nii.gz", values(), STRAIGHT)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    return Expected(refused=("cut short",))


@case
def nifti_cut_short(folder: Path) -> Expected:
    path = write(folder / "a.nii", values(), STRAIGHT)
    path.write_bytes(path.read_bytes()[:-500])
    return Expected(refused=("cut short",))


@case
def nifti_in_metres(folder: Path) -> Expected:
    metres = STRAIGHT.copy()
    metres[:3] /= 1000
    path = write(folder / "a.nii", values(), metres)
    patch(path, 123, bytes([1]))
    return whole(note="mm")


@case
def nifti_name_lies_about_gzip(folder: Path) -> Expected:
    path = write(folder / "b.nii", values(), STRAIGHT)
    (folder / "a.nii").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return whole()


# --- MetaImage, NRRD, archives ------------------------------------------------------------------


@case
def mha(folder: Path) -> Expected:
    write_itk(folder / "a.mha", oblique_affine(), values(oblique_affine()))
    return whole(oblique_affine())


@case
def mhd_with_its_values_beside(folder: Path) -> Expected:
    write_itk(folder / "a.mhd", STRAIGHT, values())
    return whole()


@case
def nrrd(folder: Path) -> Expected:
    write_itk(folder / "a.nrrd", oblique_affine(), values(oblique_affine()))
    return whole(oblique_affine())


@case
def nrrd_zero_slices(folder: Path) -> Expected:
    write_itk(folder / "a.nrrd", STRAIGHT, with_gap(0).astype("i2"))
    return Expected((2,), volumes=(one(STRAIGHT, 4, 5, fill=0),))


@case
def mha_cut_short(folder: Path) -> Expected:
    path = write_itk(folder / "a.mha", STRAIGHT, values())
    path.write_bytes(path.read_bytes()[:-400])
    return Expected(refused=("cut short",))


@case
def zip_of_volumes(folder: Path) -> Expected:
    source = folder.parent / "unzipped"
    write(source / "a.nii.gz", values(), STRAIGHT)
    write_itk(source / "b.mha", oblique_affine(), values(oblique_affine()))
    write_itk(source / "c.nrrd", STRAIGHT, values())
    write(source / "d.img", values(), STRAIGHT, family=nib.Nifti1Pair)
    folder.mkdir()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for path in sorted(source.iterdir()):
            archive.write(path, path.name)
    shutil.rmtree(source)
    volumes = (one(), one(oblique_affine()), one(), one())
    return Expected((0, 0, 0, 0), volumes=volumes)
