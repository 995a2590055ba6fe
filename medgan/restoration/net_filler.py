"""A trained network as one more filler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from medgan.data.slice_inputs import slice_arrays
from medgan.interpolation import Stack
from medgan.models import Model, check_kind
from medgan.networks.slice_net import SliceInputs
from medgan.restoration.batch import stack_inputs

CHUNK_PIXELS = 2**18
"""Pixels that go through the network at once: bounds memory at about 0.4 GB."""

SMALL_PLANE, LARGE_PLANE = 128**2, 256**2
"""Up to the first size (pixels) answers are averaged over all eight views, beyond the second not at
all, between them over two: averaging is worth 0.1 to 0.2 dB and costs its number of views."""

VIEWS = (0, 7, 4, 3, 1, 6, 2, 5)
"""Order of views: bit 1 mirrors x, 2 mirrors y, 4 reverses the stack; most different first."""


@dataclass(frozen=True)
class NetFiller:
    """Fill with a slice inpainter.

    Parameters
    ----------
    model
        A model of kind `restorer`.
    averaging
        Flips and reversals to average over, 1..8; None: by the size of a plane.
    chunk_pixels
        Pixels that go through the network at once.
    """

    model: Model
    averaging: int | None = None
    chunk_pixels: int = CHUNK_PIXELS

    def __post_init__(self) -> None:
        check_kind(self.model.info, "restorer")
        self.model.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.info.name

    def fill(self, stack: Stack, targets: Sequence[int]) -> NDArray[np.float32]:
        """Run the network on every target, in chunks of bounded size."""
        h, w = stack.planes.shape[1:]
        n_views = self.averaging or affordable_views(h * w)
        per_chunk = max(1, self.chunk_pixels // (h * w))
        filled = []
        for start in range(0, len(targets), per_chunk):
            chunk = targets[start : start + per_chunk]
            inputs = stack_inputs([slice_arrays(stack, target) for target in chunk])
            filled.append(self._average(inputs, n_views))
        return np.concatenate(filled)

    def _average(self, inputs: SliceInputs, n_views: int) -> NDArray[np.float32]:
        device = next(self.model.network.parameters()).device
        total = torch.zeros(())
        with torch.inference_mode():
            for view, axes in _views(inputs.to(device), n_views):
                total = total + torch.flip(self.model.network(view).float(), axes).cpu()
        return np.asarray((total[:, 0] / n_views).numpy(), dtype=np.float32)


def affordable_views(n_pixels: int) -> int:
    """Return how many views of a plane to average over where nobody says."""
    if n_pixels <= SMALL_PLANE:
        return len(VIEWS)
    return 2 if n_pixels <= LARGE_PLANE else 1


def _views(inputs: SliceInputs, n: int) -> Iterator[tuple[SliceInputs, list[int]]]:
    """Yield n of eight equal descriptions of a slice, and the axes to flip back."""
    for number in VIEWS[:n]:
        axes = [axis for bit, axis in ((1, 3), (2, 2)) if number & bit]
        yield _reversed(_flipped(inputs, axes)) if number & 4 else _flipped(inputs, axes), axes


def _flipped(inputs: SliceInputs, axes: list[int]) -> SliceInputs:
    """Mirror the planes; a flow changes its sign along a mirrored axis."""
    if not axes:
        return inputs
    sign = torch.tensor([-1.0 if 3 in axes else 1.0, -1.0 if 2 in axes else 1.0])
    flow = torch.flip(inputs.flow, axes) * sign.view(1, 2, 1, 1).to(inputs.flow.device)
    return inputs._replace(neighbours=torch.flip(inputs.neighbours, axes), flow=flow)


def _reversed(inputs: SliceInputs) -> SliceInputs:
    """Look at the stack from its other end."""
    c = inputs.condition
    return SliceInputs(
        neighbours=torch.flip(inputs.neighbours, [1]),
        kernels=torch.flip(inputs.kernels, [2]),
        flow=-inputs.flow,
        fraction=1 - inputs.fraction,
        condition=torch.stack([-c[:, 0], c[:, 1], c[:, 3], c[:, 2], c[:, 4]], dim=1),
    )
