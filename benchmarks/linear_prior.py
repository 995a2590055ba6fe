"""The bar a generator has to clear: a Gaussian in the space of all training modes, in seconds.

It stores the training set and is a baseline only, never a model to share. Its samples blend all
training cases and so have their mean, spread and spectrum, but no anatomy of their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from medgan.data.streams import stream


class LinearPrior:
    """Full-rank Gaussian of image and label channels, with the true marginals of the image.

    Notes
    -----
    x = m + w C / sqrt(n - 1), w standard normal in as many dimensions as there are cases: its
    covariance is that of the sample. Gaussian copula: the image's voxel z-scores go through the
    normal distribution to the empirical quantiles of that voxel.
    """

    def __init__(self, samples: NDArray[np.float32]) -> None:
        """Learn from (n, C, *S), channel 0 the image."""
        self.shape = samples.shape[1:]
        flat = samples.reshape(len(samples), -1)
        self.mean = flat.mean(axis=0)
        self.centred = flat - self.mean
        self.n_image = int(np.prod(self.shape[1:]))
        self.ordered = np.sort(flat[:, : self.n_image], axis=0)
        self.spread = np.maximum(flat[:, : self.n_image].std(axis=0, ddof=1), 1e-6)

    def draw(self, seed: int, index: int, purpose: str = "case") -> NDArray[np.float32]:
        """Return sample number `index` of a seed, (C, *S) in -1..1."""
        n = len(self.centred)
        weights = stream(seed, f"linear prior {purpose}", index).standard_normal(n)
        offset = weights.astype(np.float32) @ self.centred / np.float32(np.sqrt(n - 1))
        x = self.mean + offset
        share = ndtr(offset[: self.n_image] / self.spread) * (n - 1)
        below = np.clip(np.floor(share).astype(int), 0, n - 2)
        columns = np.arange(self.n_image)
        low, high = self.ordered[below, columns], self.ordered[below + 1, columns]
        x[: self.n_image] = low + (share - below) * (high - low)
        return np.clip(x, -1, 1).reshape(self.shape).astype(np.float32)
