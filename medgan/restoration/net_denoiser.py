"""A trained network as one more denoiser, its answers averaged over equal views of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from medgan.data.noisy_samples import REACH
from medgan.data.volumes import ISOTROPIC, MIN_SLICES
from medgan.models import Model, check_kind
from medgan.restoration.denoisers import Planes

CHUNK_PIXELS = 2**19
"""Pixels that go through the network at once."""

SMALL_SCAN, LARGE_SCAN = 2**18, 2**21
"""Up to the first size (voxels) answers are averaged over eight views along each axis, beyond the
second not at all, between them over two."""

ALONG, ACROSS = (0,), (1, 2)
"""Axes of a stack (n, h, w) along which planes are taken: its slices, or rows and columns."""

_VIEWS = (0, 7, 4, 3, 1, 6, 2, 5, 8, 15, 12, 11, 9, 14, 10, 13)
"""Order of views: bit 1 mirrors columns, 2 mirrors rows, 4 reverses the stack, 8 swaps rows and
columns; most different first. The first 2, 4, 8 and 16 are groups: what is averaged over them
commutes with each of them."""


@dataclass(frozen=True)
class NetDenoiser:
    """A blind network; it is not told the noise level.

    Parameters
    ----------
    model
        A model of kind `denoiser`.
    n_views
        Mirrored, reversed and transposed views to average over, 1..16; None: by size.
    axes
        Of (n, h, w), those along which planes are taken, to average over. The network sees five
        planes: taken along rows and columns it knows a neighbourhood that it does not know along
        the slices.
    """

    model: Model
    n_views: int | None = None
    axes: tuple[int, ...] = ALONG

    def __post_init__(self) -> None:
        check_kind(self.model.info, "denoiser")
        self.model.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def name(self) -> str:
        """The model's name, and whether it looks across the slices."""
        name = self.model.info.name
        return name if self.axes == ALONG else f"{name}-across"

    def suits(self, shape: Sequence[int], spacing_mm: Sequence[float] | None) -> bool:
        """Whether a scan (n, h, w) of this spacing can be looked at along these axes."""
        if self.axes == ALONG:
            return True
        if spacing_mm is None or min(shape) < MIN_SLICES:
            return False
        return max(spacing_mm) <= ISOTROPIC * min(spacing_mm)

    def for_size(self, n_voxels: int) -> NetDenoiser:
        """Return it with the views a whole scan can afford, unless somebody said how many.

        What is judged on a block of a scan and then used on all of it has to be the same function.
        """
        return replace(self, n_views=self.n_views or affordable_views(n_voxels))

    def __call__(self, planes: Planes, sigma: float) -> Planes:
        """Denoise planes (n, h, w); memory is bounded by `CHUNK_PIXELS` beside three copies."""
        n_views = self.n_views or affordable_views(planes.size)
        made = np.zeros_like(planes)
        for axis in self.axes:
            along = self._along(np.moveaxis(planes, axis, 0), n_views)
            made += np.moveaxis(along, 0, axis)
        return made / np.float32(len(self.axes))

    def _along(self, planes: Planes, n_views: int) -> Planes:
        """Denoise every plane with two on each side; beyond an end the last one is repeated."""
        n, h, w = planes.shape
        per_chunk = max(1, CHUNK_PIXELS // (h * w))
        device = next(self.model.network.parameters()).device
        made = np.empty(planes.shape, np.float32)
        with torch.inference_mode():
            for start in range(0, n, per_chunk):
                centres = np.arange(start, min(start + per_chunk, n))
                around = np.clip(centres[:, None] + np.arange(-REACH, REACH + 1), 0, n - 1)
                slices = torch.from_numpy(planes[around]).to(device)
                made[centres] = self._average(slices, n_views)[:, 0].cpu().numpy()
        return made

    def _average(self, slices: Tensor, n_views: int) -> Tensor:
        """Return the mean answer (B, 1, h, w) for slices (B, 5, h, w)."""
        total = torch.zeros_like(slices[:, :1])
        for number in _VIEWS[:n_views]:
            total += _seen_back(self.model.network(_seen(slices, number)), number)
        return total / n_views


def affordable_views(n_voxels: int) -> int:
    """Return how many views of a scan to average over along each axis."""
    if n_voxels <= SMALL_SCAN:
        return 8
    return 2 if n_voxels <= LARGE_SCAN else 1


def _seen(slices: Tensor, number: int) -> Tensor:
    mirrored = slices.flip(_mirrors(number) + ([1] if number & 4 else []))
    return mirrored.transpose(2, 3) if number & 8 else mirrored


def _seen_back(answer: Tensor, number: int) -> Tensor:
    return (answer.transpose(2, 3) if number & 8 else answer).flip(_mirrors(number))


def _mirrors(number: int) -> list[int]:
    return [axis for bit, axis in ((1, 3), (2, 2)) if number & bit]
