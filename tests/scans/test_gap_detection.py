"""Missing-slice detection: precision and recall 1.0 on random interior deletions.

Through real files with their pixels for some, and by headers alone for many. Every deletion leaves
the ends and at least half of the grid. The one that leaves exactly every other slice is not drawn:
what it leaves is a whole stack of twice the step (see `every_second_slice_by_the_numbers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.scans import Found, discover, load_found
from medgan.scans.dicom_header import read_planes
from medgan.scans.dicom_series import sort_out
from medgan.scans.planes import Plane
from tests.scans.series import AXIAL, SAGITTAL, Series, make_series, oblique, save, score, without

STACKS = {
    "axial": {"axes": AXIAL},
    "sagittal": {"axes": SAGITTAL},
    "oblique": {"axes": oblique()},
    "tilted": {"axes": AXIAL, "tilt_mm": 0.21},
}
N_SLICES = 40
N_DELETIONS = 200
REAL = ["mr_t1_dicom", "ct_abdomen_dicom", "ct_body_jpeg2000_dicom"]


def planes_of(folder: Path) -> list[Plane]:
    """Planes of every file, in order of position; taken to decode."""
    planes = [plane for path in folder.iterdir() for plane in read_planes(path).planes]
    intact = [replace(p, header=replace(p.header, needs_decoding=False)) for p in planes]
    return sorted(intact, key=lambda plane: float(plane.place.position @ plane.place.normal))


def found_in(planes: Sequence[Plane], folder: Path) -> Found:
    """The only scan that planes come to, in an order that says nothing."""
    shuffled = np.random.default_rng(len(planes)).permutation(len(planes))
    outcome = sort_out([planes[n] for n in shuffled], folder, folder)
    assert not outcome.refused
    assert not outcome.set_aside
    (found,) = outcome.scans
    return found


def deletions(rng: np.random.Generator, n: int) -> list[int]:
    """Interior positions of a stack, at most half of all."""
    n_lost = int(rng.integers(1, n // 2 + 1))
    lost = sorted(int(k) for k in rng.choice(np.arange(1, n - 1), n_lost, replace=False))
    return deletions(rng, n) if lost == list(range(1, n - 1, 2)) else lost


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Plane]]:
    planes = {}
    for name, knobs in STACKS.items():
        folder = tmp_path_factory.mktemp(name)
        save(make_series(n=N_SLICES, step_mm=2.7, rows=2, columns=2, **knobs), folder)
        planes[name] = planes_of(folder)
    return planes


@pytest.mark.parametrize("name", sorted(STACKS))
def test_two_hundred_deletions_by_headers_alone(
    name: str, stacks: dict[str, list[Plane]], tmp_path: Path
) -> None:
    rng = np.random.default_rng([20251107, len(name)])
    series = Series(step_mm=2.7, **STACKS[name])  # type: ignore[arg-type]
    for _ in range(N_DELETIONS):
        n = int(rng.integers(7, N_SLICES + 1))
        first = int(rng.integers(0, N_SLICES - n + 1))
        lost = deletions(rng, n)
        kept = [stacks[name][first + k] for k in range(n) if k not in lost]
        found = found_in(kept, tmp_path)
        assert found.missing == tuple(lost)
        for k in lost:
            lps = found.grid.position([0, 0, k]) * np.array([-1.0, -1.0, 1.0])
            assert np.abs(lps - series.position(2.7 * (first + k))).max() < 1e-6


@pytest.mark.parametrize("folder", REAL)
def test_deletions_from_real_series(folder: str, data_dir: Path, tmp_path: Path) -> None:
    if not (data_dir / folder).is_dir():
        pytest.skip(f"no real scans: {folder} is not below MEDGAN_DATA")
    planes = planes_of(data_dir / folder)
    whole = found_in(planes, data_dir / folder)
    assert whole.missing == ()
    rng = np.random.default_rng(7)
    for _ in range(25):
        lost = deletions(rng, len(planes))
        kept = [plane for k, plane in enumerate(planes) if k not in lost]
        found = found_in(kept, data_dir / folder)
        assert found.missing == tuple(lost)
        assert np.abs(found.grid.affine - whole.grid.affine).max() < 2e-3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", sorted(STACKS))
def test_random_interior_deletions(name: str, seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng([seed, len(name)])
    n = int(rng.integers(14, 24))
    step = float(rng.uniform(0.8, 4.0))
    lost = deletions(rng, n)
    stack = make_series(n=n, step_mm=step, rows=6, columns=5, **STACKS[name])
    save(without(stack, *lost), tmp_path)
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert not listing.refused
    assert found.missing == tuple(lost)
    assert score(load_found(found)) <= 0.51
    if found.missing_instances:
        assert set(found.missing_instances) <= {k + 1 for k in lost}
