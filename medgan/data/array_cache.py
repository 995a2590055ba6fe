"""Prepared arrays on disk: made once, uncompressed, and read through memory maps.

So a training that is taken up does not prepare anything again, a training set may be larger than
memory, and several processes of a machine share one copy. A file is an array as `numpy.load` reads
it, and after it one line of JSON: the facts that go with the array, and the hash of all before it.
It takes as many bytes as the array. It shows a training scan: it is as confidential as that, and
can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medgan.errors import WriteError
from medgan.scans.atomic import writing_together

Floats = NDArray[np.float32]
Facts = Mapping[str, Any]
Made = tuple[Floats, Facts]
"""A float32 array, and plain JSON that goes with it."""

LONGEST_TAIL = 2**16
_CHUNK = 2**24


class ArrayCache:
    """Arrays by key; each file is checked against its hash once.

    Parameters
    ----------
    folder
        Where they lie, made with the first one; None: every array is made anew at every access.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._open: dict[str, Made] = {}

    def get(self, key: str, make: Callable[[], Made]) -> Made:
        """Return an array, from its file if that is there and whole; else it is made and kept.

        Parameters
        ----------
        key
            Of all that the array depends on; the name of the file.
        make
            Called for what is not there.

        Raises
        ------
        WriteError
            If the file cannot be written, or does not read back.
        """
        if self.folder is None:
            return make()
        if key not in self._open:
            path = self.folder / f"{key}.npy"
            found = _read(path)
            if found is None:
                _write(path, *make())
                found = _read(path)
            if found is None:
                raise WriteError(
                    "a prepared scan does not read back as it was written",
                    where=str(path),
                    hint="Check the disk, or use a run folder on another one.",
                )
            self._open[key] = found
        return self._open[key]


def _write(path: Path, values: Floats, facts: Facts) -> None:
    seen = hashlib.sha256()

    def parts() -> Iterator[bytes]:
        for part in _as_npy(values):
            seen.update(part)
            yield part
        yield json.dumps({**facts, "sha256": seen.hexdigest()}).encode() + b"\n"

    with writing_together() as outputs:
        outputs.add(path, parts())


def _as_npy(values: Floats) -> Iterator[bytes]:
    """Yield the bytes of `numpy.save`, so that a large array is not in memory twice."""
    contiguous = np.ascontiguousarray(values, dtype=np.float32)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, np.lib.format.header_data_from_array_1_0(contiguous)
    )
    yield header.getvalue()
    flat = contiguous.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        yield flat[start : start + _CHUNK].tobytes()


def _read(path: Path) -> Made | None:
    """Map a file into memory; None where there is none, or it is short or damaged."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            start, size = stream.tell(), int(np.prod(shape)) * dtype.itemsize
            stream.seek(start + size)
            facts = json.loads(stream.read(LONGEST_TAIL))
        # torch's map holds no file open: a set may have more arrays than a process may have files.
        mapped = torch.from_file(str(path), size=start + size, dtype=torch.uint8)
        bytes_ = mapped.numpy()
        if hashlib.sha256(bytes_.data).hexdigest() != facts.pop("sha256"):
            return None
        return bytes_[start:].view(dtype).reshape(shape), facts
    except (OSError, ValueError, KeyError, RuntimeError):
        return None
