"""Header values that tell images of one series apart: kind, echo, time point, weighting."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping

from medgan.scans.dicom_tags import Tags
from medgan.scans.planes import PixelFormat

_KINDS = {
    "LOCALIZER": "LOCALIZER",
    "SCOUT": "LOCALIZER",
    "MOSAIC": "MOSAIC",
    "P": "PHASE",
    "PHASE": "PHASE",
    "PHASE MAP": "PHASE",
    "R": "REAL",
    "REAL": "REAL",
    "I": "IMAGINARY",
    "IMAGINARY": "IMAGINARY",
    "ADC": "ADC",
    "FA": "FA",
    "TRACEW": "TRACEW",
    "PROJECTION IMAGE": "PROJECTION",
    "MIP": "PROJECTION",
    "MINIP": "PROJECTION",
    "MASK": "MASK",
}


def image_kind(image_type: tuple[str, ...], component: str = "") -> str:
    """Name the kind of image that must not share a stack with others.

    Parameters
    ----------
    image_type
        ImageType or FrameType values (PS3.3 C.7.6.1.1.2); the first two say only original or
        derived, which slices of one stack may differ in (restored ones do).
    component
        Complex Image Component of enhanced MR (PS3.3 C.8.13.3.3.1).
    """
    words = [*(word.upper() for word in image_type[2:]), component.upper()]
    return "+".join(sorted({_KINDS[word] for word in words if word in _KINDS}))


def stored_padding(tags: Tags, pixels: PixelFormat) -> int | None:
    """Pixel Padding Value as a stored value of this file's type, None when there is none.

    Its type is that of the pixels (PS3.5 A.1), yet writers get it wrong: 63536 in signed data
    is -2000.
    """
    value = tags.integer(0x00280120, "SS" if pixels.signed else "US")
    if value is None:
        return None
    low, high = pixels.value_range
    if pixels.signed and value > high:
        value -= 1 << 16
    if not pixels.signed and value < 0:
        value += 1 << 16
    return value if low <= value <= high else None


def splitting_tags(tags: Tags) -> Mapping[str, Hashable]:
    """Values by which a series may have to be split, in the order they are tried."""
    return {
        "image type": tags.texts(0x00080008),
        "echo": (tags.integer(0x00180086), _rounded(tags.number(0x00180081))),
        "b-value": b_value(tags),
        "diffusion direction": _gradient(tags),
        "time point": tags.integer(0x00200100),
        "trigger time": tags.number(0x00181060),
        "frame time": tags.number(0x00541300),
        "inversion time": tags.number(0x00180082),
        "flip angle": tags.number(0x00181314),
        "kernel": tags.texts(0x00181210),
        "acquisition number": tags.integer(0x00200012),
        "sequence name": tags.text(0x00180024),
        "patient": digest(tags.text(0x00100020)),
        "study": tags.text(0x0020000D),
        "frame of reference": tags.text(0x00200052),
        "stack": tags.text(0x00209056),
        "acquisition time": _time(tags, 0x00080022, 0x00080032),
        "content time": _time(tags, 0x00080023, 0x00080033),
    }


def b_value(tags: Tags) -> float | None:
    """Diffusion b-value in s/mm2: the standard's element, else Siemens, Philips or GE private."""
    value = tags.number(0x00189087, "FD")
    if value is None and tags.text(0x00190010).startswith("SIEMENS MR"):
        value = tags.number(0x0019100C)
    if value is None and tags.text(0x20010010).startswith("Philips"):
        value = tags.number(0x20011003, "FL")
    if value is None and tags.text(0x00430010).startswith("GEMS_PARM"):
        value = tags.number(0x00431039)
        # GE adds 1e9 to mark values that its software scaled.
        value = value % 1e6 if value is not None else None
    return None if value is None else round(value, 1)


def _gradient(tags: Tags) -> tuple[float, ...]:
    values = tags.numbers(0x00189089, "FD")
    if not values and tags.text(0x00190010).startswith("SIEMENS MR"):
        values = tags.numbers(0x0019100E, "FD")
    return tuple(round(value, 4) for value in values)


def _rounded(value: float | None) -> float | None:
    """Three significant digits: scanners jitter in the fourth."""
    return None if value is None else float(f"{value:.3g}")


def digest(text: str) -> str:
    """Make an identifier comparable without keeping it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _time(tags: Tags, date: int, time: int) -> str:
    return tags.text(date) + tags.text(time)
