"""A gap names the file that lies in it without fitting, and no other gap says anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.scans import discover
from tests.scans.series import make_series, save, without

SAME = {"uid": "2.25.5"}
ODD = {
    "another matrix (28 x 20, not 14 x 10)": {
        "rows": 20,
        "columns": 28,
        "spacing_mm": (0.75, 0.625),
    },
    "another pixel size": {"spacing_mm": (1.0, 1.0)},
}


@pytest.mark.parametrize("n_odd", [1, 2])
@pytest.mark.parametrize("words", sorted(ODD))
def test_a_slice_with_other_pixels_is_named(words: str, n_odd: int, tmp_path: Path) -> None:
    stack = make_series(**SAME)
    stack[5 : 5 + n_odd] = make_series(**SAME, **ODD[words])[5 : 5 + n_odd]
    paths = save(stack, tmp_path / "in" / "deep")
    found = next(found for found in discover(tmp_path / "in").scans if found.grid.shape[2] == 12)
    assert found.missing == tuple(range(5, 5 + n_odd))
    notes = [note for note in found.notes if "is missing, though" in note]
    assert len(notes) == n_odd
    assert words in notes[0]
    assert f'position 5 is missing, though "deep/{paths[5].name}" lies there' in notes[0]


def test_a_slice_of_another_kind_is_named(tmp_path: Path) -> None:
    stack = make_series(**SAME, modality="MR")
    stack[5].ImageType = ["ORIGINAL", "PRIMARY", "P"]
    save(stack, tmp_path)
    (found,) = discover(tmp_path).scans
    assert found.missing == (5,)
    assert any("another kind of image" in note for note in found.notes)


def test_localizers_across_and_other_time_points_say_nothing(tmp_path: Path) -> None:
    first, second = make_series(**SAME), make_series(**SAME)
    for time, stack in enumerate((first, second)):
        for n, dataset in enumerate(stack):
            dataset.TemporalPositionIdentifier = time
            dataset.SOPInstanceUID = f"2.25.9{time}{n:03d}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    across = make_series(**SAME, axes=((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)), n=1, rows=30)
    save([*without(first, 5), *second, *across], tmp_path)
    listing = discover(tmp_path)
    assert sorted(len(found.missing) for found in listing.scans) == [0, 1]
    assert not any("is missing, though" in note for f in listing.scans for note in f.notes)
    assert np.sum([len(entry.files) for entry in listing.set_aside]) == 1
