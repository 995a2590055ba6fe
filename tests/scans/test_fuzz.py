"""Mutated files: no crash, no traceback, one typed reason each. The long version: `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scans.mutations import dicom_round, nifti_round


@pytest.mark.parametrize("seed", range(40))
def test_mutated_dicom(seed: int, tmp_path: Path) -> None:
    assert sum(dicom_round(tmp_path, seed).values()) > 0


@pytest.mark.parametrize("seed", range(60))
def test_mutated_nifti(seed: int, tmp_path: Path) -> None:
    assert sum(nifti_round(tmp_path, seed).values()) > 0
