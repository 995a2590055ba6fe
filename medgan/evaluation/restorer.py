"""Features of an encoder that learned from real images without labels: to restore damaged ones.

Random networks see texture, a segmenter needs labels. To take noise away and to fill holes, a
network has to know what scans look like (denoising autoencoder, Vincent et al. 2008; holes, Pathak
et al. 2016).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from medgan.evaluation.features import as_tensor
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.segmenter import LEARNING_RATE, TRAIN_BATCH, Segmenter

NOISE = 0.2
"""Standard deviation of what is added, in -1..1."""

HOLE, HOLE_SHARE = 4, 0.25
"""Side of a hole in voxels, and the share of the image that holes take."""


def train_restorer(images: ImageSet, steps: int, seed: int) -> Segmenter:
    """Train on images for a fixed number of steps of 8; their labels are not looked at.

    Parameters
    ----------
    images
        Real ones.
    steps, seed
        Length and random stream.

    Notes
    -----
    The network of `segmenter`, with one output: the image as it was. Squared error, Adam with a
    cosine schedule. Same arguments, same result on one machine.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Segmenter(len(images.shape), 0)
    adam = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    rng = np.random.default_rng((seed, 11))
    for _ in range(steps):
        chosen = rng.integers(len(images), size=TRAIN_BATCH)
        whole = as_tensor(images.take(chosen), slice(None), ())
        adam.zero_grad(set_to_none=True)
        loss = functional.mse_loss(network(damaged(whole, generator)), whole)
        torch.autograd.backward(loss)
        adam.step()
        schedule.step()
    return network.eval()


def damaged(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (B, 1, *S) with noise, and with holes of the middle grey 0."""
    noisy = images + NOISE * torch.randn(images.shape, generator=generator)
    coarse = [-(-side // HOLE) for side in images.shape[2:]]
    is_whole = torch.rand([len(images), 1, *coarse], generator=generator) >= HOLE_SHARE
    mask = functional.interpolate(is_whole.float(), scale_factor=HOLE)
    for axis, side in enumerate(images.shape[2:], start=2):
        mask = mask.narrow(axis, 0, side)
    return noisy * mask
