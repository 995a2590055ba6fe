"""Scans below a path are looked through one by one; one that cannot be costs only itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from medgan.assessment.damage import (
    Looked,
    Unlooked,
    as_json,
    draw_suspect,
    look_for_damage,
    write_table,
)
from medgan.errors import ReadError
from medgan.record import dump
from medgan.scans import discover
from tests.assessment.damaged_scan import AT, write_damaged
from tests.cli.small_scans import write_scan


def test_each_scan_is_looked_through(tmp_path: Path) -> None:
    write_damaged(tmp_path / "a.nii.gz")
    write_scan(tmp_path / "b.nii.gz")
    first, second = look_for_damage(discover(tmp_path))
    assert isinstance(first, Looked)
    assert isinstance(second, Looked)
    assert [s.position for s in first.detection.damaged] == [AT]
    assert second.detection.damaged == ()
    dump(as_json(first))
    assert as_json(first)["n_slices"] == 20


def test_a_scan_that_has_gone_costs_only_itself(tmp_path: Path) -> None:
    write_damaged(tmp_path / "a.nii.gz")
    write_scan(tmp_path / "b.nii.gz")
    listing = discover(tmp_path)
    (tmp_path / "a.nii.gz").unlink()
    first, second = look_for_damage(listing)
    assert isinstance(first, Unlooked)
    assert isinstance(second, Looked)


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(ReadError, match="no scan here"):
        list(look_for_damage(discover(tmp_path)))


def test_a_finding_is_drawn_and_listed(tmp_path: Path) -> None:
    write_damaged(tmp_path / "in" / "a.nii.gz")
    (looked,) = look_for_damage(discover(tmp_path / "in"))
    assert isinstance(looked, Looked)
    (suspect,) = looked.detection.damaged
    picture = draw_suspect(looked, suspect, tmp_path / "out")
    assert picture == tmp_path / "out" / f"a_position_{AT:03d}.png"
    assert picture.is_file()
    table = write_table([("a", suspect), ("b", suspect), ("b", suspect)], tmp_path / "t.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["scan"], row["rank"]) for row in rows] == [("a", "1"), ("b", "1"), ("b", "2")]
    assert rows[0]["position"] == str(AT)
    assert rows[0]["kind"] == suspect.kind
