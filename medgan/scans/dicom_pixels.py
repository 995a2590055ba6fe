"""Stored values of DICOM images: the right bits, nothing shown, nothing inverted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder

from medgan.errors import ReadError
from medgan.scans.planes import Header, PixelFormat

DECODERS = {
    "1.2.840.10008.1.2.5": "pylibjpeg",  # RLE (pylibjpeg-rle)
    "1.2.840.10008.1.2.4.50": "gdcm",  # JPEG baseline
    "1.2.840.10008.1.2.4.51": "gdcm",  # JPEG extended
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG lossless, process 14
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG lossless, selection value 1
    "1.2.840.10008.1.2.4.80": "gdcm",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": "gdcm",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000 lossless (openjpeg)
    "1.2.840.10008.1.2.4.91": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # High-throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
"""One decoder for each transfer syntax. pydicom would try all that are installed in turn, and
where a strict one raises on cut data, a lax one may "succeed" with garbage (pylibjpeg-libjpeg does
on JPEG-LS). pyjpegls is as strict as gdcm, but spends seconds on a stream that was cut."""

FETCH_AGAIN = "Fetch the file again from where it came from."


def read_stored(header: Header, frames: Sequence[int]) -> Iterator[NDArray[np.generic]]:
    """Read frames as `(rows, columns)` stored values in the type of the file.

    Bits above BitsStored (overlays, junk) are masked and the sign is extended (PS3.5 8.1.1).

    Raises
    ------
    ReadError
        If the pixels are cut short, or the decoder fails or gives another size.
    """
    reader = _read_native if header.pixels.offset >= 0 else _read_encoded
    for raw in reader(header, frames):
        yield significant_bits(raw, header.pixels)


def significant_bits(raw: NDArray[np.generic], pixels: PixelFormat) -> NDArray[np.generic]:
    """Keep the stored bits of each pixel (any shape), sign extended; same width as allocated."""
    width = pixels.bits_allocated
    unsigned = raw.astype(raw.dtype.newbyteorder("="), copy=False).view(f"u{width // 8}")
    top = (unsigned << np.uint8(width - 1 - pixels.high_bit)).astype(unsigned.dtype)
    typed = top.view(f"i{width // 8}") if pixels.signed else top
    shifted: NDArray[np.generic] = typed >> np.uint8(width - pixels.bits_stored)
    return shifted.astype(typed.dtype, copy=False)


def _read_native(header: Header, frames: Sequence[int]) -> Iterator[NDArray[np.generic]]:
    pixels = header.pixels
    with header.path.open("rb") as file:
        for frame in frames:
            file.seek(pixels.offset + frame * pixels.frame_bytes)
            data = file.read(pixels.frame_bytes)
            if len(data) < pixels.frame_bytes:
                raise ReadError("pixel data is cut short", where=header.path.name, hint=FETCH_AGAIN)
            raw = np.frombuffer(data, dtype=f"<u{pixels.bits_allocated // 8}")
            yield raw.reshape(pixels.rows, pixels.columns)


def _read_encoded(header: Header, frames: Sequence[int]) -> Iterator[NDArray[np.generic]]:
    pixels = header.pixels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(header.path, force=True)
            decoder = get_decoder(pixels.transfer_syntax)
        except Exception as error:  # pydicom raises nearly anything on damaged files
            raise _undecodable(header, error) from error
        if "PixelData" not in dataset:  # what pydicom makes of a file that ends inside a frame
            raise ReadError("pixel data is cut short", where=header.path.name, hint=FETCH_AGAIN)
        for frame in frames:
            try:
                raw, _ = decoder.as_array(
                    dataset,
                    index=frame,
                    raw=True,
                    decoding_plugin=DECODERS.get(pixels.transfer_syntax, ""),
                )
            except Exception as error:  # decoders raise whatever their C code makes of it
                raise _undecodable(header, error) from error
            found = (*raw.shape, raw.dtype.itemsize * 8)
            expected = (pixels.rows, pixels.columns, pixels.bits_allocated)
            if found != expected:
                raise ReadError(
                    f"decoder gave (rows, columns, bits) {found}, header says {expected}",
                    where=header.path.name,
                    hint=FETCH_AGAIN,
                )
            yield raw


def _undecodable(header: Header, error: Exception) -> ReadError:
    return ReadError(
        f"pixels cannot be decoded ({type(error).__name__})",
        where=header.path.name,
        hint=FETCH_AGAIN,
    )
