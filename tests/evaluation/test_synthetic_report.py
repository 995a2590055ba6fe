from __future__ import annotations

from medgan.evaluation.synthetic_report import SyntheticReport
from medgan.record import dump
from tests.evaluation.test_sentence import report


def test_round_trip_through_json() -> None:
    import json

    made = report(train_given=True, classes=(1, 2))
    assert SyntheticReport.from_json(json.loads(dump(made.as_json()))) == made


def test_figures_by_name() -> None:
    made = report(train_given=True, classes=(1, 2))
    found = made.figure("recall")
    assert found is not None
    assert found.floor == 0.88
    assert made.figure("kid_seg") is None
