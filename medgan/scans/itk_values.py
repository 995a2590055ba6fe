"""The values behind an NRRD or MetaImage header: inflated here, every byte of them accounted for.

ITK does not look at checksums, and hands out memory it never filled where MetaImage data do not
inflate. It is asked for headers alone.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError
from medgan.scans.rasters import COPY_AGAIN, surplus_notes

SAVE_PLAIN = "Save it with raw or gzip encoding, or as NIfTI."
CHUNK = 1 << 22
_EITHER_HEADER = 47
"""Window bits that let zlib tell a zlib stream from a gzip one (zlib manual, inflateInit2)."""

_GZIP, _TEXT = {"gz", "gzip"}, {"txt", "text", "ascii"}


@dataclass(frozen=True)
class Wanted:
    """What a header asks for.

    Parameters
    ----------
    path
        The header's file, and that of its values where it is the same.
    data
        The file that holds the values where that is another.
    start
        Where the header ends.
    """

    path: Path
    data: Path | None
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def n_bytes(self) -> int:
        """Length of the values, inflated."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def open(self) -> BinaryIO:
        """Open the file of the values where they, or what is to be skipped, begin."""
        file = (self.data or self.path).open("rb")
        file.seek(0 if self.data else self.start)
        return file

    def refusal(self, what: str, hint: str = COPY_AGAIN) -> ReadError:
        return ReadError(what, where=self.path.name, hint=hint)


def read_values(
    wanted: Wanted, fields: Mapping[str, str], *, is_nrrd: bool
) -> tuple[NDArray[np.generic], list[str]]:
    """Read the values as stored, in native byte order, and say what is odd about them.

    Raises
    ------
    ReadError
        If a byte is lacking, a checksum is wrong, or where the values begin is not known.
    """
    try:
        data, notes = (_nrrd if is_nrrd else _meta)(wanted, fields)
    except (EOFError, OverflowError, MemoryError) as error:
        raise wanted.refusal("its values are cut short, or its header is damaged") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        # zlib: "incorrect data check"; gzip: "CRC check failed", "Incorrect length".
        is_sum = "check" in str(error) or "Incorrect" in str(error)
        what = "their checksum is wrong" if is_sum else "they do not inflate"
        raise wanted.refusal(f"its compressed values are damaged: {what}") from error
    if isinstance(data, np.ndarray):
        return data, notes
    if len(data) < wanted.n_bytes:
        raise wanted.refusal(f"cut short: {len(data)} of {wanted.n_bytes} bytes of values")
    order, unknown = _byte_order(fields, is_nrrd=is_nrrd)
    if unknown and wanted.dtype.itemsize > 1:
        notes.append("the header gives no byte order: taken for little-endian")
    array = np.frombuffer(data, wanted.dtype.newbyteorder(order))  # type: ignore[arg-type]
    return array.reshape(wanted.shape, order="F").astype(wanted.dtype, copy=False), notes


def _byte_order(fields: Mapping[str, str], *, is_nrrd: bool) -> tuple[str, bool]:
    """`<` or `>`, and whether it is a guess; NRRD without one is no NRRD (ITK refuses it)."""
    if is_nrrd:
        return ">" if fields.get("endian", "").lower() == "big" else "<", False
    said = fields.get("BinaryDataByteOrderMSB") or fields.get("ElementByteOrderMSB") or ""
    return ">" if is_true(said) else "<", not said


def is_true(text: str) -> bool:
    """Tell a MetaImage truth value, as MetaIO does."""
    return text[:1] in {"T", "t", "1"}


