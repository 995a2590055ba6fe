"""Scans to network space, the same way every time: MONAI transforms, cached by content.

Oriented to RAS, resampled if asked, intensities to -1..1, cropped or padded at the centre, labels
as signed distances; image and labels become the channels of one tensor. The results are kept on
disk (see `array_cache`). Their keys are content hashes, so that a renamed or moved scan is found
again and a changed one is not.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.croppad.dictionary import ResizeWithPadOrCropd
from monai.transforms.spatial.dictionary import Orientationd, Spacingd
from monai.transforms.transform import MapTransform, Transform
from torch import Tensor
from torch.utils.data import Dataset

from medgan.data.array_cache import ArrayCache, Made
from medgan.data.cases import Case
from medgan.data.signed_distance import encode
from medgan.data.space import Space
from medgan.data.survey import Look, load_case
from medgan.errors import DataError
from medgan.scans import Scan
from medgan.settings import digest

PERCENTILES = (0.5, 99.5)
"""Ends of a scan's own intensity range: a few bright vessels must not set the scale."""

VERSION = 1
"""Raised whenever a transform changes what it makes, so that old caches are not used."""

_NEAREST = {"label": "nearest"}

_AXES = (("L", "R"), ("P", "A"), ("I", "S"))


def prepared(
    cases: Sequence[Case], looks: Mapping[str, Look], space: Space, cache: Path | None
) -> PreparedCases:
    """Return the dataset of prepared cases, in the order given.

    Parameters
    ----------
    cases
        Fit ones.
    looks
        By case id; their hashes are the cache keys.
    space
        As `shared_space` settles it.
    cache
        Folder of the cache; None: prepare anew at every access.

    Returns
    -------
    Items are `{"image": (C, *S), "range": (2,)}` float32: channels in -1..1 with the scan first,
    and the physical values that -1 and 1 stand for. In 2D `image` is (C, n_slices, *S).
    """
    what = digest({"version": VERSION, "space": space.model_dump(mode="json")})
    items: list[Mapping[Hashable, Any]] = []
    for case in cases:
        look = looks[case.id]
        of_case = {"image": look.sha256, "label": look.label_sha256, "modality": look.modality}
        key = digest(of_case | {"what": what})
        items.append({"image": case.image, "label": case.label, "key": key})
    return PreparedCases(items, transform(space), ArrayCache(cache))


def transform(space: Space) -> Compose:
    """Return the whole preparation as one MONAI transform over `{"image", "label"}` of `Found`."""
    steps: list[Transform] = [ReadCase(), *_onto_axes(space, {"image": "bilinear"} | _NEAREST)]
    size = list(space.shape)
    if space.spatial_dims == 2:
        size.insert(space.slice_axis, -1)  # MONAI's word for: as it is
    steps += [
        NormaliseIntensityd(["image"], space),
        # The image's border voxels are repeated; a label that touches the border is not.
        ResizeWithPadOrCropd(["image"], spatial_size=size, mode="edge"),
        ResizeWithPadOrCropd(["label"], spatial_size=size, mode="constant"),
        JoinChannels(space),
    ]
    return Compose(steps)


def label_on_grid(label: Scan, space: Space) -> tuple[MetaTensor, MetaTensor]:
    """Bring a label map alone into a space of volumes, as `transform` brings that of a case.

    Returns
    -------
    Label values (1, *V), along R, A and S and resampled if asked, whole; and cropped or padded to
    (1, *S). Both know their affine.
    """
    data: Any = {"label": _tensor(label, label.values)}
    for step in _onto_axes(space, _NEAREST):
        data = step(data)
    crop = ResizeWithPadOrCropd(["label"], spatial_size=space.shape, mode="constant")
    cropped: Any = crop(data)
    return data["label"], cropped["label"]


def _onto_axes(space: Space, modes: Mapping[str, str]) -> list[Transform]:
    """Return what turns to RAS and resamples, by the mode of interpolation of each key."""
    keys = list(modes)
    steps: list[Transform] = [Orientationd(keys, axcodes="RAS", labels=_AXES)]
    if space.resample:
        # scale_extent keeps the outer faces of the volume in place, and so its centre.
        steps.append(
            Spacingd(
                keys,
                pixdim=space.spacing_mm,
                mode=tuple(modes.values()),
                align_corners=True,
                scale_extent=True,
            )
        )
    return steps


class ReadCase(Transform):
    """`Found` to channel-first MetaTensors (1, i, j, k) float32 with RAS+ affines, and modality.

    A case without label map gets an empty one, so that the steps after it need no second path.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        loaded = load_case(data["image"], data["label"], data["image"].id)
        image, label = loaded.image, loaded.label
        nothing = np.zeros(image.grid.shape, np.float32)
        return {
            "image": _tensor(image, image.values),
            "label": _tensor(image, nothing) if label is None else _tensor(label, label.values),
            "modality": image.modality,
        }


class NormaliseIntensityd(MapTransform):
    """Physical values to -1..1, cut at both ends; adds `range`, the values at -1 and 1.

    Parameters
    ----------
    space
        Its window for the modality says which values they are; without one, percentiles 0.5 and
        99.5 of the scan itself.
    """

    def __init__(self, keys: Sequence[str], space: Space) -> None:
        super().__init__(keys)
        self.space = space

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        for key in self.keys:
            window = self.space.window_of(data["modality"])
            low, high = window or np.percentile(np.asarray(data[key]), PERCENTILES)
            if not high > low:
                raise DataError("the scan is constant", hint="Leave it out of the training set.")
            result[key] = (2 * (data[key] - low) / (high - low) - 1).clamp(-1, 1)
            result["range"] = torch.tensor([low, high], dtype=torch.float32)
        return result


class JoinChannels(Transform):
    """Image and label map to one tensor: the scan, then one signed distance a class."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        image = np.asarray(data["image"], np.float32)
        labels = np.rint(np.asarray(data["label"][0])).astype(np.uint8)
        if self.space.spatial_dims == 2:
            image = np.moveaxis(image, 1 + self.space.slice_axis, 1)
            slices = np.moveaxis(labels, self.space.slice_axis, 0)
            channels = np.stack([encode(one, self.space.label_values) for one in slices], axis=1)
        else:
            channels = encode(labels, self.space.label_values)
        joined = np.ascontiguousarray(np.concatenate([image, channels]))
        return {"image": torch.from_numpy(joined), "range": data["range"]}


class PreparedCases(Dataset[dict[str, Tensor]]):
    """Cases by index, prepared at the first access.

    Parameters
    ----------
    items
        `{"image", "label", "key"}` each: what the transform takes, and the key of the result.
    """

    def __init__(
        self, items: Sequence[Mapping[Hashable, Any]], transform: Compose, arrays: ArrayCache
    ) -> None:
        self.items = items
        self.transform = transform
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return `{"image": (C, *S), "range": (2,)}`; the image must not be written to."""
        item = self.items[index]

        def make() -> Made:
            done = self.transform(item)
            return done["image"].numpy(), {"range": done["range"].tolist()}

        image, facts = self.arrays.get(item["key"], make)
        return {"image": torch.from_numpy(image), "range": torch.tensor(facts["range"])}


def _tensor(scan: Scan, values: np.ndarray[Any, np.dtype[np.float32]]) -> MetaTensor:
    return MetaTensor(torch.from_numpy(values[None].copy()), affine=torch.from_numpy(scan.affine))
