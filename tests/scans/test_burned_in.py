"""A scan with text in its pixels is not to be called de-identified."""

from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import SeriesError
from medgan.scans import load, refuse_burned_in_text
from tests.cli.small_scans import write_scan
from tests.scans.series import make_series, save


@pytest.mark.parametrize("said", ["YES", "yes", "NO", ""])
def test_one_header_is_enough(tmp_path: Path, said: str) -> None:
    datasets = make_series()
    datasets[7].BurnedInAnnotation = said
    save(datasets, tmp_path)
    (scan,) = load(tmp_path)
    if said.upper() != "YES":
        refuse_burned_in_text(scan)
        return
    with pytest.raises(SeriesError, match="burned into the pixels"):
        refuse_burned_in_text(scan)


def test_other_formats_say_nothing_about_it(tmp_path: Path) -> None:
    (scan,) = load(write_scan(tmp_path / "a.nii.gz"))
    refuse_burned_in_text(scan)
