"""What is known of cases: from a table, from label maps, from the scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.errors import DataError
from medgan.synthesis import PriorRecipe
from medgan.synthesis.condition_table import Known, condition_table

from .conftest import make_space

PRIOR = {
    "kind": "prior",
    "name": "tiny",
    "spatial_dims": 3,
    "data": {"shape": [16, 16, 16]},
    "sampling": {"calibration_samples": 8},
}


def asked(conditions: list[str], file: Path | None = None) -> PriorRecipe:
    return PriorRecipe.model_validate(PRIOR | {"conditions": conditions, "conditions_file": file})


def known(*ids: str) -> list[Known]:
    return [Known(one, "mr") for one in ids]


def test_a_table_beside_the_scans(tmp_path) -> None:
    file = tmp_path / "participants.tsv"
    file.write_text("participant_id\tage\tsex\na\t30\tF\nb\t40\tM\nc\tn/a\tF\n")
    space = make_space(label_values=(), label_names={})
    nothing = np.zeros((3, 1, 4, 4, 4))
    found = condition_table(asked(["age", "sex"], file), known("b", "a", "b"), nothing, space)
    assert found == {"age": ["40", "30", "40"], "sex": ["M", "F", "M"]}
    for names, ids, message in (
        (["age"], ["a", "c"], "not known of 1 of 2"),
        (["age"], ["a", "d"], "not known of 1 of 2"),
        (["weight"], ["a", "b"], "the table has no column weight"),
        (["age"], ["a", "a"], "age is 30 for all 2 training samples"),
        (["modality"], ["a", "b"], "modality is MR for all 2 training samples"),
        (["volume_2"], ["a", "b"], "no label 2"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            condition_table(asked(names, file), known(*ids), nothing[:2], space)
        assert caught.value.hint
    with pytest.raises(DataError, match="no table"):
        condition_table(asked(["age"]), known("a"), nothing, space)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,30\nb,nan\n", "not known of 1 of 2"),
        ("a,30\nb,inf\n", "not known of 1 of 2"),
        ("a,30\nb,30.0\n", "age is 30 for all 2"),
        ("a,30\nb,40\na,50\n", "a has two rows that differ"),
        ("a,30\nb,40\nM\xfcller,50\n", "cannot be read"),
        ("a,3e200\nb,4e200\n", "too large or too close"),
        ("a,3e-200\nb,4e-200\n", "too large or too close"),
    ],
)
def test_tables_that_tell_nothing_certain_are_refused(tmp_path, rows, message) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("id,age\n" + rows, encoding="latin-1")
    space = make_space(label_values=(), label_names={})
    with pytest.raises(DataError, match=message) as caught:
        condition_table(asked(["age"], file), known("a", "b"), np.zeros((2, 1, 4, 4, 4)), space)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["age (y)", "2nd", "", "a" * 33])
def test_names_that_no_model_could_keep_are_refused_before_anything_is_fitted(name) -> None:
    with pytest.raises(ValueError, match="conditions"):
        asked([name])


def test_a_table_saved_by_a_spreadsheet(tmp_path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("id,age\na,30\nb,40\n", encoding="utf-8-sig")
    space = make_space(label_values=(), label_names={})
    nothing = np.zeros((2, 1, 4, 4, 4))
    found = condition_table(asked(["age"], file), known("a", "b"), nothing, space)
    assert found == {"age": ["30", "40"]}


def test_a_column_that_is_there_twice_is_refused(tmp_path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("id,age,age,,\na,30,31,,\nb,40,41,,\n")  # blank ones: a spreadsheet's
    nothing = np.zeros((2, 1, 4, 4, 4))
    with pytest.raises(DataError, match="more than one column age"):
        condition_table(asked(["age"], file), known("a", "b"), nothing, make_space())


def test_scans_tell_their_modality() -> None:
    cases = [Known("a", "mr"), Known("b", "ct"), Known("a", "mr")]
    space = make_space(label_values=(), label_names={})
    found = condition_table(asked(["modality"]), cases, np.zeros((3, 1, 4, 4, 4)), space)
    assert found == {"modality": ["MR", "CT", "MR"]}


@pytest.mark.parametrize("values", [["Ann", "Bob", "Cid", "Dot"], ["40,5", "41,5", "42,5", "43"]])
def test_classes_of_one_case_each_are_refused(tmp_path, values) -> None:
    file = tmp_path / "cases.csv"
    ids = ["a", "b", "c", "d"]
    rows = "".join(f'{i},"{value}"\n' for i, value in zip(ids, values, strict=True))
    file.write_text("id,who\n" + rows, encoding="utf-8")
    space = make_space(label_values=(), label_names={})
    with pytest.raises(DataError, match="two cases or more"):
        condition_table(asked(["who"], file), known(*ids), np.zeros((4, 1, 4, 4, 4)), space)


def test_separators_that_are_not_those_of_the_ending_are_named(tmp_path) -> None:
    file = tmp_path / "cases.csv"
    space, nothing = make_space(label_values=(), label_names={}), np.zeros((2, 1, 4, 4, 4))
    file.write_text("id;age\na;1\nb;2\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column that names") as caught:
        condition_table(asked(["age"], file), known("a", "b"), nothing, space)
    assert "id;age, read with a comma" in str(caught.value.hint)
    tabs = tmp_path / "CASES.TSV"
    tabs.write_text("id\tage\na\t1\nb\t2\n", encoding="utf-8")
    assert condition_table(asked(["age"], tabs), known("a", "b"), nothing, space)
