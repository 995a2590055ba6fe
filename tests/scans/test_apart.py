from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.scans.apart import check_apart


@pytest.mark.parametrize(
    ("source", "out", "what"),
    [
        ("in", "file", "the output is a file"),
        ("in", "in", "inside the input"),
        ("in", "in/out", "inside the input"),
        ("in", "link/out", "inside the input"),
        ("in", "in/../in/out", "inside the input"),
        ("in/scan.nii", "in", "the input lies inside"),
    ],
)
def test_folders_that_do_not_lie_apart_are_refused(
    tmp_path: Path, source: str, out: str, what: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=what):
        check_apart(tmp_path / source, tmp_path / out)


def test_folders_side_by_side_are_fine(tmp_path: Path) -> None:
    check_apart(tmp_path / "in", tmp_path / "inside")
    check_apart(None, tmp_path / "out")
