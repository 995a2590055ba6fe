"""A file of a model folder is a plain file in that folder; the folder itself may be anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medgan.errors import ModelError
from medgan.models.parts import read_part


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "part").write_bytes(b"12345")
    return tmp_path / "model"


def test_a_part_is_read_up_to_its_bound(folder: Path) -> None:
    assert read_part(folder, "part", 5, "m") == b"12345"
    with pytest.raises(ModelError, match="larger than 4 bytes"):
        read_part(folder, "part", 4, "m")


def test_the_folder_may_be_a_link_and_a_link_inside_it_may_stay_inside(folder: Path) -> None:
    (folder / "other").symlink_to("part")
    (folder.parent / "link").symlink_to(folder)
    assert read_part(folder.parent / "link", "other", 5, "m") == b"12345"


@pytest.mark.parametrize("target", ["../outside", "/dev/zero"])
def test_a_link_that_leads_out_is_refused_and_says_how_to_mend_it(
    folder: Path, target: str
) -> None:
    (folder.parent / "outside").write_bytes(b"12345")
    (folder / "link").symlink_to(target)
    with pytest.raises(ModelError, match="leads out of the model folder") as caught:
        read_part(folder, "link", 5, "m")
    assert "cp -rL" in caught.value.hint


def test_a_shipped_model_may_be_linked_file_by_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "outside").write_bytes(b"12345")
    (folder / "link").symlink_to("../outside")
    monkeypatch.setattr("medgan.models.parts.shipped_root", lambda: folder.parent)
    assert read_part(folder, "link", 5, "m") == b"12345"


def test_nobody_waits_for_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ModelError, match="pipe is no file"):
        read_part(folder, "pipe", 5, "m")


def test_a_part_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ModelError, match="none cannot be read") as caught:
        read_part(folder, "none", 5, "m")
    assert caught.value.where == "m"
