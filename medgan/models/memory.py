"""When memory runs out: told from other faults, and the network moved to where there is more."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import nn

T = TypeVar("T")

_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")
"""What torch's allocators, CUDA's libraries and OpenCV say in errors of no special kind."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on the CPU or on a GPU; loads no torch."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def release() -> None:
    """Give back what a failed attempt still holds."""
    gc.collect()
    loaded = sys.modules.get("torch")
    if loaded is not None and loaded.cuda.is_available():
        loaded.cuda.empty_cache()


def is_on_gpu(network: nn.Module) -> bool:
    """Tell where a network computes; a fitted one has buffers and no parameters."""
    device: torch.device = next(iter(network.state_dict().values())).device
    return device.type != "cpu"


@contextmanager
def on_cpu(network: nn.Module) -> Iterator[None]:
    """Move a network to the CPU, and back to where it was."""
    device = next(iter(network.state_dict().values())).device
    network.to("cpu")
    try:
        yield
    finally:
        network.to(device)


def or_on_cpu(network: nn.Module, work: Callable[[], T]) -> tuple[T, bool]:
    """Do a piece of work, and where a GPU has not enough memory for it, again on the CPU.

    Returns
    -------
    tuple
        What `work` returned, and whether it was on the CPU that it did.
    """
    try:
        return work(), False
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error) or not is_on_gpu(network):
            raise
    release()
    with on_cpu(network):
        return work(), True
