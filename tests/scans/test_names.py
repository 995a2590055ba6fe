"""Names: safe on any disk, unique whatever the letter case."""

from __future__ import annotations

from pathlib import Path

import pytest

from medgan.scans.names import make_unique, relative_folder, safe_name, stem_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t1_fl2d_sag", "t1_fl2d_sag"),
        ("CT Body 3.0", "CT_Body_3_0"),
        ("../../etc/passwd", "etc_passwd"),
        ("Schädel  +KM / nativ", "Schadel_KM_nativ"),
        ("ひらがな", ""),
        ("-rf *", "rf"),
        ("a" * 200, "a" * 60),
        ("line\nbreak\x00", "line_break"),
    ],
)
def test_safe_name(text: str, expected: str) -> None:
    assert safe_name(text) == expected


def test_dots_inside_stems_stay() -> None:
    assert safe_name("sub.01.run", dots=True) == "sub.01.run"
    assert safe_name("..hidden.", dots=True) == "hidden"


def test_stem() -> None:
    names = ["a.nii.gz", "a.NII.GZ", "a.b.nrrd", "a"]
    assert [stem_of(Path(name)) for name in names] == ["a", "a", "a.b", "a"]


def test_relative_folder_is_the_common_one() -> None:
    base = Path("/data")
    paths = [base / "p 1" / "x" / "1.dcm", base / "p 1" / "y" / "2.dcm"]
    assert str(relative_folder(paths, base)) == "p_1"
    assert str(relative_folder([base / "1.dcm"], base)) == "."


def test_unique_names_differ_by_more_than_case() -> None:
    assert make_unique(["a", "A", "a", "a_2", "b"]) == ["a", "A_2", "a_3", "a_2_2", "b"]
    assert make_unique(["Report", "report_2"]) == ["Report_2", "report_2_2"]
