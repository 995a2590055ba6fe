"""How fast this machine fills and trains, by threads, number format and memory layout."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from medgan.pipeline.machine import n_cores

if TYPE_CHECKING:
    from torch import Tensor, nn

K = TypeVar("K")

ENOUGH = 0.05
"""Threads that save less than this share of the time are better left to another worker."""
WORTH = 0.1
"""So much faster must a way to compute be to be chosen: timings on a shared machine vary."""
PLANE = 192
"""Side of the slice that is filled."""
BUDGET_S, LEAST_ROUNDS = 0.5, 3
"""For one figure, after one run to warm up."""

Seconds = dict[str, float]


def fill_seconds() -> dict[int, float]:
    """Time one slice through the restorer's network, by threads: 1, 2, 4 ... all cores."""
    import torch

    from medgan.networks.slice_net import N_CONDITIONS, SliceInputs, SliceNet

    network = SliceNet().eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plane = (PLANE, PLANE)
    inputs = SliceInputs(
        neighbours=torch.rand(1, 6, *plane),
        kernels=torch.rand(1, 2, 6),
        flow=torch.zeros(1, 2, *plane),
        fraction=torch.full((1,), 0.5),
        condition=torch.zeros(1, N_CONDITIONS),
    )
    counts = sorted({*(2**n for n in range(n_cores().bit_length())), n_cores()})

    def fill(threads: int) -> None:
        with _threads(threads), torch.inference_mode():
            network(inputs)

    return _shortest({n: partial(fill, n) for n in counts})


def best_threads(seconds: dict[int, float]) -> int:
    """Return the fewest threads that are about as fast as any."""
    fastest = min(seconds.values())
    return min(n for n, took in seconds.items() if took <= fastest * (1 + ENOUGH))


def train_seconds(device: str) -> Seconds:
    """Time a step of 3D convolutions, forward and backward, by number format and layout."""
    import torch
    from torch import nn

    layers = nn.Sequential(
        nn.Conv3d(2, 24, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv3d(24, 48, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose3d(48, 24, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv3d(24, 1, 3, padding=1),
    ).to(device)
    images = torch.randn(4, 2, 32, 32, 32, device=device)
    formats = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last_3d}
    kind = torch.device(device).type

    def step(network: nn.Module, batch: Tensor, precision: str) -> None:
        with torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16"):
            made = network(batch)
        made.float().square().mean().backward()
        if kind == "cuda":
            torch.cuda.synchronize()

    ways = {}
    for layout, memory_format in formats.items():
        network = deepcopy(layers).to(memory_format=memory_format)  # type: ignore[call-overload]
        batch = images.to(memory_format=memory_format)
        for precision in ("float32", "bfloat16"):
            ways[f"{precision} {layout}"] = partial(step, network, batch, precision)
    return _shortest(ways)


def best_precision(seconds: Seconds) -> str:
    """Return the number format of a training: bfloat16 only where it is clearly faster.

    Compared in the layout that training uses.
    """
    low, full = (seconds[f"{name} contiguous"] for name in ("bfloat16", "float32"))
    return "bfloat16" if low <= full * (1 - WORTH) else "float32"


def compiled_gain(device: str) -> float | None:
    """Return how many times faster `torch.compile` makes a small network; None where it cannot.

    It takes a compiler, and up to a minute.
    """
    import torch
    from torch import nn

    if not any(map(shutil.which, ("g++", "clang++", "cl"))):
        return None
    network = nn.Sequential(nn.Conv2d(8, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 8, 3)).eval()
    network = network.to(device)
    images = torch.randn(4, 8, 96, 96, device=device)
    with torch.inference_mode():
        made = torch.compile(network)
        try:
            seconds = _shortest({"plain": lambda: network(images), "made": lambda: made(images)})
        except Exception:  # a boundary: compilers fail in ways of their own
            return None
    return seconds["plain"] / seconds["made"]


def _shortest(ways: Mapping[K, Callable[[], object]]) -> dict[K, float]:
    """Return the shortest of several runs of each, in turns.

    What else the machine does can only make a run longer, and in turns it meets all alike.
    """
    for work in ways.values():
        work()
    shortest = dict.fromkeys(ways, float("inf"))
    started, n_rounds = time.perf_counter(), 0
    while n_rounds < LEAST_ROUNDS or time.perf_counter() - started < BUDGET_S * len(ways):
        n_rounds += 1
        for way, work in ways.items():
            before = time.perf_counter()
            work()
            shortest[way] = min(shortest[way], time.perf_counter() - before)
    return shortest


@contextmanager
def _threads(n: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
