"""Where to compute: what a person asked for, against what there is."""

from __future__ import annotations

import re
from pathlib import Path

from medgan.errors import UsageError

_KNOWN = re.compile(r"^(auto|cpu|cuda(:\d+)?)$")


def check_device(name: str) -> str:
    """Check the name of a device without loading torch.

    Raises
    ------
    UsageError
        If it is none of `auto`, `cpu`, `cuda`, `cuda:n`.
    """
    if not _KNOWN.match(name):
        raise UsageError(
            f"unknown device {name}", where="--device", hint="Use auto, cpu, cuda or cuda:0."
        )
    return name


def has_gpu() -> bool:
    """Whether an NVIDIA driver runs here; asked without loading torch."""
    return Path("/proc/driver/nvidia/version").exists()


def pick_device(name: str) -> str:
    """Settle `auto`, and make sure that the device is there.

    Returns
    -------
    str
        `cpu`, `cuda` or `cuda:n`.

    Raises
    ------
    UsageError
        If a GPU was asked for that is not there.
    """
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if n_gpus else "cpu"
    if check_device(name) == "cpu":
        return name
    number = int(name.partition(":")[2] or 0)
    if number >= n_gpus:
        raise UsageError(
            f"there is no GPU number {number}: torch finds {n_gpus}",
            where=f"--device {name}",
            hint="Use --device auto, or install a torch that fits the GPU's driver.",
        )
    return name
