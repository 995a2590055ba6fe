"""Messy DICOM folders: whole series of which something is odd, lost, doubled or mixed up."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tests.scans.messy import Cases, Expected, edit
from tests.scans.series import (
    CORONAL,
    SAGITTAL,
    Series,
    make_series,
    oblique,
    save,
    set_pixels,
    texts,
    truth,
    without,
    world_value,
)

case = CASES = Cases()


# --- whole stacks -------------------------------------------------------------------------------


@case
def plain_axial(folder: Path) -> Expected:
    save(make_series(), folder)
    return Expected((0,))


@case
def plain_sagittal(folder: Path) -> Expected:
    save(make_series(axes=SAGITTAL), folder)
    return Expected((0,))


@case
def plain_coronal_mr(folder: Path) -> Expected:
    save(make_series(axes=CORONAL, modality="MR"), folder)
    return Expected((0,))


@case
def plain_oblique(folder: Path) -> Expected:
    save(make_series(axes=oblique()), folder)
    return Expected((0,))


@case
def pet_with_a_slope_per_slice(folder: Path) -> Expected:
    stack = make_series(modality="PT", intercept=-2000.0)
    for n, dataset in enumerate(stack):
        dataset.RescaleSlope = f"{0.1 + 0.013 * n:.4f}"
        set_pixels(dataset, truth(Series(modality="PT"), np.array(dataset.ImagePositionPatient)))
    save(stack, folder)
    return Expected((0,), note="rescale differs", error=0.2)


@case
def no_suffix_and_sub_folders(folder: Path) -> Expected:
    stack = make_series()
    save(stack[:5], folder / "a" / "b", [f"IM{n}" for n in range(5)])
    save(stack[5:], folder / "c", [f"file{n}.txt" for n in range(7)])
    return Expected((0,))


@case
def instance_numbers_reversed(folder: Path) -> Expected:
    stack = make_series()
    for n, dataset in enumerate(stack):
        dataset.InstanceNumber = 100 - n
    save(without(stack, 4), folder)
    return Expected((1,))


@case
def instance_numbers_shuffled(folder: Path) -> Expected:
    stack = make_series()
    numbers = list(range(12))
    random.Random(1).shuffle(numbers)
    for dataset, number in zip(stack, numbers, strict=True):
        dataset.InstanceNumber = number
    save(stack, folder)
    return Expected((0,))


@case
def instance_numbers_absent_and_slice_location_wrong(folder: Path) -> Expected:
    stack = make_series()
    for n, dataset in enumerate(stack):
        del dataset.InstanceNumber
        dataset.SliceLocation = str((n * 5) % 12)
    save(without(stack, 2, 7), folder)
    return Expected((2,))


@case
def thickness_unlike_the_step(folder: Path) -> Expected:
    save(edit(make_series(), SliceThickness="5", SpacingBetweenSlices="-7"), folder)
    return Expected((0,))


@case
def position_jitter(folder: Path) -> Expected:
    stack, rng = make_series(), np.random.default_rng(3)
    for dataset in stack:
        shifted = np.array(dataset.ImagePositionPatient) + rng.uniform(-0.015, 0.015, 3)
        dataset.ImagePositionPatient = texts(shifted)
    save(without(stack, 3), folder)
    return Expected((1,), note="stray up to", error=0.8)


@case
def orientation_jitter(folder: Path) -> Expected:
    stack, rng = make_series(), np.random.default_rng(4)
    for dataset in stack:
        cosines = np.array(dataset.ImageOrientationPatient) + rng.uniform(-4e-4, 4e-4, 6)
        dataset.ImageOrientationPatient = texts(cosines)
    save(stack, folder)
    return Expected((0,), error=0.8)


@case
def positions_written_with_one_decimal(folder: Path) -> Expected:
    stack = make_series(step_mm=2.25)
    for dataset in stack:
        dataset.ImagePositionPatient = [f"{x:.1f}" for x in dataset.ImagePositionPatient]
    save(without(stack, 5), folder)
    return Expected((1,), note="stray up to", error=1.2)


@case
def monochrome1(folder: Path) -> Expected:
    save(edit(make_series(), PhotometricInterpretation="MONOCHROME1"), folder)
    return Expected((0,), note="MONOCHROME1")


@case
def same_uid_at_other_positions(folder: Path) -> Expected:
    stack = make_series()
    stack[7].SOPInstanceUID = stack[2].SOPInstanceUID
    stack[7].file_meta.MediaStorageSOPInstanceUID = stack[2].SOPInstanceUID
    save(stack, folder)
    return Expected((0,), note="share SOP Instance UIDs")


@case
def blank_uids(folder: Path) -> Expected:
    stack = make_series()
    edit(stack, SeriesInstanceUID="", StudyInstanceUID="", SOPInstanceUID="", SOPClassUID="")
    for n, dataset in enumerate(stack):
        dataset.save_as(_path(folder, n), enforce_file_format=False)
    return Expected((0,))


@case
def blank_uids_of_two_series(folder: Path) -> Expected:
    first = make_series(description="one")
    second = make_series(description="two", origin=(0.0, 0.0, 5.0))
    for n, dataset in enumerate(edit([*first, *second], SeriesInstanceUID="")):
        dataset.save_as(_path(folder, n), enforce_file_format=False)
    return Expected((0, 0))


def _path(folder: Path, n: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{n}.dcm"


# --- gaps ---------------------------------------------------------------------------------------


@case
def gap_of_one(folder: Path) -> Expected:
    save(without(make_series(), 6), folder)
    return Expected((1,))


@case
def gap_of_three(folder: Path) -> Expected:
    save(without(make_series(), 6, 7, 8), folder)
    return Expected((3,))


@case
def gaps_scattered(folder: Path) -> Expected:
    save(without(make_series(), 1, 4, 5, 9), folder)
    return Expected((4,))


@case
def every_other_slice_of_a_part(folder: Path) -> Expected:
    """3 6 6 6 3 3 ...: holes, and the instance numbers say so."""
    save(without(make_series(), 2, 4, 6), folder)
    return Expected((3,))


@case
def ends_missing_and_the_header_says_so(folder: Path) -> Expected:
    save(edit(make_series(), ImagesInAcquisition=12)[2:], folder)
    return Expected((0,), note="2 may be missing at the ends")


@case
def zero_byte_file_inside(folder: Path) -> Expected:
    paths = save(make_series(), folder)
    paths[5].write_bytes(b"")
    return Expected((1,), refused=("an empty file",))


@case
def junk_named_like_a_slice(folder: Path) -> Expected:
    paths = save(make_series(), folder)
    paths[5].write_bytes(random.Random(0).randbytes(4000))
    return Expected((1,), refused=("no DICOM file",))


@case
def slice_cut_in_its_pixels(folder: Path) -> Expected:
    paths = save(make_series(), folder)
    paths[5].write_bytes(paths[5].read_bytes()[:-40])
    return Expected((1,), note="damaged, treated as missing")


@case
def slice_cut_before_its_pixels(folder: Path) -> Expected:
    paths = save(make_series(), folder)
    content = paths[5].read_bytes()
    paths[5].write_bytes(content[: content.rindex(b"\xe0\x7f\x10\x00") - 1])
    return Expected((1,), note="damaged, treated as missing")


@case
def slice_cut_inside_its_position(folder: Path) -> Expected:
    """The text of the position is cut: it must not be taken for a whole one."""
    stack = make_series()
    paths = save(stack, folder)
    content = paths[5].read_bytes()
    place = "\\".join(str(x) for x in stack[5].ImagePositionPatient).encode()
    at = content.index(place)
    paths[5].write_bytes(content[: at + len(place) - 3])
    return Expected((1,), refused=("damaged",))


@case
def damaged_slice_at_the_end(folder: Path) -> Expected:
    paths = save(make_series(), folder)
    paths[11].write_bytes(paths[11].read_bytes()[:-40])
    return Expected((0,), refused=("at the end of a stack",))


@case
def gap_with_tilt(folder: Path) -> Expected:
    save(without(make_series(tilt_mm=0.25), 3, 4), folder)
    return Expected((2,), note="gantry tilt")


# --- what is refused ----------------------------------------------------------------------------


@case
def two_spacings(folder: Path) -> Expected:
    save(make_series(offsets_mm=(0, 3, 6, 9, 15, 21, 27)), folder)
    return Expected(refused=("variable slice spacing",))


@case
def thin_thick_thin(folder: Path) -> Expected:
    save(make_series(offsets_mm=(0, 3, 6, 9, 15, 21, 27, 30, 33, 36)), folder)
    return Expected(refused=("variable slice spacing",))


@case
def growing_spacing(folder: Path) -> Expected:
    save(make_series(offsets_mm=tuple(0.1 * k * k + 3 * k for k in range(8))), folder)
    return Expected(refused=("variable slice spacing",))


@case
def steps_that_are_no_multiples(folder: Path) -> Expected:
    save(make_series(offsets_mm=(0, 3, 6, 10, 13, 16)), folder)
    return Expected(refused=("variable slice spacing",))


@case
def more_than_half_missing(folder: Path) -> Expected:
    save(without(make_series(n=14), *range(2, 11)), folder)
    return Expected(refused=("at least half",))


@case
def two_unlike_images_at_one_position(folder: Path) -> Expected:
    stack = make_series()
    other = make_series()[4]
    other.SOPInstanceUID = "2.25.77"
    other.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    set_pixels(other, world_value(np.zeros((10, 14, 3))))
    save([*stack, other], folder)
    return Expected(refused=("unlike images",))


@case
def same_uid_two_unlike_images(folder: Path) -> Expected:
    other = make_series()[4]
    set_pixels(other, world_value(np.zeros((10, 14, 3))))
    save([*make_series(), other], folder)
    return Expected(refused=("unlike images",))


@case
def no_position(folder: Path) -> Expected:
    stack = make_series()
    for dataset in stack:
        del dataset.ImagePositionPatient
    save(stack, folder)
    return Expected(refused=("no position",))


@case
def one_slice_without_position(folder: Path) -> Expected:
    stack = make_series()
    del stack[5].ImagePositionPatient
    save(stack, folder)
    return Expected((1,), refused=("no position",), note="could not be placed")


@case
def nearly_parallel_slices(folder: Path) -> Expected:
    """A fan of slices, half a degree apart: no grid holds them."""
    stack = make_series()
    for n, dataset in enumerate(stack):
        a = np.deg2rad(0.5 * n)
        dataset.ImageOrientationPatient = texts([1, 0, 0, 0, np.cos(a), np.sin(a)])
    save(stack, folder)
    return Expected(refused=("not parallel",))


@case
def slices_shifted_sideways(folder: Path) -> Expected:
    stack = make_series()
    for dataset in stack[6:]:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = texts((x + 2.0, y, z))
        set_pixels(dataset, truth(Series(), np.array(dataset.ImagePositionPatient)))
    save(stack, folder)
    return Expected(refused=("straight line",))


@case
def modality_lookup_table(folder: Path) -> Expected:
    stack = make_series()
    for dataset in stack:
        dataset.ModalityLUTSequence = [Dataset()]
    save(stack, folder)
    return Expected(refused=("lookup table",))


# --- several things in one folder ---------------------------------------------------------------


@case
def two_series(folder: Path) -> Expected:
    first, second = make_series(number=1), make_series(number=2, axes=SAGITTAL)
    save([*without(first, 3), *second], folder)
    return Expected((1, 0))


@case
def two_matrix_sizes_in_one_series(folder: Path) -> Expected:
    first = make_series(uid="2.25.5")
    second = make_series(uid="2.25.5", rows=12, origin=(0.0, 0.0, 0.0))
    save([*first, *second], folder)
    return Expected((0, 0))


@case
def localizer_inside_the_series(folder: Path) -> Expected:
    scout = make_series(uid="2.25.5", axes=SAGITTAL, n=1, rows=20)
    edit(scout, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save([*make_series(uid="2.25.5"), *scout], folder)
    return Expected((0,), aside=("localizer",))


@case
def localizer_not_named_as_one(folder: Path) -> Expected:
    scout = make_series(uid="2.25.5", axes=SAGITTAL, n=1)
    save([*make_series(uid="2.25.5"), *scout], folder)
    return Expected((0,), aside=("single slice",))


@case
def single_slice(folder: Path) -> Expected:
    save(make_series(n=1), folder)
    return Expected(aside=("single slice",))


@case
def mosaic(folder: Path) -> Expected:
    save(edit(make_series(n=2), ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), folder)
    return Expected(aside=("mosaic",))


@case
def mosaic_whose_image_type_was_cleaned(folder: Path) -> Expected:
    """Only the vendor's own element still tells how many slices are tiled into one picture."""
    tiled = make_series(n=3, modality="MR")
    for dataset in tiled:
        dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
        dataset.add_new(0x0019100A, "US", 25)
    save(tiled, folder)
    return Expected(aside=("mosaic",))


