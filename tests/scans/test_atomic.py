import errno
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from medgan.errors import WriteError
from medgan.scans import discover
from medgan.scans.atomic import GZIP_LEVEL, gzipped, is_temporary, write_bytes, writing_together
from tests.scans.series import make_series, save


def everything_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def write_set(folder: Path, n: int) -> None:
    with writing_together() as outputs:
        for number in range(n):
            outputs.add(folder / f"{number}.bin", b"x")


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.bin"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert everything_below(tmp_path) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch, code):
    path = tmp_path / "b.bin"
    write_bytes(path, b"old")

    def full(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError) as failure:
        write_bytes(path, b"new")
    assert os.strerror(code) in failure.value.what
    assert failure.value.where == str(path)
    assert failure.value.hint
    assert path.read_bytes() == b"old"
    assert everything_below(tmp_path) == [path]


def test_a_set_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def full_at_third(handle):
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full_at_third)
    with pytest.raises(WriteError) as failure:
        write_set(tmp_path, 5)
    assert failure.value.where.endswith("2.bin")
    assert everything_below(tmp_path) == []


def test_a_set_is_taken_back_when_a_name_is_taken_by_a_folder(tmp_path):
    (tmp_path / "2.bin").mkdir()
    with pytest.raises(WriteError):
        write_set(tmp_path, 3)
    assert everything_below(tmp_path) == []


def test_other_errors_pass_and_clean_up(tmp_path):
    def fail_inside():
        with writing_together() as outputs:
            outputs.add(tmp_path / "a.bin", b"x")
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail_inside()
    assert everything_below(tmp_path) == []


def test_a_file_where_a_folder_has_to_be(tmp_path):
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(WriteError) as failure:
        write_bytes(tmp_path / "a" / "b.bin", b"x")
    assert "folder" in failure.value.hint


def test_a_name_too_long(tmp_path):
    with pytest.raises(WriteError) as failure:
        write_bytes(tmp_path / ("n" * 300), b"x")
    assert "shorter" in failure.value.hint
    assert everything_below(tmp_path) == []


def test_temporaries_fit_where_the_name_fits(tmp_path):
    name = "n" * 255
    write_bytes(tmp_path / name, b"x")
    assert everything_below(tmp_path) == [tmp_path / name]


def test_gzip_keeps_no_clock():
    assert b"".join(gzipped([b"some bytes"]))[4:8] == bytes(4)


def test_parts_are_packed_like_the_whole():
    data = np.random.default_rng(0).integers(0, 50, 300_000, dtype=np.int16).tobytes()
    parts = [data[at : at + 4097] for at in range(0, len(data), 4097)]
    packed = b"".join(gzipped(parts))
    assert packed == gzip.compress(data, compresslevel=GZIP_LEVEL, mtime=0)
    assert gzip.decompress(packed) == data


def test_a_file_can_be_written_in_parts(tmp_path):
    write_bytes(tmp_path / "a.bin", (bytes([n]) * 3 for n in range(4)))
    assert (tmp_path / "a.bin").read_bytes() == b"\0\0\0\1\1\1\2\2\2\3\3\3"


def test_parts_that_fail_midway_leave_nothing(tmp_path):
    def parts():
        yield b"first"
        raise KeyError("the source has gone")

    with pytest.raises(KeyError, match="gone"):
        write_bytes(tmp_path / "a.bin", parts())
    assert everything_below(tmp_path) == []


def test_leftovers_of_a_killed_process_are_never_read_as_scans(tmp_path):
    (path, *_) = save(make_series(), tmp_path)
    leftover = tmp_path / ".medgan-123-abc.tmp"
    leftover.write_bytes(path.read_bytes())
    assert is_temporary(leftover)
    listing = discover(tmp_path)
    assert [scan.n_files for scan in listing.scans] == [12]
    assert [aside.files for aside in listing.set_aside] == [(leftover,)]
