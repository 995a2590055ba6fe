import json
import math

import pytest

from medgan.record import Candidate, Failure, FilledSlice, Interval, ScanRecord, dump, finite

FULL = ScanRecord(
    id="a/b",
    status="restored",
    shape=(4, 5, 6),
    spacing_mm=(1.0, 1.0, 2.5),
    missing=(2,),
    filled=(FilledSlice(2, (1.0, 2.0, 3.0), None, 1, "good", Interval(30.0, 28.0, 31.5)),),
    candidates=(Candidate("linear", 1.0, 29.0, 0.9, 2),),
    model={"name": "m", "sha256": "00"},
    measured_hashes={"0": "ab"},
    failure=Failure("restore", "RestoreError", "what", "where", "hint"),
)


def test_a_record_survives_json() -> None:
    assert ScanRecord.from_json(json.loads(dump(FULL.as_json()))) == FULL


def test_a_bare_record_survives_json() -> None:
    bare = ScanRecord(id="a", status="complete")
    assert ScanRecord.from_json(json.loads(dump(bare.as_json()))) == bare


def test_json_is_written_one_way() -> None:
    assert dump({"b": 1, "a": (2,)}) == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'


def test_numbers_json_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump({"a": float("nan")})


def test_numbers_json_cannot_hold_become_null() -> None:
    document = {"a": [1.0, math.inf, {"b": math.nan}], "c": ("x", Interval(1.0, -math.inf, 2.0))}
    assert finite(document) == {
        "a": [1.0, None, {"b": None}],
        "c": ["x", {"value": 1.0, "low": None, "high": 2.0}],
    }
