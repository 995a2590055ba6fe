from __future__ import annotations

import pytest

from medgan.cli.evaluate import split_protocols
from medgan.cli.restore import restore_overrides
from medgan.cli.words import parse_positions
from medgan.errors import UsageError
from medgan.settings import override


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


def test_what_is_done_to_the_network_becomes_settings_too() -> None:
    found = restore_overrides(
        model=None,
        formats="",
        missing="",
        axis=None,
        modality=None,
        copy_complete=False,
        network={"texture": 0.5, "adapt": "100"},
    )
    assert override({}, found) == {"restore": {"texture": 0.5, "adapt": "100"}}


@pytest.mark.parametrize("text", ["y2", "x", "gap", "x1", "gap0", "x2,z"])
def test_protocols_are_checked(text: str) -> None:
    with pytest.raises(UsageError):
        split_protocols(text)


def test_protocols_are_split() -> None:
    assert split_protocols("x2, gap1") == ["x2", "gap1"]