@case
def stray_files(folder: Path) -> Expected:
    save(make_series(), folder)
    (folder / "notes.txt").write_text("hello")
    (folder / ".DS_Store").write_bytes(b"\0\0")
    (folder / "._im.dcm").write_bytes(b"Mac OS X")
    return Expected((0,), aside=("no scan", "file system"))


@case
def secondary_capture_beside(folder: Path) -> Expected:
    picture = make_series(n=1, modality="SC", uid="2.25.6")
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(picture[0], name)
    save([*make_series(), *picture], folder)
    return Expected((0,), aside=("pictures without a position",))


@case
def structured_report_beside(folder: Path) -> Expected:
    save(make_series(), folder)
    report = make_series(n=1)[0]
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    for name in ("Rows", "Columns", "PixelData"):
        delattr(report, name)
    save([report], folder, ["report.dcm"])
    return Expected((0,), aside=("holds no image",))


@case
def time_points(folder: Path) -> Expected:
    stacks = []
    for time in range(3):
        part = edit(make_series(uid="2.25.5"), TemporalPositionIdentifier=time)
        for n, dataset in enumerate(part):
            _renew(dataset, f"2.25.9{time}{n:03d}")
        stacks.append(part)
    save([*stacks[0], *without(stacks[1], 4), *stacks[2]], folder)
    return Expected((0, 0, 1), note="3 stacks")


