from __future__ import annotations

import pytest

from medgan.cli.words import parse_effort, parse_positions, split_formats
from medgan.errors import UsageError


def test_positions_are_read_as_inspect_prints_them() -> None:
    assert parse_positions("40-44,12, 13,12") == [12, 13, 40, 41, 42, 43, 44]


@pytest.mark.parametrize("text", ["x", "1,", "3-", "-3", "5-2", "1.5", "0-9999999", ","])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_positions(text)
    assert text in caught.value.where
    assert "12,13,40-44" in caught.value.hint


def test_formats_are_split_and_checked() -> None:
    assert split_formats("NIfTI, dicom", ("nifti", "dicom")) == ["nifti", "dicom"]
    with pytest.raises(UsageError, match="png"):
        split_formats("nifti,png", ("nifti", "dicom"))
    with pytest.raises(UsageError, match="none"):
        split_formats(",", ("nifti", "dicom"))


def test_a_fault_names_the_option_it_was_given_with() -> None:
    with pytest.raises(UsageError) as caught:
        parse_positions("x", "--insert")
    assert "--insert" in caught.value.where
    assert "--insert 12,13" in caught.value.hint


@pytest.mark.parametrize("text", ["0", "30m", "-3", "1.5", "s", "1234567", "\u0663s"])
def test_what_is_neither_seconds_nor_steps_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected seconds or steps") as caught:
        parse_effort(text)
    assert caught.value.hint


def test_seconds_and_steps_are_passed_on() -> None:
    assert [parse_effort(text) for text in ("30s", "100")] == ["30s", "100"]
