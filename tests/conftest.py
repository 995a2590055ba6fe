"""What every test may ask for: real scans, and randomness that is the same at every run.

The network is refused by pytest-socket (see `addopts`); no test loads anything from outside.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

SEED = 20251107
DATA = Path(os.environ.get("MEDGAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Real scans, outside the repository: they have licences of their own."""

# No test is judged by its time: benchmarks do that, side by side.
hypothesis.settings.register_profile("medgan", deadline=None)
hypothesis.settings.load_profile("medgan")


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Start each test at the same seeds, whatever the order pytest-randomly chose."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002  # libraries under test may draw from the global state
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(SEED)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts at the same place in every test."""
    return np.random.default_rng(SEED)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real scans; skips where there is none."""
    if not DATA.is_dir():
        pytest.skip("no real scans here: set MEDGAN_DATA to the folder that holds them")
    return DATA
