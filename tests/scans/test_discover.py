"""Every path is listed or refused; nothing but an absent path raises."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from medgan.errors import ReadError
from medgan.scans import discover
from tests.scans.series import make_enhanced, make_series, save
from tests.scans.volumes import STRAIGHT, world_volume, write


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        discover(tmp_path / "absent")
    assert caught.value.hint == "Check the path."


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="the folder is empty"):
        discover(tmp_path)


def test_a_refused_series_says_what_to_do(tmp_path: Path) -> None:
    save(make_series(offsets_mm=(0, 3, 6, 9, 15, 21, 27)), tmp_path)
    (entry,) = discover(tmp_path).refused
    assert entry.reason.startswith("variable slice spacing")
    assert entry.reason.endswith("or resample the scan to one step.")


def test_one_file_of_a_series_is_a_single_slice(tmp_path: Path) -> None:
    path = save(make_series(), tmp_path)[3]
    (entry,) = discover(path).set_aside
    assert entry.files == (path,)


def test_one_enhanced_file_is_a_scan(tmp_path: Path) -> None:
    (path,) = save([make_enhanced()], tmp_path)
    assert discover(path).scans[0].id == "4_test_stack"


def test_ids_are_unique_and_hold_the_folder(tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    for name in ("a/T1.nii", "a/T1.nii.gz", "b/T1.nii", "T 1 (2).nii"):
        write(tmp_path / name, stored, STRAIGHT)
    assert [found.id for found in discover(tmp_path).scans] == ["T_1_2", "a/T1", "a/T1_2", "b/T1"]


def test_the_same_listing_twice(tmp_path: Path) -> None:
    save(make_series(), tmp_path)
    save(make_series(number=7), tmp_path / "x")
    assert discover(tmp_path).as_json() == discover(tmp_path).as_json()


def test_modality_is_taken_from_values_and_can_be_given(tmp_path: Path) -> None:
    hounsfield = np.rint(world_volume(STRAIGHT)).astype("i2") - 700
    write(tmp_path / "ct.nii", hounsfield, STRAIGHT)
    write(tmp_path / "mr.nii", np.abs(hounsfield), STRAIGHT)
    write(tmp_path / "parts.nii", hounsfield + np.float32(0.5), STRAIGHT)
    found = {found.id: found for found in discover(tmp_path).scans}
    assert {name: one.modality for name, one in found.items()} == {
        "ct": "ct",
        "mr": "mr",
        "parts": "mr",
    }
    assert "taken for CT by its values" in found["ct"].notes[0]
    assert {one.modality for one in discover(tmp_path, modality="ct").scans} == {"ct"}


def test_the_axis_can_be_given(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(1, 900, (16, 14, 12)).astype("i2")
    stored[5], stored[:, 7] = 0, 0
    stored[:, 7], stored[5] = 0, 0
    write(tmp_path / "a.nii", stored, STRAIGHT)
    (refusal,) = discover(tmp_path).refused
    assert "--axis" in refusal.reason
    assert discover(tmp_path, axis=1).scans[0].missing == (7,)
    assert discover(tmp_path, axis=0).scans[0].missing == (5,)


def test_linked_folders_are_followed_once_and_pipes_do_not_hang(tmp_path: Path) -> None:
    save(make_series(), tmp_path / "real")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "broken.dcm").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "in" / "pipe.dcm")
    listing = discover(tmp_path / "in")
    assert [found.id for found in listing.scans] == ["link/4_test_stack"]
    assert listing.refused[0].files[0].name == "broken.dcm"
    assert listing.set_aside[0].reason == "no ordinary file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    paths = save(make_series(), tmp_path)
    paths[4].chmod(0)
    listing = discover(tmp_path)
    assert listing.refused[0].files == (paths[4],)
    assert listing.scans[0].missing == (4,)


def test_dicomdir_is_an_index_and_not_used(tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    save(make_series(), tmp_path)
    index = Path(str(get_testdata_file("dicomdirtests/DICOMDIR")))
    (tmp_path / "DICOMDIR").write_bytes(index.read_bytes())
    listing = discover(tmp_path)
    assert len(listing.scans) == 1
    assert "DICOMDIR" in listing.set_aside[0].reason


def test_a_value_file_seen_before_its_header_is_no_stray(tmp_path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.rint(world_volume(STRAIGHT)).astype("i2").T.copy())
    SimpleITK.WriteImage(image, str(tmp_path / "z.mhd"))
    (tmp_path / "z.raw").rename(tmp_path / "a.raw")
    text = (tmp_path / "z.mhd").read_text().replace("z.raw", "a.raw")
    (tmp_path / "z.mhd").write_text(text)
    listing = discover(tmp_path)
    assert listing.scans[0].n_files == 2
    assert listing.set_aside == ()


def test_a_series_of_one_thousand_headers(tmp_path: Path) -> None:
    """All of them in one stack; speed is measured elsewhere."""
    stack = make_series(n=12, rows=2, columns=2)
    save(stack[:1], tmp_path)
    content = next(tmp_path.iterdir()).read_bytes()
    place = "\\".join(str(x) for x in stack[0].ImagePositionPatient).encode()
    for n in range(1, 300):
        moved = place.replace(b"-16.500000000", b"%013.9f" % (-16.5 + 3 * n))[: len(place)]
        (tmp_path / f"{n}").write_bytes(content.replace(place, moved))
    assert discover(tmp_path).scans[0].grid.shape == (2, 2, 300)
