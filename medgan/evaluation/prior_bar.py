"""What a linear prior of the training images would make: the bar that a generator has to pass.

It costs seconds and no training. A generator that comes no nearer to real images than it does has
not earned its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from medgan.data.calibration import calibrate
from medgan.data.label_map import label_map
from medgan.data.signed_distance import encode
from medgan.data.slice_cut import find_cuts
from medgan.data.streams import stream
from medgan.evaluation.common_grid import common_grid
from medgan.evaluation.image_set import ImageSet
from medgan.training.fit_prior import fit_prior

AT_MOST = 400
"""Training images that it is fitted to, evenly spread, as by the recipe `synthesize/prior`."""

MOST_VALUES = 2**27
"""Of these images and their label channels together, 512 MiB; fit and draws take six times that.
Beyond it there is no bar."""


def is_too_large(n: int, shape: Sequence[int], n_classes: int) -> bool:
    """Whether a prior of n images of that shape (*S) would take too much memory."""
    return min(n, AT_MOST) * math.prod(shape) * (1 + n_classes) > MOST_VALUES


@torch.no_grad()
def prior_images(train: ImageSet, classes: Sequence[int], n: int, seed: int) -> ImageSet:
    """Fit the full-rank linear prior to training images and draw from it.

    Parameters
    ----------
    train
        At least two images; of more than 400, 400.
    classes
        Label values that it makes too; empty: images alone.
    n, seed
        How many, and of which random stream.

    Notes
    -----
    Labels are made as `medgan synthesize` makes them of the recipe `synthesize/prior`: signed
    distances, whose thresholds keep the mean volumes; divided by planes where the training
    labels are; in volumes the largest part of each.
    """
    spread = np.linspace(0, len(train) - 1, min(len(train), AT_MOST)).round()
    train = train.take(spread.astype(int))
    samples = train.images[:, None]
    if classes and train.labels is not None:
        channels = np.stack([encode(labels, classes) for labels in train.labels])
        samples = np.concatenate([samples, channels], axis=1)
    prior = fit_prior(torch.from_numpy(samples))
    latents = (
        stream(seed, "prior", i).standard_normal((1, prior.latent), np.float32) for i in range(n)
    )
    drawn = np.stack([prior(torch.from_numpy(z))[0].numpy() for z in latents])
    images = common_grid(list(np.clip(drawn[:, 0], -1, 1)), train.shape)  # as all sets were
    if not classes or train.labels is None:
        return ImageSet(images)
    volumes = [float((train.labels == value).sum() / len(train)) for value in classes]
    offsets, cuts = calibrate(drawn[:, 1:], volumes), find_cuts(train.labels, classes)
    is_volume = len(train.shape) == 3
    labels = [label_map(one[1:], classes, offsets, cuts, largest_part=is_volume) for one in drawn]
    return ImageSet(images, np.stack(labels))
