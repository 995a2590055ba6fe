from __future__ import annotations

import pytest

from medgan.cli.evaluate import split_protocols
from medgan.cli.restore import parse_positions, restore_overrides, split_formats
from medgan.errors import UsageError
from medgan.settings import override


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


def test_options_become_settings_of_the_pipeline() -> None:
    nothing = restore_overrides(
        model=None, formats="", missing="", axis=None, modality=None, copy_complete=False
    )
    assert nothing == []
    everything = restore_overrides(
        model="none",
        formats="nifti,dicom",
        missing="3-4",
        axis=0,
        modality="ct",
        copy_complete=True,
        force=True,
    )
    assert everything == [
        "restore.model=none",
        "export.formats=[nifti, dicom]",
        "index.missing=[3, 4]",
        "index.axis=0",
        "index.modality=ct",
        "index.take=all",
        "restore.force=true",
    ]


def test_what_is_made_beside_gaps_becomes_settings_too() -> None:
    made = {
        "fill_ends": True,
        "insert": parse_positions("4,7", "--insert"),
        "mask": "a b.nii.gz",
        "upsample": None,
        "spacing_mm": 1.5,
        "slices": "thick",
    }
    found = restore_overrides(
        model=None,
        formats="",
        missing="",
        axis=None,
        modality=None,
        copy_complete=False,
        made=made,
    )
    assert override({}, found) == {"index": {k: v for k, v in made.items() if v is not None}}
    with pytest.raises(UsageError) as caught:
        parse_positions("x", "--insert")
    assert "--insert" in caught.value.where
    assert "--insert 12,13" in caught.value.hint


@pytest.mark.parametrize("text", ["y2", "x", "gap", "x1", "gap0", "x2,z"])
def test_protocols_are_checked(text: str) -> None:
    with pytest.raises(UsageError):
        split_protocols(text)


def test_protocols_are_split() -> None:
    assert split_protocols("x2, gap1") == ["x2", "gap1"]
