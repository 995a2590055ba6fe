"""A small U-Net that evaluation trains for itself: an encoder made for these scans, and a judge.

Trained on real images it gives features that know anatomy where random networks know texture, and
its own segmentation tells whether the label of a virtual image fits the image. Trained on virtual
images it tells what they are worth (`utility.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medgan.evaluation.features import BATCH, Features, as_tensor
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.random_net import pooled

TRAIN_BATCH = 8
LEARNING_RATE = 6e-3
DETAIL = 8
MAX_TURN, MAX_SCALE, MAX_SHIFT = 0.15, 0.1, 0.08

ONE_PLACE, PADDED = 8, 16
"""Images of at most 8 voxels a side, halved three times, are one place, and a norm is taken over
several: they are padded to 16."""


class Segmenter(nn.Module):
    """Three levels, the first already at half size, so that it trains in seconds on a CPU.

    Takes (B, 1, *S) in -1..1 of any size in 2D or 3D, gives logits (B, n_classes + 1, *S).
    Without classes the one output is an image (`restorer.py`).
    """

    def __init__(self, spatial_dims: int, n_classes: int, width: int = 16) -> None:
        super().__init__()
        convolution = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        norm = nn.InstanceNorm2d if spatial_dims == 2 else nn.InstanceNorm3d

        def block(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(
                convolution(n_in, n_out, 3, stride, 1, bias=False),
                norm(n_out, affine=True),
                nn.LeakyReLU(0.1),
            )

        widths = (width, 2 * width, 4 * width)
        self.down = nn.ModuleList(
            nn.Sequential(block(n_in, n_out, 2), block(n_out, n_out))
            for n_in, n_out in zip((1, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            block(coarse + fine, fine)
            for coarse, fine in ((widths[2], widths[1]), (widths[1], widths[0]))
        )
        # Convolutions at full size would cost as much as all the rest, so logits are made at half
        # size and a thin look at the full-size image sharpens them.
        self.head = convolution(width, n_classes + 1, 1)
        self.detail = nn.Sequential(block(1, DETAIL), convolution(DETAIL, n_classes + 1, 1))

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the maps (B, C, *S / 2^level) of all three levels, finest first."""
        maps = []
        x = _padded(x)
        for level in self.down:
            x = level(x)
            maps.append(x)
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, n_classes + 1, *S) of images (B, 1, *S)."""
        fine, middle, coarse = self.encode(x)
        y = self.up[0](torch.cat([_resize(coarse, middle), middle], dim=1))
        y = self.up[1](torch.cat([_resize(y, fine), fine], dim=1))
        padded = _padded(x)
        logits: Tensor = _resize(self.head(y), padded) + self.detail(padded)
        for axis, side in enumerate(x.shape[2:], start=2):
            logits = logits.narrow(axis, 0, side)
        return logits


def _padded(x: Tensor) -> Tensor:
    """Return images (B, C, *S), with -1 beyond the end of each axis where all axes are short."""
    if max(x.shape[2:]) > ONE_PLACE:
        return x
    missing = [(0, PADDED - side) for side in reversed(x.shape[2:])]
    return functional.pad(x, [n for pair in missing for n in pair], value=-1)


def _resize(x: Tensor, like: Tensor) -> Tensor:
    mode = "bilinear" if x.ndim == 4 else "trilinear"
    return functional.interpolate(x, size=like.shape[2:], mode=mode, align_corners=False)


@dataclass(frozen=True)
class TrainedSegmenter:
    """A trained network and the label values its channels stand for."""

    network: Segmenter
    classes: tuple[int, ...]

    def dice(self, images: ImageSet) -> NDArray[np.float64]:
        """Return the Dice (n,) of its segmentation with the labels of the set, mean over classes.

        A class that neither has counts as 1.
        """
        scores = []
        with torch.no_grad():
            for start in range(0, len(images), BATCH):
                part = slice(start, start + BATCH)
                found = self.network(as_tensor(images, part, ())).argmax(dim=1)
                scores.append(_dice(found, _channels(images, part, self.classes)))
        return np.concatenate(scores)


def encoder_features(network: Segmenter, images: ImageSet) -> tuple[Features, ...]:
    """Return (n, d): mean and spread over space of the channels of each encoder level."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = as_tensor(images, slice(start, start + BATCH), ())
            parts.append(torch.cat([pooled(m) for m in network.encode(batch)], dim=1).numpy())
    return (np.concatenate(parts).astype(np.float64),)


