from __future__ import annotations

import os
from pathlib import Path

import pytest

from medgan.pipeline import machine, workers
from medgan.pipeline.machine import environment, memory_mb, n_cores, resident_mb
from medgan.pipeline.machine_choice import Choice, keep
from medgan.pipeline.options import RunOptions
from medgan.pipeline.stage import Item
from medgan.pipeline.unit import Unit
from medgan.pipeline.workers import memory_needed_mb, share_out
from medgan.record import ScanRecord

COVERS = ("machine",)


@pytest.fixture(autouse=True)
def _known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, 20 GB of which 17 may be used, no GPU."""
    monkeypatch.setattr(workers, "n_cores", lambda: 8)
    monkeypatch.setattr(workers, "memory_mb", lambda: 20e3)
    monkeypatch.setattr(workers, "has_gpu", lambda: False)


def test_as_many_as_cores_memory_and_work_allow() -> None:
    shared = share_out(RunOptions(), 100)
    assert (shared.n, shared.threads, shared.said) == (6, 1, "")
    assert shared.memory_mb == pytest.approx(17e3 / 6)
    assert shared.alone_mb == pytest.approx(17e3)
    assert share_out(RunOptions(), 2).n == 2
    assert share_out(RunOptions(), 2).threads == 4


def test_no_more_threads_than_the_doctor_found_useful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert share_out(RunOptions(), 2).threads == 4
    keep(Choice(threads=3, precision="float32"))
    assert share_out(RunOptions(), 2).threads == 3
    assert share_out(RunOptions(), 100).threads == 1


def test_no_more_workers_than_the_memory_allows_and_it_is_said() -> None:
    shared = share_out(RunOptions(workers=4, memory_gb=5.5), 100)
    assert shared.n == 2
    assert shared.memory_mb == pytest.approx(2750)
    assert "2 of 4 workers started: 5.5 GB allow no more" in shared.said
    assert "--memory" in shared.said


def unit_of(shape: tuple[int, int, int], format: str = "dicom") -> Unit:
    """A unit of one scan of this size."""
    record = ScanRecord("scan", "complete", format=format, shape=shape)
    return Unit("key", "scan", Item("scan", None, {}, (), (record,)))


def test_the_largest_scan_decides_how_many_fit() -> None:
    small, large = unit_of((128, 128, 40)), unit_of((512, 512, 1000))
    assert share_out(RunOptions(memory_gb=12), 100, memory_needed_mb([small] * 100)).n == 8
    needed = memory_needed_mb([small, large, small])
    # At least the scan as read and as restored, 16 bits a voxel, beside what every child needs.
    assert needed > 2 * 2 * 512 * 512 * 1000 / 1e6 + workers.BASE_MB - 1
    assert share_out(RunOptions(memory_gb=12), 100, needed).n == 5
    assert memory_needed_mb([unit_of((512, 512, 1000), "nifti")]) > needed


def test_of_work_without_scans_nothing_is_known() -> None:
    assert memory_needed_mb([Unit("key", "train")]) == workers.CHILD_MEMORY_MB


def test_one_worker_has_all_of_a_small_memory() -> None:
    shared = share_out(RunOptions(workers=1, memory_gb=0.5), 100)
    assert (shared.n, shared.memory_mb, shared.said) == (1, 500, "")


def test_a_single_unit_has_all_the_memory_whatever_was_asked_for() -> None:
    shared = share_out(RunOptions(workers=4), 1)
    assert (shared.n, shared.memory_mb, shared.said) == (1, 17e3, "")


def test_without_workers_nothing_is_shared() -> None:
    shared = share_out(RunOptions(workers=0), 100)
    assert (shared.n, shared.threads, shared.said) == (0, 8, "")


def test_the_bound_of_a_batch_job_or_container_counts(tmp_path: Path) -> None:
    job = tmp_path / "slurm" / "job_7"
    job.mkdir(parents=True)
    (job / "memory.max").write_text("max\n")
    (job.parent / "memory.max").write_text("4000000000\n")
    assert machine._group_limits_mb(tmp_path, "0::/slurm/job_7\n") == [4000.0]
    assert machine._group_limits_mb(tmp_path, "1:memory:/old\n") == []


def test_this_machine_has_cores_and_memory() -> None:
    assert n_cores() >= 1
    assert memory_mb() > 100
    assert 1 < resident_mb() < memory_mb()
    assert resident_mb(2**22 + 1) == 0  # beyond the largest process id


def test_children_inherit_their_share_of_cores_and_this_process_gets_its_own_back() -> None:
    before = dict(os.environ)
    with environment(3):
        assert os.environ["OMP_NUM_THREADS"] == "3"
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert dict(os.environ) == before