@case
def time_points_told_by_trigger_time(folder: Path) -> Expected:
    """Trigger times differ from slice to slice too: only their order at each position counts."""
    everything = []
    for time in range(2):
        for n, dataset in enumerate(make_series(uid="2.25.5", modality="MR")):
            _renew(dataset, f"2.25.9{time}{n:03d}")
            dataset.TriggerTime = f"{40 * time + 0.7 * n:.1f}"
            _brighten(dataset, time)
            everything.append(dataset)
    save(everything, folder)
    return Expected((0, 0), contrasts=2)


@case
def echoes(folder: Path) -> Expected:
    everything = []
    for echo in (1, 2):
        for n, dataset in enumerate(make_series(uid="2.25.5", modality="MR")):
            _renew(dataset, f"2.25.9{echo}{n:03d}")
            dataset.EchoNumbers, dataset.EchoTime = echo, str(20 * echo)
            _brighten(dataset, echo - 1)
            everything.append(dataset)
    save(without(everything, 2, 17), folder)
    return Expected((1, 1), contrasts=2)


@case
def echoes_on_alternate_positions(folder: Path) -> Expected:
    """Nothing repeats, but two contrasts in one volume would be no scan."""
    stack = make_series(modality="MR")
    for n, dataset in enumerate(stack):
        dataset.EchoTime = str(20 + 60 * (n % 2))
    save(stack, folder)
    return Expected((0, 0))


