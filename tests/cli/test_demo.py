from __future__ import annotations

from pathlib import Path

from medgan.cli.demo import result_lines
from medgan.pipeline.demo import DemoResult, Gain
from medgan.pipeline.summary import RunSummary
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan


def test_own_scans_are_restored(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    out = tmp_path / "demo"
    result = medgan("demo", source, "-o", out, "--model", "none", "--workers", 0)
    assert result.exit_code == 0, result.output
    assert (out / "own_in" / "a.nii.gz").exists()
    assert not (out / "restored").exists()  # that is where generated scans go
    assert f"Page:           {out}/own_in/report.html" in result.stdout
    assert "Virtual" not in result.stdout


def test_paths_and_gains_are_said(tmp_path: Path) -> None:
    summary = RunSummary("x", tmp_path, ())
    gains = (Gain("a", 25.0, 23.0), Gain("b", 20.0, 19.0))
    lines = result_lines(DemoResult(summary, gains, summary), Path("out"), Path("out/restored"))
    assert "  a" in lines[7]
    assert lines[7].endswith("linear  23.0   medgan  25.0   gain +2.0")
    assert "  mean gain over linear interpolation: +1.50 dB" in lines
    assert lines[-1] == "Research use only, not for diagnosis."
