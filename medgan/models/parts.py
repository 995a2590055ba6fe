"""The files of a model folder, opened as if a stranger had made them."""

from __future__ import annotations

import os
import stat
from importlib import resources
from pathlib import Path

from medgan.errors import ModelError

AGAIN = "Get the model folder again, whole; if an older medgan made it, train it again."


def shipped_root() -> Path:
    """Return the folder of the models that come with the package."""
    return Path(str(resources.files("medgan"))) / "models" / "shipped"


def read_part(folder: Path, name: str, at_most: int, where: str) -> bytes:
    """Read one file of a model folder.

    Parameters
    ----------
    at_most
        Bytes; a larger file is refused before it is read.
    where
        What messages call the folder.

    Raises
    ------
    ModelError
        As `check_part`, or if it cannot be read.
    """
    try:
        check_part(folder, name, at_most, where)
        # Not to be kept waiting by a pipe that took the file's place since.
        descriptor = os.open(folder / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            data = stream.read(at_most + 1)
    except OSError as error:
        raise ModelError(f"{name} cannot be read", where=where, hint=AGAIN) from error
    if len(data) > at_most:
        raise _too_large(name, at_most, where)
    return data


def check_part(folder: Path, name: str, at_most: int, where: str) -> None:
    """Check that a part is a plain file of bounded size that lies in its folder.

    The folder itself may be a link: people keep models on another disk. A link inside it that
    leads out of it is refused: what is copied, hashed and cited would not be what is read. Shipped
    models are as good as the program, whose files some installers link one by one.

    Raises
    ------
    ModelError
        If it is a folder, pipe or device, too large, or a link that leads out.
    OSError
        If it is not there.
    """
    path = folder / name
    found = path.stat()
    is_shipped = folder.parent == shipped_root()
    if not is_shipped and not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(
            f"{name} is a link that leads out of the model folder",
            where=where,
            hint="Put the file itself into the folder, e.g. with `cp -rL`.",
        )
    if not stat.S_ISREG(found.st_mode):
        raise ModelError(f"{name} is no file", where=where, hint=AGAIN)
    if found.st_size > at_most:
        raise _too_large(name, at_most, where)


def _too_large(name: str, at_most: int, where: str) -> ModelError:
    return ModelError(f"{name} is larger than {at_most} bytes", where=where, hint=AGAIN)