@case
def b_values(folder: Path) -> Expected:
    everything = []
    for b in (0, 1000):
        for n, dataset in enumerate(make_series(uid="2.25.5", modality="MR")):
            _renew(dataset, f"2.25.9{b}{n:03d}")
            dataset.add_new(0x00189087, "FD", float(b))
            _brighten(dataset, b / 1000)
            everything.append(dataset)
    save(everything, folder)
    return Expected((0, 0), contrasts=2)


@case
def magnitude_and_phase(folder: Path) -> Expected:
    everything = []
    for word in ("M", "P"):
        for n, dataset in enumerate(make_series(uid="2.25.5", modality="MR")):
            _renew(dataset, f"2.25.{ord(word)}{n:03d}")
            dataset.ImageType = ["ORIGINAL", "PRIMARY", word, "ND"]
            everything.append(dataset)
    save(without(everything, 3), folder)
    return Expected((1, 0))


@case
def derived_and_original_slices_in_one_stack(folder: Path) -> Expected:
    """As in a restored series: image types differ, positions do not repeat."""
    stack = make_series()
    for dataset in stack[4:6]:
        dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        dataset.add_new(0x0008001C, "CS", "YES")
    save(stack, folder)
    return Expected((0,), note="synthetic")


@case
def acquisition_number_per_slice(folder: Path) -> Expected:
    stack = make_series()
    for n, dataset in enumerate(stack):
        dataset.AcquisitionNumber = n
    save(without(stack, 8), folder)
    return Expected((1,))


