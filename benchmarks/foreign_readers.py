"""Readers to compare, each as a function from a folder to the volumes it makes of it.

Each is used as its documentation shows, in its favour where there is a choice: every series of the
folder is asked for, sub-folders too, and of dcm2niix the corrected twin is taken.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from messy_truth import Made

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".img", ".mha", ".mhd", ".nrrd")

Reader = Callable[[Path], list[Made]]


def say(*lines: str) -> None:
    """Write lines where whoever uses the reader would see them."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def medgan(folder: Path) -> list[Made]:
    """`discover` and `load_found`; slices that are not present are NaN."""
    from medgan.scans import discover, load_found

    listing = discover(folder)
    for entry in listing.refused:
        say(f"refused: {entry.reason}")
    for found in listing.scans:
        say(*(f"note: {note}" for note in found.notes))
    return [Made(scan.values, scan.affine) for scan in map(load_found, listing.scans)]


def simpleitk_series(folder: Path) -> list[Made]:
    """`ImageSeriesReader` on every series that GDCM lists, folder by folder."""
    import SimpleITK

    made = []
    for place in sorted({folder, *(path for path in folder.rglob("*") if path.is_dir())}):
        for series in SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(place)):
            names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(place), series)
            reader = SimpleITK.ImageSeriesReader()
            reader.SetFileNames(names)
            made += _each(lambda reader=reader: _from_itk(reader.Execute()))
    return made


def simpleitk_volume(folder: Path) -> list[Made]:
    """`ReadImage` on every volume file."""
    import SimpleITK

    return [
        one
        for path in _volumes(folder)
        for one in _each(lambda path=path: _from_itk(SimpleITK.ReadImage(str(path))))
    ]


def nibabel_volume(folder: Path) -> list[Made]:
    """`nibabel.load` on every NIfTI file."""
    import nibabel

    def read(path: Path) -> list[Made]:
        image = nibabel.load(path)
        return _split_volumes(image.get_fdata(), image.affine)

    return [one for path in _volumes(folder) for one in _each(lambda path=path: read(path))]


def monai_pydicom(folder: Path) -> list[Made]:
    """`LoadImage` with `PydicomReader` on every folder that holds files."""
    from monai.data import PydicomReader

    return _monai(folder, PydicomReader)


def monai_itk(folder: Path) -> list[Made]:
    """`LoadImage` with `ITKReader` on every folder that holds files, or every volume file."""
    from monai.data import ITKReader

    return _monai(folder, ITKReader)


def monai_nibabel(folder: Path) -> list[Made]:
    """`LoadImage` with `NibabelReader` on every volume file."""
    from monai.data import NibabelReader

    return _monai(folder, NibabelReader)


def dicom2nifti(folder: Path) -> list[Made]:
    """`convert_directory`, without reorientation."""
    from dicom2nifti import convert_dir

    with tempfile.TemporaryDirectory() as out:
        convert_dir.convert_directory(str(folder), out, compression=False, reorient=False)
        return _niftis(Path(out))


def dcm2niix(folder: Path) -> list[Made]:
    """Run the program with its defaults; where it writes a corrected twin, that one is taken."""
    import dcm2niix as wheel

    with tempfile.TemporaryDirectory() as out:
        command = [str(wheel.bin), "-z", "n", "-b", "n", "-d", "9", "-o", out, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        say(done.stdout, done.stderr)
        stems = {path.stem for path in Path(out).glob("*.nii")}
        for stem in stems:
            if any(
                other != stem
                and other.startswith(f"{stem}_")
                and other[len(stem) :] in ("_Eq", "_Tilt", "_Tilt_Eq")
                for other in stems
            ):
                (Path(out) / f"{stem}.nii").unlink()
        return _niftis(Path(out))


def highdicom(folder: Path) -> list[Made]:
    """`get_volume_from_series` for each series, `Image.get_volume` for multi-frame objects."""
    import highdicom as hd
    import pydicom

    series: dict[str, list[Any]] = defaultdict(list)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with contextlib.suppress(Exception):
            dataset = pydicom.dcmread(path)
            if "PixelData" in dataset:
                series[dataset.SeriesInstanceUID].append(dataset)

    def read(datasets: list[Any]) -> list[Made]:
        if len(datasets) == 1 and "PerFrameFunctionalGroupsSequence" in datasets[0]:
            volume = hd.Image.from_dataset(datasets[0]).get_volume(apply_presentation_lut=False)
        else:
            volume = hd.get_volume_from_series(datasets, apply_presentation_lut=False)
        return [Made(volume.array, LPS_TO_RAS @ volume.affine)]

    return [one for datasets in series.values() for one in _each(lambda d=datasets: read(d))]


DICOM_READERS: dict[str, Reader] = {
    "medgan": medgan,
    "SimpleITK ImageSeriesReader": simpleitk_series,
    "dicom2nifti": dicom2nifti,
    "dcm2niix": dcm2niix,
    "MONAI PydicomReader": monai_pydicom,
    "MONAI ITKReader": monai_itk,
    "highdicom": highdicom,
}
VOLUME_READERS: dict[str, Reader] = {
    "medgan": medgan,
    "SimpleITK ReadImage": simpleitk_volume,
    "nibabel": nibabel_volume,
    "MONAI NibabelReader": monai_nibabel,
    "MONAI ITKReader": monai_itk,
}


def _each(read: Callable[[], list[Made]]) -> list[Made]:
    """Let one series or file fail without the others; say so."""
    try:
        return read()
    except Exception as error:
        say(f"refused: {type(error).__name__}: {error}")
        return []


def _volumes(folder: Path) -> Iterator[Path]:
    yield from sorted(p for p in folder.rglob("*") if p.name.endswith(VOLUME_SUFFIXES))


def _split_volumes(values: Any, affine: Any) -> list[Made]:
    if np.shape(affine) != (4, 4) or values.ndim not in (3, 4):
        say("refused: a picture without a place in space")
        return []
    volumes = [values] if values.ndim == 3 else [values[..., n] for n in range(values.shape[-1])]
    return [Made(np.asarray(v, dtype=np.float32), np.asarray(affine, dtype=float)) for v in volumes]


def _niftis(folder: Path) -> list[Made]:
    return nibabel_volume(folder)


def _from_itk(image: Any) -> list[Made]:
    import SimpleITK

    n = image.GetDimension()
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(n, n)[:3, :3]
    affine[:3, :3] = direction * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return _split_volumes(SimpleITK.GetArrayFromImage(image).T, LPS_TO_RAS @ affine)


def _monai(folder: Path, family: type) -> list[Made]:
    from monai.transforms import LoadImage

    load = LoadImage(reader=family(), image_only=True, ensure_channel_first=False)
    volumes = list(_volumes(folder))
    places = volumes or sorted({path.parent for path in folder.rglob("*") if path.is_file()})

    def read(place: Path) -> list[Made]:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            image = load(place)
        return _split_volumes(np.asarray(image), np.asarray(image.affine))

    return [one for place in places for one in _each(lambda place=place: read(place))]
