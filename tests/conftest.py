"""What every test may ask for: real scans, and randomness that is the same at every run.

No test loads anything from outside. pytest-socket (see `addopts`) refuses sockets to all that do
not ask for them, and `no_network` every connection that leaves this machine, in child processes as
well.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from tests.no_network import sitecustomize as no_network

SEED = 20251107
DATA = Path(os.environ.get("MEDGAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Real scans, outside the repository: they have licences of their own."""

_GUARD = str(Path(no_network.__file__).parent)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_GUARD, os.environ.get("PYTHONPATH", "")]))

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


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """Refuse again: pytest-socket puts sockets back as they once were."""
    no_network.refuse()


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let no test read or change what `medgan doctor` chose for whoever runs them."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


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
