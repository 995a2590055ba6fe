"""What this machine has, whether medgan can work on it, and the fastest way to compute on it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from typing import Any

import medgan
from medgan.errors import MedganError
from medgan.pipeline.device import has_gpu
from medgan.pipeline.machine import memory_mb, n_cores
from medgan.pipeline.machine_choice import Choice, processor, version_of
from medgan.pipeline.workers import CHILD_MEMORY_MB

PROGRAMS = {
    "dciodvfy": "judges written DICOM files (Debian: dicom3tools)",
    "dcm2niix": "a second reader, for comparison",
}
"""Programs that are used where they are installed, and what for."""

SHOWN = ("torch", "monai", "numpy", "pydicom", "nibabel", "SimpleITK", "safetensors")
LITTLE_DISK_GB = 2.0
BUSY = 0.5
"""Load for each core from which on figures say more about other programs than about the machine."""
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(?:>=\s*([0-9.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


@dataclass(frozen=True)
class Problem:
    """Something needed that is broken, and what to do about it."""

    what: str
    hint: str


@dataclass(frozen=True)
class Examination:
    """What was found.

    Parameters
    ----------
    memory_gb
        That this process may use.
    disk_gb
        Free in the folder that was asked about, and where temporary files go.
    gpus
        Names.
    extras
        Extra -> packages of it that are missing.
    programs
        Optional program -> its path; empty where it is not there.
    fill_seconds
        Threads -> seconds for one slice.
    train_seconds
        Number format and layout -> seconds for one step.
    compiled_gain
        Times faster by `torch.compile`; None: not measured, or it cannot.
    choice
        None where nothing could be measured.
    is_busy
        Other programs were at work while it was measured.
    """

    processor: str
    cores: int
    memory_gb: float
    disk_gb: dict[str, float]
    gpus: tuple[str, ...]
    versions: dict[str, str]
    extras: dict[str, tuple[str, ...]]
    programs: dict[str, str]
    fill_seconds: dict[int, float] = field(default_factory=dict)
    train_seconds: dict[str, float] = field(default_factory=dict)
    compiled_gain: float | None = None
    choice: Choice | None = None
    is_busy: bool = False
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        document = asdict(self) | {"choice": self.choice and self.choice.model_dump()}
        return document | {"fill_seconds": {str(n): s for n, s in self.fill_seconds.items()}}


def examine(folder: Path, *, quick: bool = False) -> Examination:
    """Look at the machine and measure it.

    Parameters
    ----------
    folder
        Where outputs are meant to go.
    quick
        Leave out `torch.compile`, which takes longer than all the rest.
    """
    problems = [*_broken_packages(), *_broken_models()]
    disk = {str(place): _free_gb(place) for place in (folder, Path(tempfile.gettempdir()))}
    is_busy = _load() > BUSY  # before measuring, which is a load of its own
    found = {} if problems else _measured(quick=quick)
    return Examination(
        processor=processor(),
        cores=n_cores(),
        memory_gb=round(memory_mb() / 1e3, 1),
        disk_gb=disk,
        versions={
            "medgan": medgan.__version__,
            "Python": python_version(),
            **{name: version_of(name) for name in SHOWN},
        },
        extras=_extras(),
        programs={name: _path_of(name) for name in PROGRAMS},
        is_busy=is_busy,
        problems=tuple(problems),
        remarks=_remarks(disk),
        **{"gpus": (), **found},
    )


def _measured(*, quick: bool) -> dict[str, Any]:
    import torch

    from medgan.pipeline.speed import (
        best_precision,
        best_threads,
        compiled_gain,
        fill_seconds,
        train_seconds,
    )

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device = "cuda" if n_gpus else "cpu"
    fill, steps = fill_seconds(), train_seconds(device)
    return {
        "gpus": tuple(torch.cuda.get_device_name(n) for n in range(n_gpus)),
        "fill_seconds": fill,
        "train_seconds": steps,
        "compiled_gain": None if quick else compiled_gain(device),
        "choice": Choice.model_validate(
            {"threads": best_threads(fill), "precision": best_precision(steps)}
        ),
    }


def _requirements() -> list[tuple[str, str, str]]:
    """Return name, least version and extra of every package that medgan names."""
    try:
        lines = requires("medgan") or []
    except PackageNotFoundError:
        return []
    found = []
    for line in lines:
        matched, extra = _REQUIREMENT.match(line), _EXTRA.search(line)
        if matched:
            found.append((matched[1], matched[2] or "0", extra[1] if extra else ""))
    return found


def _broken_packages() -> list[Problem]:
    again = "Install medgan again: `make install` in a checkout, else `pip install --upgrade ...`."
    problems = []
    for name, least, extra in _requirements():
        have = version_of(name)
        if extra:
            continue
        if not have:
            problems.append(Problem(f"the package {name} is missing", again))
        elif _numbers(have) < _numbers(least):
            problems.append(Problem(f"{name} {have} is older than {least}", again))
    return problems


def _broken_models() -> list[Problem]:
    """Load every shipped model, which checks its hash."""
    if find_spec("torch") is None:
        return []
    from medgan.models import load_model, shipped_models

    problems = []
    for name in shipped_models():
        try:
            load_model(name)
        except MedganError as error:
            problems.append(Problem(f"shipped model {name}: {error.what}", error.hint))
    return problems


def _extras() -> dict[str, tuple[str, ...]]:
    missing: dict[str, list[str]] = {}
    for name, _, extra in _requirements():
        if extra:
            missing.setdefault(extra, []).extend([] if version_of(name) else [name])
    return {extra: tuple(names) for extra, names in missing.items()}


def _remarks(disk_gb: dict[str, float]) -> tuple[str, ...]:
    remarks = [
        f"only {free:.1f} GB are free in {place}"
        for place, free in disk_gb.items()
        if free < LITTLE_DISK_GB
    ]
    if memory_mb() < CHILD_MEMORY_MB:
        remarks.append(
            f"{memory_mb() / 1e3:.1f} GB of memory are less than the {CHILD_MEMORY_MB / 1e3:.1f} "
            "GB that a worker is expected to need: large scans may fail"
        )
    if has_gpu() and "+cpu" in version_of("torch"):
        remarks.append("there is a GPU, and this torch was built without support for it")
    return tuple(remarks)


def _path_of(program: str) -> str:
    """Find a program on the path, or beside this Python, where pip puts it."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(program) or shutil.which(program, path=beside) or ""


def _load() -> float:
    """Return how many processes wanted each core in the last minute; 0 where none can tell."""
    return os.getloadavg()[0] / n_cores() if hasattr(os, "getloadavg") else 0.0


def _free_gb(place: Path) -> float:
    """Free space where a folder is, or would be made."""
    there = next((p for p in (place.absolute(), *place.absolute().parents) if p.exists()), Path())
    return round(shutil.disk_usage(there).free / 1e9, 1)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
