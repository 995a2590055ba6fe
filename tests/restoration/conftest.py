"""What all networks that learn from complete scans are tried out on."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.slice_samples import Volume
from medgan.data.volumes import TrainingVolumes
from tests.restoration.phantom import make_scan


@pytest.fixture(scope="package")
def material() -> TrainingVolumes:
    """One phantom, about 0..1; nobody changes it."""
    values = (make_scan().values / 1500).astype(np.float32)
    return TrainingVolumes((Volume(values, (1.0, 1.0, 1.0), (2,), "a"),), ("ab" * 32,), {})
