"""Missing-slice detection through real files: precision and recall 1.0 on random deletions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.scans import discover, load_found
from tests.scans.series import AXIAL, SAGITTAL, make_series, oblique, save, score, without

STACKS = {
    "axial": {"axes": AXIAL},
    "sagittal": {"axes": SAGITTAL},
    "oblique": {"axes": oblique()},
    "tilted": {"axes": AXIAL, "tilt_mm": 0.21},
}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", sorted(STACKS))
def test_random_interior_deletions(name: str, seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng([seed, len(name)])
    n = int(rng.integers(14, 24))
    step = float(rng.uniform(0.8, 4.0))
    lost = rng.choice(np.arange(1, n - 1), int(rng.integers(1, n // 2)), replace=False)
    stack = make_series(n=n, step_mm=step, rows=6, columns=5, **STACKS[name])
    save(without(stack, *lost), tmp_path)
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert not listing.refused
    assert found.missing == tuple(sorted(lost.tolist()))
    assert score(load_found(found)) <= 0.51
    if found.missing_instances:
        assert set(found.missing_instances) <= {int(k) + 1 for k in lost}
