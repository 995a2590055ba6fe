"""Random numbers by place and not by turn: a step can be repeated, and a run taken up anywhere."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """Return the generator of one place in a run; the same arguments give the same numbers.

    Parameters
    ----------
    seed
        Of the run, at least 0.
    purpose
        What is drawn, e.g. `latent`: streams of different purposes are independent.
    place
        Numbers at least 0 that say where: case, step, index.
    """
    # crc32 turns the word into exactly one 32-bit number; Python's hash() differs between runs.
    entropy = (seed, zlib.crc32(purpose.encode()), *place)
    return np.random.default_rng(np.random.SeedSequence(entropy))
