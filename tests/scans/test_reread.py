"""Whatever is raised while an output is read again is a fault of that output, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import SeriesError, ValidationError
from medgan.scans.reread import reading_back


@pytest.mark.parametrize(
    ("raised", "words"),
    [(SeriesError("off the grid"), "off the grid"), (KeyError("tag"), "read back .KeyError.")],
)
def test_faults_name_the_file(raised: Exception, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught, reading_back(Path("out/0001.dcm")):
        raise raised
    assert caught.value.where == "0001.dcm"


def test_what_reads_well_goes_through() -> None:
    with reading_back(Path("a.nii")):
        pass
