from __future__ import annotations

from medgan.evaluation.synthetic_report import SyntheticReport, with_error
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


def test_figures_have_as_many_digits_as_say_something() -> None:
    assert with_error(131.58, 63.49) == "132 ± 63"
    assert with_error(0.37, 15.2) == "0.4 ± 15.2"
    assert with_error(0.8178, 0.0269) == "0.82 ± 0.03"
    assert with_error(1.885, None) == "1.89"
    assert (with_error(None, None), with_error(float("nan"), None)) == ("-", "-")