def train_segmenter(
    images: ImageSet, classes: Sequence[int], steps: int, seed: int, width: int = 16
) -> TrainedSegmenter:
    """Train on a set for a fixed number of steps of 8 images.

    Parameters
    ----------
    images
        With labels.
    classes
        Label values to tell from background.
    steps, seed, width
        Length, random stream and channels of the first level.

    Notes
    -----
    Dice and cross-entropy, Adam with a cosine schedule; turned, scaled, shifted (a few per cent
    each) and varied in brightness and contrast. Same arguments, same result on one machine.
    """
    spatial_dims = len(images.shape)
    rng = np.random.default_rng((seed, 7))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Segmenter(spatial_dims, len(classes), width)
    loss = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True)
    adam = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    order: list[int] = []
    for _ in range(steps):
        while len(order) < TRAIN_BATCH:
            order += rng.permutation(len(images)).tolist()
        chosen, order = order[:TRAIN_BATCH], order[TRAIN_BATCH:]
        batch = images.take(chosen)
        x, y = _augment(
            as_tensor(batch, slice(None), ()), _channels(batch, slice(None), classes), rng
        )
        adam.zero_grad(set_to_none=True)
        loss(network(x), y[:, None]).backward()
        adam.step()
        schedule.step()
    return TrainedSegmenter(network.eval(), tuple(classes))


def _channels(images: ImageSet, part: slice, classes: Sequence[int]) -> Tensor:
    """Labels as 0, 1, ... in the order of `classes`: (b, *S) int64."""
    if images.labels is None:
        raise ValueError("the set has no labels")
    labels = np.zeros(images.labels[part].shape, np.int64)
    for channel, value in enumerate(classes, start=1):
        labels[images.labels[part] == value] = channel
    return torch.from_numpy(labels)


def _dice(found: Tensor, truth: Tensor) -> NDArray[np.float64]:
    """Mean Dice over the classes that either has, (b,)."""
    found, truth = found.flatten(1), truth.flatten(1)
    scores = []
    for channel in range(1, int(max(found.max(), truth.max())) + 1):
        a, b = found == channel, truth == channel
        size = (a.sum(dim=1) + b.sum(dim=1)).double()
        overlap = 2 * (a & b).sum(dim=1).double()
        scores.append(torch.where(size > 0, overlap / size.clamp_min(1), torch.nan))
    if not scores:
        return np.ones(len(found))
    return torch.stack(scores).nanmean(dim=0).nan_to_num(1.0).numpy()


def _augment(x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Move image and label together, vary brightness and contrast of the image."""
    b, dims = len(x), x.ndim - 2
    shape = np.array(x.shape[2:], dtype=np.float64)[::-1]
    turn = rng.uniform(-MAX_TURN, MAX_TURN, (b, dims, dims))
    turn = np.triu(turn, 1) - np.transpose(np.triu(turn, 1), (0, 2, 1))
    # A small rotation to first order in voxels; grid_sample wants it in units of half an axis.
    matrix = (np.eye(dims) + turn) * rng.uniform(1 - MAX_SCALE, 1 + MAX_SCALE, (b, 1, dims))
    matrix = matrix * shape[None, None, :] / shape[None, :, None]
    shift = rng.uniform(-2 * MAX_SHIFT, 2 * MAX_SHIFT, (b, dims, 1))
    theta = torch.from_numpy(np.concatenate([matrix, shift], axis=2).astype(np.float32))
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    x = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    moved = functional.grid_sample(
        y[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    column = (b,) + (1,) * (x.ndim - 1)
    contrast = torch.from_numpy(rng.uniform(0.8, 1.2, column).astype(np.float32))
    brightness = torch.from_numpy(rng.uniform(-0.1, 0.1, column).astype(np.float32))
    return x * contrast + brightness, moved[:, 0].long()
