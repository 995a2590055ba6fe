"""kill -9 in the middle, the same command again: the same outputs as an unbroken run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medgan.pipeline.ledger import LEDGER, read_lines
from tests.cli.small_scans import write_scan

N_SCANS = 4


def command(source: Path, out: Path) -> list[str]:
    words = ["restore", str(source), "-o", str(out), "--model", "none"]
    return [sys.executable, "-m", "medgan", *words, "--format", "nifti,dicom", "--workers", "1"]


def tree(out: Path) -> dict[str, bytes]:
    """All of an output folder but state and report (which names the folder)."""
    files = (path for path in out.rglob("*") if path.is_file())
    return {
        name: path.read_bytes()
        for path in files
        if not (name := path.relative_to(out).as_posix()).startswith((".medgan/", "report."))
    }


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    for n in range(N_SCANS):
        write_scan(folder / f"s{n}" / "scan.nii.gz", gaps=(6 + n, 13), seed=n)
    return folder


@pytest.fixture(scope="module")
def unbroken(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("unbroken") / "out"
    subprocess.run(command(cohort, out), check=True, capture_output=True)
    return tree(out)


@pytest.fixture
def started(cohort: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(cohort, tmp_path / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_interrupts,
    )
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def hear_interrupts() -> None:
    """A test run that was started in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def n_done(out: Path) -> int:
    file = out / ".medgan" / LEDGER
    return file.read_bytes().count(b"\n") if file.is_file() else 0


def wait_for(
    condition: Callable[[], object],
    process: subprocess.Popen[str] | None = None,
    seconds: float = 60,
) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None:
            pytest.fail(f"ended before its time: {process.communicate()}")
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


@pytest.mark.parametrize(
    "moment",
    [
        "while publishing",
        pytest.param("in the first scan", marks=pytest.mark.slow),
        pytest.param("after two", marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_is_as_unbroken(
    moment: str,
    cohort: Path,
    unbroken: dict[str, bytes],
    started: subprocess.Popen[str],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    moments: dict[str, Callable[[], object]] = {
        "in the first scan": lambda: list(out.glob(".medgan/staging/*/*")),
        "after two": lambda: n_done(out) >= 2,
        "while publishing": lambda: list(out.glob("s1/scan*")),
    }
    wait_for(moments[moment], started)
    started.kill()
    started.communicate()
    assert n_done(out) < N_SCANS

    # Whatever lies there under its final name is whole: the same bytes as at the end.
    wait_for(lambda: not orphans(out))
    half_way = tree(out)
    assert half_way.items() <= unbroken.items()

    again = subprocess.run(command(cohort, out), capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert tree(out) == unbroken
    lines = read_lines(out / ".medgan")
    keys = [line["key"] for line in lines if line["status"] == "done"]
    assert len(keys) == len(set(keys)) == N_SCANS + 1


def orphans(out: Path) -> list[str]:
    """Processes that still work for this output folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(out).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_ctrl_c_is_exit_130_without_a_trace_and_goes_on(
    cohort: Path, unbroken: dict[str, bytes], started: subprocess.Popen[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wait_for(lambda: n_done(out) >= 1, started)
    os.killpg(started.pid, signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "Traceback" not in errors
    assert "the same command goes on" in errors
    assert not (out / ".medgan" / "staging").exists()
    subprocess.run(command(cohort, out), capture_output=True, check=True)
    assert tree(out) == unbroken


def test_two_runs_on_one_folder(
    cohort: Path, started: subprocess.Popen[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wait_for(lambda: (out / ".medgan" / "lock").exists(), started)
    time.sleep(0.2)
    second = subprocess.run(command(cohort, out), capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert "another run is writing to this folder" in second.stderr
    assert "Traceback" not in second.stderr
