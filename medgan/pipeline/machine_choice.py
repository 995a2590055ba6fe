"""What `medgan doctor` chose for this machine, kept for its user and read by runs and trainings.

One small file in the user's cache folder, an entry for each machine and set of versions: a home
folder may be shared by many machines, and an upgrade makes old figures worthless. It holds speed
alone, and no file at all is as good: then everything is as if it had never been measured.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import stat
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

import medgan
from medgan.pipeline.machine import n_cores
from medgan.pipeline.state_files import part_file
from medgan.record import dump
from medgan.scans.atomic import write_bytes
from medgan.settings import Settings

FOLDER, FILE = "medgan", "machine.json"
MAX_BYTES, MAX_ENTRIES = 2**16, 50
_PACKAGES = ("torch", "numpy", "monai")


class Choice(Settings):
    """The fastest way to compute here that was found."""

    threads: int = Field(ge=1, le=4096)
    """Threads of one worker beyond which filling gets no faster."""
    precision: Literal["float32", "bfloat16"]
    """What `precision: auto` of a training stands for."""


def choice_file() -> Path:
    """Return the file, `$XDG_CACHE_HOME/medgan/machine.json` (XDG Base Directory, 0.8).

    Raises
    ------
    OSError
        If this user has no home folder, as in a container that runs under a number.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        try:
            cache = Path.home() / ".cache"
        except RuntimeError as error:
            raise FileNotFoundError(errno.ENOENT, "this user has no home folder") from error
    return cache / FOLDER / FILE


def machine_key() -> str:
    """Return a hash of what the speed depends on: processor, cores, driver of a GPU, versions."""
    known = [
        *(platform.system(), platform.machine(), processor(), str(n_cores())),
        _text(Path("/proc/driver/nvidia/version")),
        *(medgan.__version__, platform.python_version(), *map(version_of, _PACKAGES)),
    ]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]


def processor() -> str:
    """Name of the processor, as far as the system tells it."""
    lines = _text(Path("/proc/cpuinfo")).splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def version_of(package: str) -> str:
    """Version of an installed package, without importing it; empty where it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def chosen() -> Choice | None:
    """Return what was chosen for this machine and these versions; None where nothing was.

    A file that somebody else could have written, or that cannot be read, counts as none: it may
    cost time, and must never cost a run.
    """
    try:
        return Choice.model_validate(_entries().get(machine_key()))
    except ValidationError:
        return None


def keep(choice: Choice) -> Path:
    """Write a choice down, for the eyes of this user alone; returns the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    file, key = choice_file(), machine_key()
    others = [(k, v) for k, v in _entries().items() if k != key][1 - MAX_ENTRIES :]
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f".{FILE}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(dump(dict([*others, (key, choice.model_dump())])))
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return file


def note_use(state: Path, part: str, *, workers: int, threads: int) -> None:
    """Write down in a run's state folder how it computed, and what was chosen for the machine.

    Threads add up in another order where there are others of them: who wants the same bits again
    needs to know.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    choice = chosen()
    document = {
        "workers": workers,
        "threads": threads,
        "chosen": choice and choice.model_dump(),
    }
    write_bytes(part_file(state, FILE, part), dump(document).encode())


def _entries() -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        file = choice_file()
        found = file.stat()
        is_own = found.st_uid == os.getuid() and not found.st_mode & 0o022
        if stat.S_ISREG(found.st_mode) and is_own and found.st_size <= MAX_BYTES:
            document = json.loads(file.read_text(encoding="utf-8"))
            return document if isinstance(document, dict) else {}
    return {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
