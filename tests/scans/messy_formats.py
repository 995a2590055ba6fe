"""Messy DICOM folders: encodings, enhanced objects, character sets, archives."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import numpy as np
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.scans.messy import Cases, Expected, edit
from tests.scans.series import (
    CORONAL,
    SAGITTAL,
    Series,
    make_enhanced,
    make_series,
    save,
    set_pixels,
    truth,
    without,
)

case = CASES = Cases()


def large(**knobs: object) -> list[Dataset]:
    """A stack whose slices are large enough for every encoder."""
    return make_series(rows=40, columns=44, n=8, spacing_mm=(0.5, 0.5), **knobs)


def compressed(syntax: str) -> list[Dataset]:
    datasets = large()
    for dataset in datasets:
        dataset.compress(syntax, generate_instance_uid=False)
    return datasets


def to_jpeg_lossless(path: Path, process: str = "JPEGLosslessProcess14_1") -> None:
    """Have gdcm write the file again in JPEG Lossless."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, process)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()


# --- encodings ----------------------------------------------------------------------------------


@case
def rle(folder: Path) -> Expected:
    save(compressed(RLELossless), folder)
    return Expected((0,))


@case
def jpeg_2000(folder: Path) -> Expected:
    save(without(compressed(JPEG2000Lossless), 3), folder)
    return Expected((1,))


@case
def jpeg_ls(folder: Path) -> Expected:
    save(compressed(JPEGLSLossless), folder)
    return Expected((0,))


@case
def jpeg_lossless(folder: Path) -> Expected:
    for path in save(large(), folder):
        to_jpeg_lossless(path)
    return Expected((0,))


@case
def jpeg_ls_stream_cut(folder: Path) -> Expected:
    """The element is whole, the code stream in it is not."""
    datasets = compressed(JPEGLSLossless)
    (stream,) = generate_frames(datasets[3].PixelData, number_of_frames=1)
    datasets[3].PixelData = encapsulate([stream[: int(len(stream) * 0.7)]])
    save(datasets, folder)
    return Expected((1,), note="damaged")


@case
def compressed_file_cut_short(folder: Path) -> Expected:
    paths = save(compressed(RLELossless), folder)
    paths[3].write_bytes(paths[3].read_bytes()[:-300])
    return Expected((1,), note="damaged")


@case
def deflated(folder: Path) -> Expected:
    datasets = make_series()
    for dataset in datasets:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    save(datasets, folder)
    return Expected((0,))


@case
def implicit_little_endian(folder: Path) -> Expected:
    datasets = make_series()
    for dataset in datasets:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    save(datasets, folder)
    return Expected((0,))


@case
def mixed_transfer_syntaxes(folder: Path) -> Expected:
    datasets = large()
    datasets[0].compress(RLELossless, generate_instance_uid=False)
    datasets[1].compress(JPEG2000Lossless, generate_instance_uid=False)
    datasets[2].compress(JPEGLSLossless, generate_instance_uid=False)
    datasets[4].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    datasets[5].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    save(datasets, folder)
    return Expected((0,))


@case
def big_endian(folder: Path) -> Expected:
    datasets = make_series()
    for dataset in datasets:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    folder.mkdir(parents=True)
    for n, dataset in enumerate(datasets):
        dataset.save_as(
            folder / f"{n}.dcm", implicit_vr=False, little_endian=False, enforce_file_format=True
        )
    return Expected((0,))


@case
def no_preamble(folder: Path) -> Expected:
    """Bare data sets, as old PACS dumps hold them."""
    folder.mkdir(parents=True)
    for n, dataset in enumerate(make_series()):
        del dataset.file_meta
        path = folder / f"{n}"
        dataset.save_as(path, implicit_vr=n % 2 == 0, little_endian=True)
    return Expected((0,))


@case
def dicomdir_that_is_stale(folder: Path) -> Expected:
    save(without(make_series(), 5), folder / "IMAGES")
    index = Path(str(get_testdata_file("dicomdirtests/DICOMDIR")))
    (folder / "DICOMDIR").write_bytes(index.read_bytes())
    return Expected((1,), aside=("DICOMDIR",))


@case
def deep_tree_of_junk(folder: Path) -> Expected:
    stack = make_series()
    for n, dataset in enumerate(without(stack, 6)):
        save([dataset], folder / f"a{n % 3}" / "b" / f"c{n}", [f"{n}.IMA"])
    (folder / "a0" / "readme.md").write_text("# read me")
    (folder / "a1" / "random.bin").write_bytes(random.Random(2).randbytes(5000))
    (folder / "a2" / "empty.txt").write_bytes(b"")
    return Expected((1,), aside=("no scan", "an empty file"))


# --- enhanced multi-frame -----------------------------------------------------------------------


@case
def enhanced_ct(folder: Path) -> Expected:
    save([make_enhanced()], folder)
    return Expected((0,))


@case
def enhanced_ct_with_missing_frames(folder: Path) -> Expected:
    save([make_enhanced(order=[0, 1, 2, 4, 5, 6, 9, 10, 11])], folder)
    return Expected((3,))


@case
def enhanced_mr_frames_shuffled_and_missing(folder: Path) -> Expected:
    order = [11, 0, 3, 7, 1, 8, 2, 10, 9, 5]
    save([make_enhanced(modality="MR", order=order, axes=SAGITTAL)], folder)
    return Expected((2,))


