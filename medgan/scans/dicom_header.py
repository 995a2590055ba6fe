"""From a file to its image planes, or to the reason why it holds none. Reads no pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from medgan.scans.dicom_frames import frame_planes
from medgan.scans.dicom_pixel_state import BIG_ENDIAN, with_pixel_state
from medgan.scans.dicom_place import NO_RESCALE, place_of, rescale, value_damage
from medgan.scans.dicom_tags import Tags
from medgan.scans.dicom_traits import digest, image_kind, splitting_tags, stored_padding
from medgan.scans.planes import Header, PixelFormat, Plane

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
SEGMENTATION_CLASSES = {
    SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation
}
MODALITIES = {"CT": "ct", "MR": "mr", "PT": "pt"}
_EXPLICIT_VRS = {b"AE", b"CS", b"DA", b"IS", b"LO", b"OB", b"PN", b"SH", b"TM", b"UI", b"UL"}


@dataclass(frozen=True)
class Reading:
    """What one file gave: planes, or a reason to refuse it, or to set it aside, or a label map."""

    planes: tuple[Plane, ...] = ()
    refused: str = ""
    set_aside: str = ""
    is_segmentation: bool = False


def is_dicom(head: bytes) -> bool:
    """Tell by the first 132 bytes or so: the preamble, or a bare data set.

    A bare data set starts with a group 0002 or 0008 element, explicit or implicit, in either
    byte order. Names and suffixes mean nothing.
    """
    if head[128:132] == b"DICM":
        return True
    if head[:2] not in (b"\x08\x00", b"\x02\x00", b"\x00\x08") or len(head) < 12:
        return False
    if head[4:6] in _EXPLICIT_VRS:
        return True
    return head[0] != 0 and head[3] == 0 and int.from_bytes(head[4:8], "little") <= 1024


def read_planes(path: Path) -> Reading:
    """Read one DICOM file's header and describe the image planes in it.

    Returns
    -------
    A `Reading`; content never raises, only an unreadable disk does (OSError).
    """
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        except OSError:
            raise
        except Exception as error:  # a damaged header makes pydicom raise nearly anything
            return Reading(refused=f"the DICOM header cannot be parsed ({type(error).__name__})")
        try:
            return _describe(path, dataset, file)
        except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError) as error:
            return Reading(refused=f"the DICOM header is faulty ({type(error).__name__})")


def _describe(path: Path, dataset: Dataset, file: BinaryIO) -> Reading:
    tags = Tags(dataset)
    meta = Tags(getattr(dataset, "file_meta", None) or Dataset())
    sop_class = tags.text(0x00080016) or meta.text(0x00020002)
    if (0x0004, 0x1220) in dataset:
        return Reading(set_aside="index of a file set (DICOMDIR), not used")
    rows, columns = tags.integer(0x00280010, "US"), tags.integer(0x00280011, "US")
    if not rows or not columns:
        return _no_image(sop_class)
    if sop_class in SEGMENTATION_CLASSES:
        return Reading(is_segmentation=True)
    is_palette = tags.text(0x00280004).upper() == "PALETTE COLOR"
    if is_palette or (tags.integer(0x00280002, "US") or 1) != 1:
        return Reading(set_aside="colour picture, no scan")
    pixels = _pixel_format(tags, meta, dataset, rows, columns)
    if isinstance(pixels, str):
        return Reading(refused=pixels)
    n_frames = tags.integer(0x00280008)
    n_frames = 1 if n_frames is None else n_frames
    if n_frames < 1:
        return Reading(refused=f"impossible number of frames: {n_frames}")
    header = _header(path, tags, meta, sop_class, pixels, n_frames, dataset)
    header = with_pixel_state(header, file, dataset)
    if 0x52009230 in dataset:
        return Reading(planes=frame_planes(tags, header))
    if n_frames > 1:
        return Reading(set_aside="multi-frame object without positions per frame")
    return Reading(planes=(single_plane(tags, header),))


def _no_image(sop_class: str) -> Reading:
    known = UID(sop_class)
    name = known.name if known.type == "SOP Class" else ""
    if not name or "Image Storage" in name:
        return Reading(refused="the DICOM header is damaged: it gives no matrix size")
    return Reading(set_aside=f"DICOM object that holds no image ({name})")


def _pixel_format(
    tags: Tags, meta: Tags, dataset: Dataset, rows: int, columns: int
) -> PixelFormat | str:
    """Read the Image Pixel module, or say what is impossible about it."""
    allocated = tags.integer(0x00280100, "US") or 0
    stored = tags.integer(0x00280101, "US") or allocated
    high_bit = tags.integer(0x00280102, "US")
    high_bit = stored - 1 if high_bit is None else high_bit
    if allocated not in (8, 16, 32):
        return f"{allocated} bits allocated per pixel; 8, 16 or 32 expected"
    if not 0 < stored <= allocated or not stored - 1 <= high_bit < allocated:
        return f"impossible pixel bits: {allocated} allocated, {stored} stored, high bit {high_bit}"
    implicit, little = dataset.original_encoding
    syntax = meta.text(0x00020010)
    if not syntax:
        syntax = BIG_ENDIAN if not little else f"1.2.840.10008.1.2{'' if implicit else '.1'}"
    signed = tags.integer(0x00280103, "US") == 1
    return PixelFormat(rows, columns, allocated, stored, high_bit, signed, syntax)


def _header(
    path: Path,
    tags: Tags,
    meta: Tags,
    sop_class: str,
    pixels: PixelFormat,
    n_frames: int,
    dataset: Dataset,
) -> Header:
    modality = tags.text(0x00080060).upper()
    name = UID(sop_class).name if sop_class else ""
    modality = modality or next(
        (m for m in MODALITIES if name.startswith((m, f"Enhanced {m}"))), ""
    )
    return Header(
        path=path,
        sop_class=sop_class,
        sop_uid=tags.text(0x00080018) or meta.text(0x00020003),
        series_uid=tags.text(0x0020000E),
        study_uid=tags.text(0x0020000D),
        frame_uid=tags.text(0x00200052),
        modality=MODALITIES.get(modality, "ot"),
        series_number=tags.integer(0x00200011),
        description=_description(dataset),
        instance=tags.integer(0x00200013),
        kind=_kind(tags),
        pixels=pixels,
        padding=stored_padding(tags, pixels),
        photometric=tags.text(0x00280004).upper(),
        synthetic=tags.text(0x0008001C).upper() == "YES",
        n_frames=n_frames,
        damage="",
        needs_decoding=False,
        expected_images=tags.integer(0x00540081, "US") or tags.integer(0x00201002),
        header_step_mm=tags.number(0x00180088),
        blank_key=_blank_key(tags),
        notes=_notes(tags),
    )


def _kind(tags: Tags) -> str:
    """Kind of image; a Siemens mosaic is one whatever has become of its image type."""
    kind = image_kind(tags.texts(0x00080008), tags.text(0x00089208))
    if not kind and tags.text(0x00190010).startswith("SIEMENS MR"):
        n_tiles = tags.integer(0x0019100A, "US") or 0
        return "MOSAIC" if n_tiles > 1 else ""
    return kind


def _description(dataset: Dataset) -> str:
    """Series description in its own character set; empty when it cannot be decoded."""
    try:
        return str(dataset.get("SeriesDescription", "") or "")
    except Exception:  # unknown or faulty character set
        return ""


def _blank_key(tags: Tags) -> str:
    """Digest what still tells series apart when their UIDs are blank; compared, never shown."""
    keys = (0x00080060, 0x00200011, 0x0008103E, 0x00181030, 0x00200052, 0x00100020, 0x00080031)
    return digest("\n".join(tags.text(tag) for tag in keys))


def _notes(tags: Tags) -> tuple[str, ...]:
    notes = []
    if tags.text(0x00280004).upper() == "MONOCHROME1":
        notes.append("MONOCHROME1 (low values shown bright): values are kept as stored")
    if tags.text(0x20050010).startswith("Philips MR") and tags.number(0x2005100E, "FL"):
        notes.append("Philips private scale slope present: only the standard rescale is applied")
    is_classic = 0x52009229 not in tags and 0x52009230 not in tags
    if tags.text(0x00080060) == "CT" and 0x00281052 not in tags and is_classic:
        notes.append(NO_RESCALE)
    if 0x00280121 in tags:
        notes.append("a range of padding values: only its first value counts as padding")
    if tags.text(0x00282110) == "01":
        notes.append("pixels were lossily compressed at some time")
    return tuple(notes)


def single_plane(tags: Tags, header: Header) -> Plane:
    """Describe a classic single-frame image."""
    slope, intercept = rescale(tags)
    damage = value_damage(tags, slope, intercept)
    return Plane(
        header=header,
        frame=None,
        known_place=place_of(tags, tags, tags),
        slope=slope,
        intercept=intercept,
        tags=splitting_tags(tags),
        damage=header.damage or damage,
    )
