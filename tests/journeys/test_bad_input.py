"""Bad input gets one clear message, the right exit code, no traceback, and nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan
from tests.scans.series import make_series, save

QUICK = ("--model", "none", "--workers", 0)


def check(result: Result, exit_code: int, *words: str) -> None:
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.output
    assert "internal error" not in result.output
    for word in words:
        assert word in result.output, result.output


def check_message(result: Result, exit_code: int, *words: str) -> None:
    """One message: what, where, what to do."""
    check(result, exit_code, *words)
    lines = result.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "  where", "  try"]


def left(out: Path) -> list[str]:
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*")) if out.exists() else []


@pytest.mark.parametrize("command", ["inspect", "restore"])
def test_an_empty_folder(medgan: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "in").mkdir()
    options = () if command == "inspect" else ("-o", tmp_path / "out", *QUICK)
    result = medgan(command, tmp_path / "in", *options)
    check_message(result, 1, "the folder is empty", str(tmp_path / "in"))
    assert left(tmp_path / "out") == []
    assert not (tmp_path / "out").exists()


def test_a_path_that_does_not_exist(medgan: Run, tmp_path: Path) -> None:
    result = medgan("restore", tmp_path / "nowhere", "-o", tmp_path / "out", *QUICK)
    check_message(result, 1, "no such file or folder")
    assert not (tmp_path / "out").exists()


def test_a_text_file_called_dcm(medgan: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "scan.dcm").write_text("this is no DICOM")
    result = medgan("restore", tmp_path / "in", "-o", tmp_path / "out", *QUICK)
    check_message(result, 1, "scan.dcm", "no DICOM file")
    assert not (tmp_path / "out").exists()


def test_a_text_file_called_dcm_beside_a_good_scan(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "good.nii.gz", gaps=(8,))
    (tmp_path / "in" / "scan.dcm").write_text("this is no DICOM")
    result = medgan("restore", tmp_path / "in", "-o", tmp_path / "out", *QUICK)
    check(result, 3, "failed: scan.dcm", "no DICOM file")
    assert (tmp_path / "out" / "good.nii.gz").exists()
    assert "scan.dcm" in (tmp_path / "out" / "report.html").read_text()


def test_a_truncated_slice_is_filled_and_named(medgan: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    victim = save(make_series(n=14), folder)[6]
    victim.write_bytes(victim.read_bytes()[:-100])
    result = medgan("restore", folder, "-o", tmp_path / "out", *QUICK)
    check(result, 3, "1 damaged slice among them", "could not be decoded")
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 14


def test_a_truncated_volume_beside_a_good_one(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "good.nii.gz", gaps=(8,))
    bad = write_scan(tmp_path / "in" / "bad.nii.gz", gaps=(8,))
    bad.write_bytes(bad.read_bytes()[:-500])
    result = medgan("restore", tmp_path / "in", "-o", tmp_path / "out", *QUICK)
    check(result, 3, "failed: bad.nii.gz", "cut short")
    assert not list((tmp_path / "out").glob("bad*"))


@pytest.mark.parametrize("name", ["picture.png", "slice.nii.gz"])
def test_a_2d_picture(medgan: Run, tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name.endswith("png"):
        Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(source)
    else:
        write_scan(source, shape=(20, 20, 1))
    result = medgan("restore", source, "-o", tmp_path / "out", *QUICK)
    check_message(result, 1, name)
    assert not (tmp_path / "out").exists()


def test_a_pipeline_with_an_unknown_key(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nstages: [index, restore, export]\nrestore: {modle: none}\n")
    result = medgan("run", file, source, "-o", tmp_path / "out")
    check_message(result, 2, "modle: unknown key", "mine.yaml, restore", "model")
    assert not (tmp_path / "out").exists()


def test_a_recipe_with_an_unknown_key(medgan: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("kind: restoration\nname: mine\nbatchsize: 3\n")
    result = medgan("train", file, "-o", tmp_path / "out", "--data", tmp_path)
    check_message(result, 2, "batchsize: unknown key", "batch_size", str(file))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["kind: other\n", "- a\n", "a: [\n", "", "kind: restoration\n"])
def test_a_file_that_is_no_recipe(medgan: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    result = medgan("train", file, "-o", tmp_path / "out", "--data", tmp_path)
    check_message(result, 2, str(file))


@pytest.mark.parametrize("model", ["nonsense", "folder"])
def test_a_model_folder_that_is_not_one(medgan: Run, tmp_path: Path, model: str) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "weights.pt").write_text("x")
    name = str(tmp_path / "folder") if model == "folder" else model
    for words in (
        ("restore", source, "-o", tmp_path / "out", "--model", name),
        ("synthesize", name, "-n", 2, "-o", tmp_path / "out"),
    ):
        check_message(medgan(*words), 1, name)
        assert not (tmp_path / "out").exists()


def test_a_model_folder_whose_weights_were_changed(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text('{"name": "x", "kind": "restorer", "architecture": "y"}')
    (folder / "weights.safetensors").write_bytes(b"nonsense")
    result = medgan("restore", source, "-o", tmp_path / "out", "--model", folder, "--workers", 0)
    check_message(result, 1)
    assert left(tmp_path / "out") == []


def test_no_space_left_in_the_middle_of_a_scan(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    real_fsync, n_calls = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        n_calls[0] += 1
        if n_calls[0] == 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    out = tmp_path / "out"
    result = medgan("restore", source, "-o", out, "--format", "dicom", *QUICK)
    check(result, 1, "No space left on device", "failed: a")
    assert not list(out.rglob("*.dcm"))
    assert not list(out.rglob("*.tmp"))
    monkeypatch.undo()
    check(medgan("restore", source, "-o", out, "--format", "dicom", *QUICK), 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("may not mount a small disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(medgan: Run, tmp_path: Path, small_disk: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,), shape=(64, 64, 20)).parent
    result = medgan("restore", source, "-o", small_disk / "out", *QUICK)
    check(result, 1, "No space left on device")
    assert not list(small_disk.rglob("*.nii.gz"))
    assert not list(small_disk.rglob("*.tmp"))


def test_an_output_folder_that_may_not_be_written_to(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    (tmp_path / "file").write_text("x")
    result = medgan("restore", source, "-o", tmp_path / "file" / "out", *QUICK)
    check_message(result, 1, "cannot be written to")


def test_an_output_folder_inside_the_input(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    result = medgan("restore", source, "-o", source / "out", *QUICK)
    check_message(result, 2, "inside the input")
    assert left(source) == ["a.nii.gz"]


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:99"])
def test_a_device_that_is_not_there(medgan: Run, tmp_path: Path, device: str) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    result = medgan("restore", source, "-o", tmp_path / "out", "--device", device, *QUICK)
    check_message(result, 2, f"--device {device}" if device == "cuda:99" else device)
    assert left(tmp_path / "out") == []