@case
def enhanced_ct_tilted(folder: Path) -> Expected:
    save([make_enhanced(tilt_mm=0.25, order=[0, 1, 2, 3, 5, 6, 7])], folder)
    return Expected((1,), note="gantry tilt")


@case
def enhanced_mr_time_points(folder: Path) -> Expected:
    dataset = make_enhanced(modality="MR", order=[*range(6), 0, 1, 3, 4, 5], n=6)
    for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.TemporalPositionIndex = 1 + n // 6
        frame.FrameContentSequence = Sequence([content])
    save([dataset], folder)
    return Expected((0, 1))


@case
def enhanced_ct_rescale_per_frame(folder: Path) -> Expected:
    series = Series()
    dataset = make_enhanced(series)
    pixels = []
    for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        values = Dataset()
        values.RescaleSlope, values.RescaleIntercept = f"{0.5 + 0.05 * n:.2f}", str(-1000 - 8 * n)
        values.RescaleType = "HU"
        frame.PixelValueTransformationSequence = Sequence([values])
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        stored = (truth(series, position) + 1000 + 8 * n) / (0.5 + 0.05 * n)
        pixels.append(np.rint(stored).astype("<u2").tobytes())
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    dataset.PixelData = b"".join(pixels)
    save([dataset], folder)
    return Expected((0,), note="rescale differs", error=0.6)


@case
def enhanced_cut_short(folder: Path) -> Expected:
    """The last frame in the file lies inside the stack."""
    (path,) = save([make_enhanced(order=[*range(8), 9, 10, 11, 8])], folder)
    path.write_bytes(path.read_bytes()[:-30])
    return Expected((1,), note="damaged")


# --- texts --------------------------------------------------------------------------------------


@case
def japanese_names(folder: Path) -> Expected:
    stack = edit(make_series(), SpecificCharacterSet=["", "ISO 2022 IR 87"])
    edit(stack, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", SeriesDescription="頭部")
    save(stack, folder)
    return Expected((0,))


@case
def chinese_and_cyrillic_names(folder: Path) -> Expected:
    stack = make_series()
    edit(stack[:6], SpecificCharacterSet="GB18030", PatientName="Wang^XiaoDong=王^小东")
    edit(stack[6:], SpecificCharacterSet="ISO_IR 144", PatientName="Люкceмбypг")
    save(stack, folder)
    return Expected((0,))


@case
def bytes_that_no_character_set_explains(folder: Path) -> Expected:
    """A header in Latin-1 that says it is UTF-8, and one that names an unknown set."""
    stack = edit(make_series(), SeriesDescription="Schxdel")
    edit(stack[:6], SpecificCharacterSet="ISO_IR 192")
    edit(stack[6:], SpecificCharacterSet="ISO_IR 999")
    for path in save(stack, folder):
        path.write_bytes(path.read_bytes().replace(b"Schxdel", b"Sch\xe4del"))
    return Expected((0,))


# --- mixtures -----------------------------------------------------------------------------------


@case
def slice_of_another_matrix_inside(folder: Path) -> Expected:
    """One slice of a series was sent in another matrix: its position is a gap, and it is named."""
    stack = make_series(uid="2.25.5")
    odd = make_series(uid="2.25.5", rows=20, columns=28, spacing_mm=(0.75, 0.625))[5]
    stack[5] = odd
    save(stack, folder)
    return Expected((1,), note="another matrix", aside=("single slice",))


@case
def three_localizers_inside(folder: Path) -> Expected:
    planes = [make_series(uid="2.25.5", axes=axes, n=1)[0] for axes in (SAGITTAL, CORONAL)]
    save([*without(make_series(uid="2.25.5"), 4), *planes], folder)
    return Expected((1,), aside=("single slice",))


@case
def pet_with_missing_slices(folder: Path) -> Expected:
    stack = make_series(modality="PT", intercept=-2000.0)
    for n, dataset in enumerate(stack):
        dataset.RescaleSlope = f"{0.1 + 0.013 * n:.4f}"
        set_pixels(dataset, truth(Series(), np.array(dataset.ImagePositionPatient)))
        dataset.NumberOfSlices = 12
    save(without(stack, 4, 5), folder)
    return Expected((2,), note="rescale differs", error=0.2)


@case
def pet_missing_at_the_ends(folder: Path) -> Expected:
    save(edit(make_series(modality="PT"), NumberOfSlices=12)[2:], folder)
    return Expected((0,), note="2 may be missing at the ends")


@case
def image_types_mixed_without_order(folder: Path) -> Expected:
    stack = make_series(modality="MR")
    for n, dataset in enumerate(stack):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", ("ND", "NORM", "DIS2D")[n % 3]]
    save(without(stack, 7), folder)
    return Expected((1,))


@case
def no_pixel_size(folder: Path) -> Expected:
    stack = make_series()
    for dataset in stack:
        del dataset.PixelSpacing
    save(stack, folder)
    return Expected(refused=("pixel size",))


@case
def zip_of_dicom(folder: Path) -> Expected:
    paths = save(without(make_series(), 5), folder.parent / "unzipped")
    folder.mkdir()
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"series/{path.name}")
    return Expected((1,))
