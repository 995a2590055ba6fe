"""What is broken is found and comes with a way out; what is only missing is no fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medgan.errors import ModelError
from medgan.pipeline import doctor, speed
from medgan.pipeline.doctor import examine


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "BUDGET_S", 0.0)
    monkeypatch.setattr(speed, "LEAST_ROUNDS", 1)
    monkeypatch.setattr(speed, "PLANE", 16)
    monkeypatch.setattr("medgan.models.shipped_models", dict)


def test_a_sound_machine_has_no_problem_and_a_choice(tmp_path: Path) -> None:
    found = examine(tmp_path / "not" / "there", quick=True)
    assert found.problems == ()
    assert found.choice is not None
    assert found.versions["torch"]
    assert found.cores >= 1
    assert found.memory_gb > 0
    assert {*found.programs} == {"dciodvfy", "dcm2niix"}
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert document["choice"]["threads"] == found.choice.threads


def test_a_missing_or_old_package_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = ["no-such-thing>=1", "numpy>=99.1", "torch", 'absent>=2; extra == "pacs"']
    monkeypatch.setattr(doctor, "requires", lambda name: wanted)
    found = examine(tmp_path, quick=True)
    assert [p.what.partition(" 2")[0] for p in found.problems] == [
        "the package no-such-thing is missing",
        "numpy",
    ]
    assert all("nstall" in p.hint for p in found.problems)
    assert found.extras == {"pacs": ("absent",)}
    assert found.choice is None  # nothing is measured with what is broken


def test_a_damaged_shipped_model_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def load(name: str) -> Any:
        raise ModelError("the weights are not the ones", where=name, hint="Copy it again.")

    monkeypatch.setattr("medgan.models.shipped_models", lambda: {"fine": tmp_path})
    monkeypatch.setattr("medgan.models.load_model", load)
    (problem,) = examine(tmp_path, quick=True).problems
    assert problem.what == "shipped model fine: the weights are not the ones"
    assert problem.hint == "Copy it again."


def test_little_room_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_free_gb", lambda place: 0.5)
    monkeypatch.setattr(doctor, "memory_mb", lambda: 1000.0)
    remarks = " ".join(examine(tmp_path, quick=True).remarks)
    assert "only 0.5 GB are free" in remarks
    assert "1.0 GB of memory are less than the 2.5 GB" in remarks


@pytest.mark.parametrize(("load", "is_busy"), [(0.1, False), (3.0, True)])
def test_a_busy_machine_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: float, is_busy: bool
) -> None:
    monkeypatch.setattr(doctor, "_load", lambda: load)
    assert examine(tmp_path, quick=True).is_busy is is_busy
