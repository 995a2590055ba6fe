"""A trained network that makes thin slices of thick ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from medgan.data.slab_inputs import base_of, slab_arrays, steepness_of
from medgan.interpolation import Stack
from medgan.interpolation.slabs import Slabs
from medgan.models import Model, check_kind, load_model
from medgan.networks.slab_net import SlabInputs, SlabNet
from medgan.restoration.net_filler import CHUNK_PIXELS, VIEWS, affordable_views
from medgan.restoration.slab_task import stack_inputs


@dataclass(frozen=True)
class NetThinner:
    """Undo the averaging of thick slices.

    Parameters
    ----------
    model
        A model of kind `thinner`.
    averaging
        Flips and reversals to average over, 1..8; None: by the size of a plane.
    chunk_pixels
        Pixels that go through the network at once.
    """

    model: Model
    averaging: int | None = None
    chunk_pixels: int = CHUNK_PIXELS

    def __post_init__(self) -> None:
        check_kind(self.model.info, "thinner")
        self.model.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.info.name

    def fits(self, slabs: Slabs) -> bool:
        """Tell whether it was trained for such slabs: boxes, and so many thin slices of each."""
        network: SlabNet = self.model.network  # type: ignore[assignment]
        return slabs.is_box and slabs.factor in network.factors

    def thin(self, thick: Stack, slabs: Slabs) -> NDArray[np.float32]:
        """Return thin slices (n S, h, w) whose means are the thick ones."""
        planes = np.asarray(thick.planes)
        n, h, w = planes.shape
        base = base_of(thick, slabs)
        step = float(thick.positions_mm[1] - thick.positions_mm[0])
        steepness = steepness_of(step, thick.pixel_mm)
        n_views = self.averaging or affordable_views(h * w)
        per_chunk = max(1, self.chunk_pixels // (h * w))
        made = []
        for start in range(0, n, per_chunk):
            chunk = range(start, min(start + per_chunk, n))
            arrays = [slab_arrays(planes, base, position, steepness) for position in chunk]
            made.append(self._average(stack_inputs(arrays), n_views))
        return slabs.projected(np.concatenate(made), planes)

    def _average(self, inputs: SlabInputs, n_views: int) -> NDArray[np.float32]:
        device = next(self.model.network.parameters()).device
        inputs = inputs.to(device)
        total = torch.zeros_like(inputs.base[:, 1:-1], device="cpu")
        with torch.inference_mode():
            for number in VIEWS[:n_views]:
                axes = [axis for bit, axis in ((1, 3), (2, 2), (4, 1)) if number & bit]
                thick, base = inputs.thick.flip(axes), inputs.base.flip(axes)
                view = SlabInputs(thick, base, inputs.steepness)
                total += self.model.network(view).float().flip(axes).cpu()
        return (total / n_views).flatten(0, 1).numpy()


def load_thinner(name: str, averaging: int | None, device: str = "cpu") -> NetThinner:
    """Load a network for thick slices.

    Raises
    ------
    ModelError
        If it cannot be loaded or is no thinner.
    """
    return NetThinner(load_model(name, device=device, kind="thinner"), averaging)
