"""Stored values to the Image Pixel module of one single-frame object (PS3.3 C.7.6.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.scans.dicom_parts import decimal
from medgan.scans.planes import PixelFormat, value_range
from medgan.scans.scan import Scan

PADDING_VALUE, PADDING_LIMIT = 0x00280120, 0x00280121
MAX_16 = (1 << 16) - 1
SHOWN_PERCENTILES = (0.5, 99.5)
CT_WINDOW = (40.0, 400.0)
"""Centre and width of the usual soft-tissue window, HU."""


@dataclass(frozen=True)
class StoredType:
    """How pixels are stored: bits per pixel, bits in use, sign."""

    allocated: int = 16
    stored: int = 16
    signed: bool = False

    @classmethod
    def of(cls, pixels: PixelFormat) -> StoredType:
        return cls(pixels.bits_allocated, pixels.bits_stored, pixels.signed)

    @property
    def value_range(self) -> tuple[int, int]:
        """Smallest and largest value that fits."""
        return value_range(self.stored, signed=self.signed)

    def holding(self, values: NDArray[np.generic]) -> StoredType:
        """Return this type, or where values do not fit it, the 16-bit type that holds most.

        A slice estimated between a signed and an unsigned neighbour may need the other's type.
        """
        low, high = int(values.min()), int(values.max())
        smallest, largest = self.value_range
        if smallest <= low and high <= largest:
            return self
        return StoredType(max(16, self.allocated), max(16, self.allocated), signed=low < 0)


def add_pixels(target: Dataset, values: NDArray[np.generic], stored: StoredType) -> bytes:
    """Add the Image Pixel module for `(rows, columns)` values; return the pixel bytes.

    Values outside the type, which only estimates can have, are clipped to it.
    """
    low, high = stored.value_range
    kind = f"<{'i' if stored.signed else 'u'}{stored.allocated // 8}"
    data: bytes = np.clip(values, low, high).astype(kind).tobytes()
    target.SamplesPerPixel = 1
    target.Rows, target.Columns = values.shape
    target.BitsAllocated, target.BitsStored = stored.allocated, stored.stored
    target.HighBit, target.PixelRepresentation = stored.stored - 1, int(stored.signed)
    target.add_new(
        0x7FE00010, "OB" if stored.allocated == 8 else "OW", data + b"\0" * (len(data) % 2)
    )
    return data


def add_padding(target: Dataset, value: int, limit: int | None, stored: StoredType) -> None:
    """Add Pixel Padding Value, and its Range Limit if any, in the type of the pixels."""
    vr = "SS" if stored.signed else "US"
    low, high = stored.value_range
    target.add_new(PADDING_VALUE, vr, value)
    if limit is None:
        return
    limit = limit - (1 << 16) if stored.signed and limit > high else limit
    if low <= limit <= high:
        target.add_new(PADDING_LIMIT, vr, limit)


def sixteen_bits(scan: Scan) -> tuple[NDArray[np.generic], StoredType, str, str]:
    """Bring a volume into a type that CT and MR images may have, with its rescale.

    Whole numbers that fit 16 bits stay as they are. Others, wider or not whole, are quantised to
    65,535 steps between the smallest and largest physical value; values that are not finite become
    the smallest.

    Returns
    -------
    Stored values `(i, j, k)`, their type, Rescale Slope and Rescale Intercept as texts.
    """
    uniform = np.ptp(scan.slope) == 0 and np.ptp(scan.intercept) == 0
    exact = _as_whole(scan) if uniform else None
    if exact is not None:
        values, stored = exact
        return values, stored, decimal(scan.slope[0]), decimal(scan.intercept[0])
    return _quantised(scan)


def _as_whole(scan: Scan) -> tuple[NDArray[np.generic], StoredType] | None:
    here = np.moveaxis(scan.stored, scan.axis, 0)[scan.present]
    if scan.stored.dtype.kind == "f" and not (np.isfinite(here) & (here == np.rint(here))).all():
        return None
    low, high = float(here.min()), float(here.max())
    if low < -(1 << 15) or high > (MAX_16 if low >= 0 else (1 << 15) - 1):
        return None
    wants_sign = low < 0 or scan.stored.dtype == np.int16
    signed = bool(wants_sign and high < 1 << 15)
    stored = StoredType(signed=signed)
    with np.errstate(invalid="ignore"):  # slices that are not there may hold NaN
        return scan.stored.astype(np.int16 if signed else np.uint16), stored


def _quantised(scan: Scan) -> tuple[NDArray[np.generic], StoredType, str, str]:
    physical = scan.values.astype(np.float64)
    finite = physical[np.isfinite(physical)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    intercept = decimal(low)
    step = (high - float(intercept)) / MAX_16
    slope = decimal(step if step > 0 else 1.0)
    steps = np.rint(
        (np.where(np.isfinite(physical), physical, low) - float(intercept)) / float(slope)
    )
    return np.clip(steps, 0, MAX_16).astype(np.uint16), StoredType(), slope, intercept


def window_of(scan: Scan) -> tuple[str, str]:
    """Window centre and width that show a volume: soft tissue for CT, else its middle 99 %."""
    if scan.modality == "ct":
        return decimal(CT_WINDOW[0]), decimal(CT_WINDOW[1])
    values = scan.values[::2, ::2, ::2] if scan.stored.size > 1 << 22 else scan.values
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, SHOWN_PERCENTILES) if finite.size else (0.0, 1.0)
    return decimal(round((low + high) / 2, 3)), decimal(max(round(float(high - low), 3), 1e-3))


def as_texts(values: Iterable[object]) -> list[str]:
    """Return decimal strings as they were written."""
    return [str(value) for value in values]
