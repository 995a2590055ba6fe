"""Listings: the ruler, the numbers that are missing, and the document that is printed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from medgan.scans import discover
from medgan.scans.listing import Listing, Refused, missing_instances, positions_in_words
from tests.scans.series import make_series, save, without


def flags(text: str) -> np.ndarray:
    return np.array([mark == "|" for mark in text])


@pytest.mark.parametrize(
    ("ruler", "instances", "missing"),
    [
        ("||.||", (1, 2, None, 4, 5), (3,)),
        ("||..|", (9, 8, None, None, 5), (7, 6)),
        ("||.||", (1, 2, None, 3, 4), ()),
        ("||.||", (1, None, None, 4, 5), ()),
        ("|||", (1, 2, 3), ()),
        ("||.||", (), ()),
    ],
)
def test_missing_instance_numbers(
    ruler: str, instances: tuple[int | None, ...], missing: tuple[int, ...]
) -> None:
    assert missing_instances(instances, flags(ruler)) == missing


def test_positions_in_words() -> None:
    assert positions_in_words([44, 12, 40, 41, 42, 13]) == "12-13, 40-42, 44"
    assert positions_in_words([5]) == "5"
    assert positions_in_words([]) == ""


def test_the_ruler_and_the_document(tmp_path: Path) -> None:
    paths = save(without(make_series(n=8), 2), tmp_path)
    paths[4].write_bytes(paths[4].read_bytes()[:-10])
    (tmp_path / "x.txt").write_text("x")
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert found.ruler == "||.||x||"
    document = json.loads(json.dumps(listing.as_json()))
    (scan,) = document["scans"]
    assert scan["missing"] == [2, 5]
    assert scan["damaged"] == [5]
    assert scan["missing_instances"] == [3, 6]
    assert scan["shape"] == [14, 10, 8]
    assert np.array(scan["affine"]).shape == (4, 4)
    assert document["set_aside"] == [{"files": ["x.txt"], "reason": "no scan"}]


def test_a_file_elsewhere_is_named_without_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    refused = (Refused((tmp_path / "other" / "x.raw", tmp_path / "in" / "y.mhd"), "why"),)
    listing = Listing(root=tmp_path / "in", scans=(), refused=refused, set_aside=())
    assert listing.as_json()["refused"] == [{"files": ["x.raw", "y.mhd"], "reason": "why"}]


def test_names_that_are_no_utf8_can_be_written_to_any_file(tmp_path: Path) -> None:
    listing = Listing(tmp_path, (), (), ())
    odd = listing.name_of(tmp_path / "Grüße" / os.fsdecode(b"a\xe9.dcm"))
    assert odd == r"Grüße/a\udce9.dcm"
    odd.encode()
