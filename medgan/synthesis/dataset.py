"""Virtual cases as a PyTorch and MONAI dataset, made when they are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch.utils.data import Dataset

from medgan.models import Model, load_model
from medgan.synthesis.output import output_of_wanted
from medgan.synthesis.sample import synthesize

Item = dict[str, Any]


class SyntheticDataset(Dataset[Item]):
    """The cases that `medgan synthesize MODEL -n N --seed S` writes, without the files.

    Parameters
    ----------
    model
        Model folder, a shipped model by name, or a loaded model.
    n
        Length of the dataset.
    seed
        The same seed gives the same cases on one machine, in any order, in any worker.
    first
        Index of the first case of that seed.
    wanted
        Values of the model's conditions, as text, e.g. `{"age": "60"}`; the others are left free.
    transform
        Applied to every item, e.g. a MONAI `Compose` of dictionary transforms.
    device
        Where a model is loaded to; `cpu` for a loader with workers.

    Notes
    -----
    Items are `{"image", "label", "id"}`: MetaTensors (1, i, j, k) with their RAS+ `affine`, image
    float32 in physical values as in the NIfTI file, label uint8; no `label` where the model has
    none. Nothing is kept: asked for twice, a case is made twice. Virtual cases belong in training
    and never in validation.

    Raises
    ------
    ModelError
        If there is no such model, or it makes no scans.
    UsageError
        If the model does not know what is wanted, or it must be said which modality is.
    """

    def __init__(
        self,
        model: str | Path | Model,
        n: int,
        seed: int = 0,
        *,
        first: int = 0,
        wanted: Mapping[str, str] | None = None,
        transform: Callable[[Item], Any] | None = None,
        device: str = "cpu",
    ) -> None:
        if n < 1 or seed < 0 or first < 0:
            raise ValueError("n must be at least 1, seed and first at least 0")
        if isinstance(model, Model):
            self.model = model
        else:
            self.model = load_model(model, device=device, kind="synthesizer")
        self.wanted = dict(wanted or {})
        # Refuses a model that makes no such scans before a worker does.
        output_of_wanted(self.model.info, self.wanted)
        if self.model.info.notice:
            warnings.warn(self.model.info.notice, stacklevel=2)
        self.n = n
        self.seed = seed
        self.first = first
        self.transform = transform

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        """Make one case; negative indices count from the end."""
        if not -self.n <= index < self.n:
            raise IndexError(f"index {index} of {self.n} cases")
        place = self.first + index % self.n
        (case,) = synthesize(self.model, 1, self.seed, first=place, wanted=self.wanted)
        affine = torch.from_numpy(case.image.affine)
        item: Item = {"id": case.id, "image": _tensor(case.image.values, affine)}
        if case.labels is not None:
            item["label"] = _tensor(case.labels, affine)
        return item if self.transform is None else self.transform(item)


def _tensor(values: np.ndarray[Any, Any], affine: torch.Tensor) -> MetaTensor:
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(values)[None]), affine=affine.clone())
