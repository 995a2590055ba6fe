"""One DICOM image plane: a slice file, or one frame of a multi-frame object, without its pixels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the pixels of one file are stored (PS3.3 C.7.6.3).

    Parameters
    ----------
    offset
        Byte offset of the pixel value in the file; -1 where the file has to be parsed again
        (compressed, deflated or big-endian).
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    transfer_syntax: str
    offset: int = -1

    @property
    def frame_bytes(self) -> int:
        """Length of one uncompressed frame."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def value_range(self) -> tuple[int, int]:
        """Smallest and largest stored value that BitsStored allows."""
        return value_range(self.bits_stored, signed=self.signed)


def value_range(n_bits: int, *, signed: bool) -> tuple[int, int]:
    """Smallest and largest whole number of so many bits, in two's complement where signed."""
    half = 1 << (n_bits - 1)
    return (-half, half - 1) if signed else (0, 2 * half - 1)


@dataclass(frozen=True, slots=True)
class Header:
    """What all frames of one file have in common.

    Parameters
    ----------
    kind
        Part of ImageType that tells images apart which must never share a stack: `LOCALIZER`,
        `MOSAIC`, `PHASE`, `ADC`, ...; empty for ordinary images.
    damage
        Why the pixels cannot be used; empty when they can.
    needs_decoding
        Compressed: only a decoder can tell whether the pixels are whole.
    pixel_bytes
        Bytes of uncompressed pixel data that the file really holds; -1 where not known.
    expected_images
        How many images the header says its series or acquisition has, or None.
    """

    path: Path
    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    frame_uid: str
    modality: str
    series_number: int | None
    description: str
    instance: int | None
    kind: str
    pixels: PixelFormat
    padding: int | None
    photometric: str
    synthetic: bool
    n_frames: int
    damage: str
    needs_decoding: bool
    expected_images: int | None
    header_step_mm: float | None
    pixel_bytes: int = -1
    blank_key: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a plane lies, in LPS+ millimetres (PS3.3 C.7.6.2).

    Parameters
    ----------
    position
        (3,) centre of the first pixel.
    axes
        (2, 3) unit vectors of increasing column index and of increasing row index.
    spacing
        (row, column) distance in mm.
    rounding_mm
        Half a unit of the last decimal the position was written with.
    """

    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing: tuple[float, float]
    rounding_mm: float = 0.0

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit normal, row direction x column direction."""
        normal = np.cross(self.axes[0], self.axes[1])
        return np.asarray(normal / np.linalg.norm(normal))


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One image plane: pixels somewhere in a file, and perhaps a place in space.

    Parameters
    ----------
    frame
        Frame number from 0 in a multi-frame object, None for a single-frame file.
    known_place
        None where position, orientation or pixel size is absent or faulty.
    slope, intercept
        physical = stored * slope + intercept.
    tags
        Values by which a series may have to be split (echo, time point, ...).
    damage
        Why the pixels cannot be used; empty when they can.
    """

    header: Header
    frame: int | None
    known_place: Place | None
    slope: float = 1.0
    intercept: float = 0.0
    tags: Mapping[str, Hashable] = field(default_factory=dict)
    damage: str = ""

    @property
    def path(self) -> Path:
        return self.header.path

    @property
    def place(self) -> Place:
        """The place of a plane that has one."""
        if self.known_place is None:
            raise ValueError("this plane has no place in space")
        return self.known_place
