from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import ReadError
from medgan.scans.pacs.outgoing import find_outgoing
from tests.scans.series import make_series, save


def test_dicom_files_are_found_and_all_else_stays(tmp_path: Path) -> None:
    paths = save(make_series(n=3), tmp_path / "deep" / "er", ["a", "b.dcm", "c.ima"])
    (tmp_path / "report.html").write_text("<html>")
    (tmp_path / "scan.json").write_text("{}")
    (tmp_path / ".medgan-1-2.tmp").write_bytes(paths[0].read_bytes())
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x.dcm").write_bytes(paths[0].read_bytes())
    found = find_outgoing(tmp_path)
    assert [file.name for file in found.files] == ["deep/er/a", "deep/er/b.dcm", "deep/er/c.ima"]
    assert (found.unfit, found.n_copies, found.n_others) == ((), 0, 2)
    (single,) = find_outgoing(paths[0]).files
    assert (single.name, single.study) == ("a", "2.25.1")


def test_copies_go_once_and_two_contents_of_one_uid_do_not(tmp_path: Path) -> None:
    first, second = make_series(n=2)
    paths = save([first, second], tmp_path, ["a.dcm", "b.dcm"])
    (tmp_path / "copy.dcm").write_bytes(paths[0].read_bytes())
    second.InstanceNumber = 99
    save([second], tmp_path, ["other.dcm"])
    found = find_outgoing(tmp_path)
    assert [file.name for file in found.files] == ["a.dcm", "b.dcm"]
    assert found.n_copies == 1
    assert found.unfit == (("other.dcm", "another file has the same SOP instance UID: b.dcm"),)


def test_what_lacks_a_uid_or_is_cut_is_unfit(tmp_path: Path) -> None:
    dataset, whole = make_series(n=2)
    del dataset.StudyInstanceUID
    save([dataset, whole], tmp_path, ["a.dcm", "b.dcm"])
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "b.dcm").read_bytes()[:140])
    found = find_outgoing(tmp_path)
    assert [file.name for file in found.files] == ["b.dcm"]
    assert [name for name, _ in found.unfit] == ["a.dcm", "cut.dcm"]
    assert "UID is missing" in found.unfit[0][1]


def test_nothing_to_send_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        find_outgoing(tmp_path / "nothing")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ReadError, match="no DICOM file is here"):
        find_outgoing(tmp_path)
