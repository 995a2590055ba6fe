"""Names: safe on any disk, unique whatever the letter case."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgan.scans.names import make_unique, relative_folder, safe_name, safe_path, stem_of
from tests.scans.hostile_names import HOSTILE


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


def is_safe(name: str) -> bool:
    """Whether any file system keeps this name as one file in the folder it is put into."""
    plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    return plain is not None and len(name) <= 200 and not PureWindowsPath(name).is_reserved()


@given(st.text() | st.sampled_from(HOSTILE), st.booleans())
def test_any_text_becomes_a_safe_name_or_none(text: str, dots: bool) -> None:
    name = safe_name(text, dots=dots)
    assert name == "" or is_safe(name)
    assert safe_name(name, dots=dots) == name


@given(st.lists(st.text() | st.sampled_from(HOSTILE), min_size=1))
def test_any_path_stays_below_where_it_is_put(parts: list[str]) -> None:
    path = safe_path(PurePosixPath(*parts))
    assert not path.is_absolute()
    assert all(map(is_safe, path.parts))


@given(st.lists(st.from_regex(r"\A[a-z][a-z0-9._-]{4,30}[a-z]\Z"), min_size=1, max_size=4))
def test_a_path_that_is_safe_is_left_as_it_is(parts: list[str]) -> None:
    assert safe_path(PurePosixPath(*parts)) == PurePosixPath(*parts)