@case
def two_acquisitions(folder: Path) -> Expected:
    everything = []
    for acquisition in (1, 2):
        for n, dataset in enumerate(make_series(uid="2.25.5")):
            _renew(dataset, f"2.25.9{acquisition}{n:03d}")
            dataset.AcquisitionNumber = acquisition
            _brighten(dataset, acquisition - 1)
            everything.append(dataset)
    save(everything, folder)
    return Expected((0, 0), contrasts=2)


@case
def folder_copied_twice(folder: Path) -> Expected:
    save(without(make_series(), 4), folder / "a")
    save(without(make_series(), 4), folder / "b")
    return Expected((1,), aside=("copies",), note="copies")


@case
def one_file_copied(folder: Path) -> Expected:
    stack = make_series()
    save([*stack, stack[3]], folder)
    return Expected((0,), aside=("copies",), note="copies")


@case
def two_patients_under_one_series_uid(folder: Path) -> Expected:
    """A careless anonymiser: no position repeats, yet they are two scans."""
    first = make_series(uid="2.25.5")
    second = make_series(uid="2.25.5", origin=(-9.0, -7.5, 19.5))
    save([*first, *edit(second, PatientID="another")], folder)
    return Expected((0, 0))


@case
def two_frames_of_reference(folder: Path) -> Expected:
    second = make_series(uid="2.25.5", origin=(-9.0, -7.5, 19.5), frame_uid="2.25.8")
    save([*make_series(uid="2.25.5"), *second], folder)
    return Expected((0, 0))


@case
def second_acquisition_half_a_step_off(folder: Path) -> Expected:
    """Merging is defensible, silence is not."""
    first = edit(make_series(uid="2.25.5"), AcquisitionNumber=1)
    second = edit(make_series(uid="2.25.5", origin=(-9.0, -7.5, -15.0)), AcquisitionNumber=2)
    save([*first, *second], folder)
    return Expected((0,), note="differ in acquisition number")


@case
def pixels_copied_under_new_uids(folder: Path) -> Expected:
    stack = make_series(uid="2.25.5")
    again = make_series(uid="2.25.5")
    for n, dataset in enumerate(again):
        _renew(dataset, f"2.25.9{n:03d}")
    save([*stack, *again[2:5]], folder)
    return Expected((0,), aside=("copies",), note="copies")


@case
def damaged_copy_beside_an_intact_slice(folder: Path) -> Expected:
    paths = save(make_series(), folder / "a")
    copy = folder / "b.dcm"
    copy.write_bytes(paths[3].read_bytes()[:-20])
    return Expected((0,), refused=("another file holds this slice",))


@case
def some_slices_turned_half_round(folder: Path) -> Expected:
    """Rows and columns run backwards in a block of slices: two stacks, each right."""
    first, second = make_series(uid="2.25.5")[:6], []
    turned = Series(
        uid="2.25.5", axes=((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)), origin=(7.25, 6.0, 1.5)
    )
    second = make_series(turned, n=6)
    save([*first, *second], folder)
    return Expected((0, 0), note="2 stacks")


@case
def rescale_that_is_no_number(folder: Path) -> Expected:
    """A decimal comma: 0,5 must not come out as 1."""
    for n, path in enumerate(save(make_series(slope=0.5), folder)):
        if n == 4:
            path.write_bytes(path.read_bytes().replace(b"DS\x04\x000.5 ", b"DS\x04\x000,5 "))
    return Expected((1,), note="a rescale that is no number")


@case
def matrix_smaller_than_its_pixels(folder: Path) -> Expected:
    """A header whose rows were halved by mistake: rows would be read as other rows."""
    stack = make_series()
    stack[4].Rows, stack[4].Columns = 5, 7
    save(stack, folder)
    return Expected((1,), refused=("too long for its matrix",))


@case
def philips_scaling(folder: Path) -> Expected:
    stack = make_series(modality="MR", slope=0.5, intercept=-1000.0)
    for dataset in stack:
        dataset.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
        dataset.add_new(0x2005100E, "FL", 0.0123)
    save(stack, folder)
    return Expected((0,), note="Philips private scale slope")


@case
def range_of_padding_values(folder: Path) -> Expected:
    stack = make_series(signed=True, intercept=0.0)
    for dataset in stack:
        dataset.add_new(0x00280120, "SS", -2000)
        dataset.add_new(0x00280121, "SS", -1990)
    save(stack, folder)
    return Expected((0,), note="range of padding")


