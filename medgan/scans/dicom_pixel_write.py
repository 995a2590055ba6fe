"""Stored values to the Image Pixel module of one single-frame object (PS3.3 C.7.6.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import SeriesError
from medgan.scans.dicom_parts import decimal
from medgan.scans.planes import PixelFormat, value_range
from medgan.scans.scan import Scan

PADDING_VALUE, PADDING_LIMIT = 0x00280120, 0x00280121
MAX_16 = (1 << 16) - 1
SHOWN_PERCENTILES = (0.5, 99.5)
CT_WINDOW = (40.0, 400.0)
"""Centre and width of the usual soft-tissue window, HU."""
COARSEST = 0.01
"""Widest step of quantised values, as a share of P0.5..P99.5."""


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


@dataclass(frozen=True, eq=False)
class SixteenBits:
    """A volume in a type that CT and MR images may have.

    Parameters
    ----------
    values
        `(i, j, k)` stored values.
    slope, intercept
        Rescale Slope and Rescale Intercept, as texts.
    padding
        Pixel Padding Value: one below all values in use, where there are voxels that are no
        numbers (NaN or infinite), which hold it; else None.
    is_quantised
        Values moved to the nearest step of the rescale.
    n_padded
        Voxels that hold the padding.
    """

    values: NDArray[np.generic]
    stored: StoredType
    slope: str
    intercept: str
    padding: int | None = None
    is_quantised: bool = False
    n_padded: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the values became that is not as it was, for people."""
        notes = []
        if self.is_quantised:
            notes.append(f"DICOM holds its values quantised to 16 bits, in steps of {self.slope}")
        if self.padding is not None:
            notes.append(
                f"DICOM holds {self.n_padded} voxels that are no numbers (NaN or infinite) as the "
                f"Pixel Padding Value {self.padding}, below all values in use"
            )
        return tuple(notes)


def sixteen_bits(scan: Scan) -> SixteenBits:
    """Bring a volume into a type that CT and MR images may have, with its rescale.

    Whole numbers that fit 16 bits stay as they are. Others, wider or not whole, are quantised to
    at most 65,535 steps between the smallest and largest physical value. Values that are not finite
    are marked as padding.

    Raises
    ------
    SeriesError
        If a few extreme values make the steps so coarse that all others would be lost.
    """
    uniform = np.ptp(scan.slope) == 0 and np.ptp(scan.intercept) == 0
    exact = _as_whole(scan) if uniform else None
    return exact or _quantised(scan)


def _as_whole(scan: Scan) -> SixteenBits | None:
    low, high, n_odd = math.inf, -math.inf, 0
    for position in np.flatnonzero(scan.present).tolist():
        here = scan.slice(position)
        odd = ~np.isfinite(here)
        numbers = here[~odd]
        if here.dtype.kind == "f" and (numbers != np.rint(numbers)).any():
            return None
        n_odd += int(odd.sum())
        if numbers.size:
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    lowest = low - 1 if n_odd else low
    if low > high or lowest < -(1 << 15) or high > (MAX_16 if lowest >= 0 else (1 << 15) - 1):
        return None
    wants_sign = lowest < 0 or scan.stored.dtype == np.int16
    signed = bool(wants_sign and high < 1 << 15)
    # Slices that are not there may hold NaN as well.
    whole = np.where(np.isfinite(scan.stored), scan.stored, lowest) if n_odd else scan.stored
    with np.errstate(invalid="ignore"):
        values = whole.astype(np.int16 if signed else np.uint16, copy=False)
    return SixteenBits(
        values,
        StoredType(signed=signed),
        decimal(scan.slope[0]),
        decimal(scan.intercept[0]),
        padding=int(lowest) if n_odd else None,
        n_padded=n_odd,
    )


def _quantised(scan: Scan) -> SixteenBits:
    physical = _physical(scan)
    is_odd = ~np.isfinite(physical)
    n_odd = int(np.moveaxis(is_odd, scan.axis, 0)[scan.present].sum())
    finite = physical[~is_odd]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    lowest = 1 if n_odd else 0  # 0 is the padding then
    # The difference of two doubles may be beyond a double.
    step = high / (MAX_16 - lowest) - low / (MAX_16 - lowest) or 1.0
    _check_step(step, finite, scan)
    intercept = decimal(low - lowest * step)
    slope = decimal(high / MAX_16 - float(intercept) / MAX_16 if high > low else 1.0)
    steps = np.rint((np.where(is_odd, low, physical) - float(intercept)) / float(slope))
    values = np.where(is_odd, 0, np.clip(steps, lowest, MAX_16)).astype(np.uint16)
    padding = 0 if n_odd else None
    return SixteenBits(values, StoredType(), slope, intercept, padding, True, n_odd)


def _physical(scan: Scan) -> NDArray[np.float64]:
    """Return physical values `(i, j, k)` in double precision; NaN where no slice is present."""
    shape = [1, 1, 1]
    shape[scan.axis] = scan.n_positions
    values = np.asarray(scan.stored, np.float64) * scan.slope.reshape(shape)
    values += scan.intercept.reshape(shape)
    np.moveaxis(values, scan.axis, 0)[~scan.present] = np.nan
    return values


def _check_step(step: float, finite: NDArray[np.float64], scan: Scan) -> None:
    """Refuse steps that leave next to nothing of the spread of values.

    Raises
    ------
    SeriesError
        If a step is wider than a hundredth of P0.5..P99.5; where nearly all voxels are alike
        (background), that of the others counts.
    """
    if not finite.size:
        return
    low, high = _spread(finite)
    others = finite[finite != low]
    if low == high and others.size:
        low, high = _spread(others)
    if not 0 < (high - low) * COARSEST < step:
        return
    raise SeriesError(
        f"it holds values from {finite.min():.3g} to {finite.max():.3g}, where 99 % lie between "
        f"{low:.3g} and {high:.3g}: in the 16 bits of DICOM, in steps of {step:.3g}, next to "
        "nothing would be left of them",
        where=scan.id,
        hint="Set the voxels that lie so far out to the value of the background, or write NIfTI "
        "(--format nifti).",
    )


def _spread(values: NDArray[np.float64]) -> tuple[float, float]:
    """P0.5 and P99.5, each rounded inwards: of few values, too, the outermost ones do not count."""
    low, high = SHOWN_PERCENTILES
    inner = np.percentile(values, low, method="higher"), np.percentile(values, high, method="lower")
    return float(inner[0]), float(inner[1])


def window_of(scan: Scan) -> tuple[str, str]:
    """Window centre and width that show a volume: soft tissue for CT, else its middle 99 %."""
    if scan.modality == "ct":
        return decimal(CT_WINDOW[0]), decimal(CT_WINDOW[1])
    step = 2 if scan.stored.size > 1 << 22 else 1
    values = np.asarray(scan.physical[::step, ::step, ::step])
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, SHOWN_PERCENTILES) if finite.size else (0.0, 1.0)
    return decimal(round((low + high) / 2, 3)), decimal(max(round(float(high - low), 3), 1e-3))


def as_texts(values: Iterable[object]) -> list[str]:
    """Return decimal strings as they were written."""
    return [str(value) for value in values]
