"""A decoder that crashes or hangs costs one file, and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import RLELossless

from medgan.scans import decode_check, discover
from medgan.scans.decode_check import undecodable
from tests.scans.series import make_series, save

WILD = """
import json, os, pathlib, sys, time
for line in sys.stdin:
    name = pathlib.Path(json.loads(line)).name
    if name == "crash": os.abort()
    if name == "hang": time.sleep(60)
    print("ok", flush=True)
"""


def test_crash_and_hang_cost_one_file_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(decode_check, "_SERVE", WILD)
    monkeypatch.setattr(decode_check, "START_ALLOWANCE_S", 1.0)
    paths = [tmp_path / name for name in ("a", "crash", "b", "hang", "c")]
    faults = undecodable(paths, time_limit_s=1.0)
    assert faults == {paths[1]: "its decoder crashed", paths[3]: "its decoder hung"}


def test_no_child_starts_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_check, "_SERVE", "raise SystemExit(1)")
    assert undecodable([]) == {}


def test_a_crashing_decoder_makes_gaps_of_a_series(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    datasets = make_series(n=5)
    for dataset in datasets:
        dataset.compress(RLELossless, generate_instance_uid=False)
    save(datasets, tmp_path, ["a", "b", "crash", "c", "d"])
    monkeypatch.setattr(decode_check, "_SERVE", WILD)
    (found,) = discover(tmp_path).scans
    assert found.damaged == found.missing == (2,)
    assert any("decoder crashed" in note for note in found.notes)