@case
def every_second_slice_by_the_header(folder: Path) -> Expected:
    """Equal steps of 6 mm where the header says 3: positions are trusted, and it is said."""
    save(edit(make_series(step_mm=6.0), SpacingBetweenSlices="3"), folder)
    return Expected((0,), note="positions are trusted")


@case
def every_second_slice_by_the_numbers(folder: Path) -> Expected:
    """1, 3, 5, ... in equal steps: a whole stack by its positions, and it is said."""
    save(make_series(n=15)[::2], folder)
    return Expected((0,), note="count by 2")


@case
def dynamic_series_told_by_acquisition_time(folder: Path) -> Expected:
    everything = []
    for time in range(2):
        for n, dataset in enumerate(make_series(uid="2.25.5", modality="PT")):
            _renew(dataset, f"2.25.9{time}{n:03d}")
            dataset.AcquisitionDate, dataset.AcquisitionTime = "20200101", f"120{time}{n:02d}"
            _brighten(dataset, time)
            everything.append(dataset)
    save(everything, folder)
    return Expected((0, 0), contrasts=2)


@case
def repeated_slice_with_its_own_acquisition_number(folder: Path) -> Expected:
    """A split that only isolates one image hides a clash: it stays refused."""
    stack = edit(make_series(uid="2.25.5"), AcquisitionNumber=1)
    (again,) = edit(make_series(uid="2.25.5")[4:5], AcquisitionNumber=2)
    _renew(again, "2.25.977")
    _brighten(again, 3)
    save([*stack, again], folder)
    return Expected(refused=("unlike images",))


def _renew(dataset: Dataset, uid: str) -> None:
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid


def _brighten(dataset: Dataset, times: float) -> None:
    """Another image at the same place: the world's value plus 100 a time."""
    stored = np.frombuffer(dataset.PixelData, "<u2") + np.uint16(round(100 * times))
    dataset.PixelData = stored.tobytes()


# --- values -------------------------------------------------------------------------------------


@case
def rescale_per_slice(folder: Path) -> Expected:
    stack = make_series(intercept=-1000.0)
    for n, dataset in enumerate(stack):
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{0.5 + 0.1 * n:.1f}", str(-1000 - 8 * n)
        set_pixels(dataset, truth(Series(), np.array(dataset.ImagePositionPatient)))
    save(without(stack, 5), folder)
    return Expected((1,), note="rescale differs", error=0.9)


@case
def signed_and_unsigned_mixed(folder: Path) -> Expected:
    stack = make_series()
    for dataset in stack[::2]:
        dataset.PixelRepresentation, dataset.RescaleIntercept = 1, "0"
        set_pixels(dataset, truth(Series(), np.array(dataset.ImagePositionPatient)))
    save(stack, folder)
    return Expected((0,), note="signed and unsigned")


@case
def twelve_bits_with_overlay_above(folder: Path) -> Expected:
    stack = make_series(bits_stored=12)
    for dataset in stack:
        stored = np.frombuffer(dataset.PixelData, "<u2").copy()
        stored[::3] |= 0x4000
        dataset.PixelData = stored.tobytes()
    save(stack, folder)
    return Expected((0,))


@case
def twelve_bits_signed_not_extended(folder: Path) -> Expected:
    stack = make_series(bits_stored=12, signed=True, intercept=0.0)
    for dataset in stack:
        dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF).tobytes()
    save(stack, folder)
    return Expected((0,))


@case
def pixel_padding(folder: Path) -> Expected:
    stack = make_series(signed=True, intercept=0.0)
    for dataset in stack:
        dataset.add_new(0x00280120, "SS", -2000)
        values = truth(Series(), np.array(dataset.ImagePositionPatient))
        set_pixels(dataset, values, padding=-2000)
    save(stack, folder)
    return Expected((0,))


@case
def no_rescale(folder: Path) -> Expected:
    stack = make_series(signed=True, intercept=0.0)
    for dataset in stack:
        del dataset.RescaleSlope
        del dataset.RescaleIntercept
    save(stack, folder)
    return Expected((0,), note="no rescale")


@case
def foreign_character_set(folder: Path) -> Expected:
    stack = make_series()
    edit(stack, SpecificCharacterSet="ISO_IR 192", SeriesDescription="Schädel /ひ *?")
    save(stack, folder)
    return Expected((0,))


@case
def tilted(folder: Path) -> Expected:
    save(make_series(tilt_mm=-0.3), folder)
    return Expected((0,), note="gantry tilt")