def _nrrd(
    wanted: Wanted, fields: Mapping[str, str]
) -> tuple[bytes | NDArray[np.generic], list[str]]:
    encoding = fields.get("encoding", "").lower()
    lines, skip = _whole(wanted, fields, "lineskip"), _whole(wanted, fields, "byteskip")
    with wanted.open() as file:
        for _ in range(lines):
            file.readline()
        if encoding not in {"raw", *_GZIP, *_TEXT}:
            raise wanted.refusal(f"unsupported encoding {encoding or 'unknown'!r}", SAVE_PLAIN)
        if skip < 0 and (skip < -1 or encoding != "raw"):
            raise wanted.refusal(f"a byte skip of {skip} with {encoding} encoding", SAVE_PLAIN)
        if skip == -1:
            return _from_end(wanted, file), []
        if encoding in _TEXT:
            file.seek(skip, 1)
            return _text(wanted, file), []
        is_placed = wanted.data is None or bool(lines or skip)
        if encoding == "raw":
            return _plain(wanted, file, skip, is_placed=is_placed)
        with gzip.GzipFile(fileobj=file) as inflated:
            return _plain(wanted, inflated, skip, is_placed=is_placed)


def _meta(
    wanted: Wanted, fields: Mapping[str, str]
) -> tuple[bytes | NDArray[np.generic], list[str]]:
    size = _whole(wanted, fields, "HeaderSize")
    is_compressed = is_true(fields.get("CompressedData", ""))
    with wanted.open() as file:
        if size > 0:  # counted from the start of the file, also where the header is in it
            file.seek(size)
        if not is_true(fields.get("BinaryData", "True")):
            return _text(wanted, file), []
        if size < 0 and (size < -1 or is_compressed):
            raise wanted.refusal(f"a HeaderSize of {size} that leads nowhere", SAVE_PLAIN)
        if is_compressed:
            return _inflated(wanted, file)
        if size == -1:
            return _from_end(wanted, file), []
        return _plain(wanted, file, 0, is_placed=wanted.data is None or size > 0)


def _whole(wanted: Wanted, fields: Mapping[str, str], key: str) -> int:
    try:
        return int(fields.get(key, "0"))
    except ValueError as error:
        raise wanted.refusal(f"its {key} is no whole number") from error


def _plain(
    wanted: Wanted, file: BinaryIO | gzip.GzipFile, skip: int, *, is_placed: bool
) -> tuple[bytes, list[str]]:
    """Read forward from a known place; to the end, where gzip keeps its checksum."""
    while skip > 0:
        passed = len(file.read(min(skip, CHUNK)))
        if not passed:
            return b"", []
        skip -= passed
    data, surplus = file.read(wanted.n_bytes), 0
    while rest := file.read(CHUNK):
        surplus += len(rest)
    if surplus and not is_placed:
        raise wanted.refusal(
            f"the file of its values is {surplus} bytes longer than they are, and the header does "
            "not say where they begin",
            "Give their place as HeaderSize (.mhd) or byte skip (.nhdr).",
        )
    return data, surplus_notes(surplus)


def _from_end(wanted: Wanted, file: BinaryIO) -> bytes:
    """Read the last bytes of the file: as many as there are values."""
    begin, end = file.tell(), file.seek(0, 2)
    file.seek(max(begin, end - wanted.n_bytes))
    return file.read()


def _inflated(wanted: Wanted, file: BinaryIO) -> tuple[bytes, list[str]]:
    """Inflate the stream of a MetaImage: to its own end, of the right length and checksum."""
    stream = zlib.decompressobj(_EITHER_HEADER)
    data = stream.decompress(file.read(), wanted.n_bytes + 1)
    if len(data) > wanted.n_bytes:
        raise wanted.refusal("its compressed values are damaged: more of them than its matrix has")
    if not stream.eof:
        raise EOFError
    return data, surplus_notes(len(stream.unused_data))


def _text(wanted: Wanted, file: BinaryIO) -> NDArray[np.generic]:
    """Read values written as decimal numbers."""
    words = file.read().replace(b",", b" ").split()
    expected = int(np.prod(wanted.shape, dtype=object))
    if len(words) != expected:
        kind = "cut short" if len(words) < expected else "longer than its matrix"
        raise wanted.refusal(f"{kind}: {len(words)} of {expected} values")
    try:
        numbers = np.array(words).astype(wanted.dtype)
    except (ValueError, OverflowError) as error:
        raise wanted.refusal("its values are no numbers of its type") from error
    return numbers.reshape(wanted.shape, order="F")
