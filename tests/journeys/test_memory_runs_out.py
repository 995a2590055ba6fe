"""A scan that is too large for the memory is done another way and says so, or is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from torch import Tensor

from medgan.networks.slice_net import SliceInputs, SliceNet
from medgan.restoration.step_down import EASES
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan

GAP = (8, 9)
TRUE_FORWARD = SliceNet.forward


def shrink(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the network have room for so many planes at once, and ease by going one by one."""

    def forward(self: SliceNet, inputs: SliceInputs) -> Tensor:
        if len(inputs.neighbours) > most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        return TRUE_FORWARD(self, inputs)

    monkeypatch.setattr(SliceNet, "forward", forward)
    eases = tuple(replace(ease, chunk_pixels=1) for ease in EASES)
    monkeypatch.setattr("medgan.restoration.step_down.EASES", eases)


def test_it_is_filled_in_smaller_pieces_and_the_record_says_so(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=GAP)
    shrink(monkeypatch, most=1)
    result = medgan("restore", source, "-o", tmp_path / "out", "--workers", 0)
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "out" / "a.json").read_text())
    assert [note for note in told["notes"] if "memory ran out" in note] == [
        "memory ran out: the network was run again in smaller pieces, which may change last digits"
    ]
    before = np.asarray(nib.load(source).dataobj)
    after = np.asarray(nib.load(tmp_path / "out" / "a.nii.gz").dataobj)
    measured = [n for n in range(before.shape[2]) if n not in GAP]
    np.testing.assert_array_equal(after[..., measured], before[..., measured])


def test_one_for_which_it_never_suffices_is_named_and_the_other_is_done(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scan(tmp_path / "in" / "large.nii.gz", gaps=GAP)
    write_scan(tmp_path / "in" / "whole.nii.gz")
    shrink(monkeypatch, most=0)
    result = medgan(
        *("restore", tmp_path / "in", "-o", tmp_path / "out", "--workers", 0, "--copy-complete")
    )
    assert result.exit_code == 3, result.output
    assert "there was not enough memory for this scan" in result.output
    assert not (tmp_path / "out" / "large.nii.gz").exists()
    assert (tmp_path / "out" / "whole.nii.gz").exists()
