"""A zip of scans is a folder of scans, and writes nothing outside its place."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest

from medgan.errors import ReadError
from medgan.scans import archive, discover, load_found
from tests.scans.series import make_series, save, score, without
from tests.scans.volumes import STRAIGHT, world_volume, write


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    paths = save(without(make_series(), 5), tmp_path / "source" / "s1")
    paths.append(
        write(
            tmp_path / "source" / "a.nii.gz",
            np.rint(world_volume(STRAIGHT)).astype("i2"),
            STRAIGHT,
        )
    )
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "case 1.zip", "w") as out:
        for path in paths:
            out.write(path, path.relative_to(tmp_path / "source"))
        out.writestr("notes.txt", "hello")
        out.writestr("bad.dcm", b"junk")
    return tmp_path / "in" / "case 1.zip"


@pytest.mark.parametrize("give_the_folder", [True, False])
def test_scans_of_an_archive(zipped: Path, give_the_folder: bool) -> None:
    listing = discover(zipped.parent if give_the_folder else zipped)
    assert {found.id: found.missing for found in listing.scans} == {
        "case_1/a": (),
        "case_1/s1/4_test_stack": (5,),
    }
    assert all(score(load_found(found)) <= 0.51 for found in listing.scans)
    document = listing.as_json()
    assert document["refused"] == [
        {"files": ["case 1.zip/bad.dcm"], "reason": "no DICOM file, though named like one"}
    ]
    assert document["set_aside"] == [{"files": ["case 1.zip/notes.txt"], "reason": "no scan"}]


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "/tmp/evil.dcm", "a/../../evil.dcm", "C:/evil.dcm"]
)
def test_members_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(name, b"junk")
    (refusal,) = discover(tmp_path).refused
    assert "not safe" in refusal.reason
    assert not list(tmp_path.rglob("evil*"))
    assert not list(tmp_path.parent.glob("evil*"))


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(link, "/etc/passwd")
    assert "not safe" in discover(tmp_path).refused[0].reason


def test_an_archive_that_is_too_large_is_refused(
    zipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(ReadError, match="limit"):
        archive._extract(zipped, zipped.parent / "out")


def test_junk_and_nested_archives_are_refused(zipped: Path) -> None:
    (zipped.parent / "b.zip").write_bytes(b"PK not really")
    with zipfile.ZipFile(zipped.parent / "c.zip", "w") as out:
        out.write(zipped, "inner.zip")
    reasons = {r.files[0].name: r.reason for r in discover(zipped.parent).refused}
    assert "cannot be extracted" in reasons["b.zip"]
    assert "inside an archive" in reasons["inner.zip"]


def test_a_damaged_member_costs_only_itself(zipped: Path) -> None:
    content = bytearray(zipped.read_bytes())
    at = content.index(b"notes.txt") + len("notes.txt")
    content[at] ^= 0xFF
    zipped.write_bytes(content)
    listing = discover(zipped)
    assert len(listing.scans) == 2
    assert any("damaged" in refusal.reason for refusal in listing.refused)


KILLED = """
import os, signal, sys
from medgan.scans.archive import extract
print(extract(__import__("pathlib").Path(sys.argv[1])).folder, flush=True)
if sys.argv[2] == "wait":
    sys.stdin.read()
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_unpacked_goes_and_that_of_a_live_one_stays(
    zipped: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, "-c", KILLED, str(zipped)]
    known = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([*words, "die"], env=known, stdout=subprocess.DEVNULL, check=False)
    (left,) = temporary.iterdir()
    assert list(left.rglob("*.dcm"))
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
    with subprocess.Popen([*words, "wait"], env=known, stdin=PIPE, stdout=PIPE, text=True) as live:
        assert live.stdout is not None
        mine = Path(live.stdout.readline().strip())
        assert not left.exists()
        subprocess.run([*words, "die"], env=known, stdout=subprocess.DEVNULL, check=False)
        assert list(mine.rglob("*.dcm"))
        live.communicate()
    assert not mine.exists()
