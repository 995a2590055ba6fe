"""From a folder with gaps to proved outputs, a page and pictures: one stage after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medgan.errors import ConfigError
from medgan.pipeline import RunOptions, RunSummary, run_pipeline
from medgan.pipeline.settings import check_pipeline, read_pipeline
from medgan.pipeline.stage import Context
from medgan.pipeline.stages import export as export_stage
from medgan.pipeline.stages import restore as restore_stage
from tests.cli.small_scans import write_scan

COVERS = ("restore", "pictures", "export", "validate", "report")

INLINE = RunOptions(workers=0)
CLASSICAL = "restore.model=none"


def restore(source: Path, out: Path, *overrides: str) -> RunSummary:
    return run_pipeline("restore_folder", source, out, [CLASSICAL, *overrides], INLINE)


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, Path]:
    folder = tmp_path_factory.mktemp("restored")
    write_scan(folder / "in" / "deep" / "a.nii.gz", gaps=(6, 12, 13))
    write_scan(folder / "in" / "whole.nii.gz")
    (folder / "in" / "notes.txt").write_text("x")
    return restore(folder / "in", folder / "out"), folder / "out"


def test_the_record_says_what_was_found_and_done(restored: tuple[RunSummary, Path]) -> None:
    record, whole = restored[0].records
    assert (record.id, record.status, record.missing) == ("deep/a", "restored", (6, 12, 13))
    assert record.sources == ("deep/a.nii.gz",)
    assert record.ruler == "||||||.|||||..||||||"
    assert len(record.measured_hashes) == 17
    assert record.candidates[0].name == "mixture"
    assert (whole.id, whole.status, whole.outputs) == ("whole", "complete", ())


def test_each_record_is_its_own_sidecar(restored: tuple[RunSummary, Path]) -> None:
    summary, out = restored
    record = summary.records[0]
    assert record.outputs == ("deep/a.nii.gz", "deep/a_mask.nii.gz", "deep/a.json")
    assert json.loads((out / "deep" / "a.json").read_text()) == json.loads(
        json.dumps(record.as_json())
    )


def test_pictures_are_drawn_out_of_sight(restored: tuple[RunSummary, Path]) -> None:
    summary, out = restored
    pictures = summary.records[0].pictures
    assert pictures == (".medgan/pictures/deep/a.png", ".medgan/pictures/deep/a_filled.png")
    for name in pictures:
        with Image.open(out / name) as picture:
            assert picture.width > 300


def test_the_page_tells_command_settings_and_what_was_set_aside(
    restored: tuple[RunSummary, Path],
) -> None:
    document = json.loads((restored[1] / "report.json").read_text())
    assert document["command"] == "medgan run restore_folder in -o out --set restore.model=none"
    assert document["settings"]["restore"]["model"] == "none"
    assert document["set_aside"] == [{"files": ["notes.txt"], "reason": "no scan"}]
    assert {"medgan", "torch", "monai", "numpy", "python"} <= set(document["versions"])
    assert [scan["id"] for scan in document["scans"]] == ["deep/a", "whole"]
    page = (restored[1] / "report.html").read_text()
    assert page.count("data:image/png;base64") == 2
    assert "not for diagnosis" in page


def test_no_clock_time_and_no_folder_of_this_machine_is_written(
    restored: tuple[RunSummary, Path],
) -> None:
    out = restored[1]
    texts = [p for p in out.rglob("*") if p.suffix in {".json", ".html"} and p.is_file()]
    assert texts
    assert not [p for p in texts if str(out.parent) in p.read_text()]


def test_what_cannot_be_proved_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    real = export_stage.write_nifti

    def write_wrong(scans: Any, path: Path, **options: Any) -> Path:
        real(scans, path, **options)
        image = nib.load(path)
        values = np.asarray(image.dataobj).copy()
        values[3, 4, 5] += 1
        nib.save(nib.Nifti1Image(values, image.affine, image.header), path)
        return path

    monkeypatch.setattr(export_stage, "write_nifti", write_wrong)
    summary = restore(source, tmp_path / "out")
    (record,) = summary.failed
    assert record.failure is not None
    assert (record.failure.stage, record.failure.kind) == ("validate", "ValidationError")
    assert "report it" in record.failure.hint
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".medgan",
        "report.html",
        "report.json",
    ]
    monkeypatch.undo()
    assert restore(source, tmp_path / "out").exit_code == 0


def test_other_formats_take_the_old_files_away(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    restore(source, tmp_path / "out", "export.formats=[dicom]")
    assert (tmp_path / "out" / "a" / "0001.dcm").exists()
    restore(source, tmp_path / "out")
    assert not (tmp_path / "out" / "a").exists()
    assert (tmp_path / "out" / "a.nii.gz").exists()


def test_a_gap_too_wide_to_try_out_is_refused_unless_forced(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=tuple(range(3, 17))).parent
    summary = restore(source, tmp_path / "out")
    (record,) = summary.failed
    assert record.failure is not None
    assert "force" in record.failure.hint
    assert summary.exit_code == 3  # an answer, not a failure
    assert restore(source, tmp_path / "out", "restore.force=true").exit_code == 0


def test_the_nnunet_layout_is_not_for_restored_scans(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    summary = restore(source, tmp_path / "out", "export.formats=[nnunet]")
    (record,) = summary.failed
    assert record.failure is not None
    assert "labelled virtual scans" in record.failure.what


@pytest.mark.parametrize(
    "wrong",
    [
        "restore.averaging=9",
        "restore.texture=1.5",
        "restore.adapt=soon",
        "export.formats=[png]",
        "restore.force=7",
    ],
)
def test_settings_are_checked(wrong: str) -> None:
    stage, _, rest = wrong.partition(".")
    key, _, value = rest.partition("=")
    document = {"name": "x", "stages": ["index", stage], stage: {key: [value.strip("[]")]}}
    if "[" not in value:
        document[stage] = {key: value}
    with pytest.raises(ConfigError, match=key):
        check_pipeline(document, "x")


@pytest.mark.parametrize("change", [{"texture": 0.5}, {"adapt": "30s"}])
def test_no_network_no_texture_and_no_adaptation(change: dict[str, Any]) -> None:
    document = {"name": "x", "stages": ["index", "restore"], "restore": {"model": "none"} | change}
    with pytest.raises(ConfigError, match="model none has none"):
        check_pipeline(document, "x")


def test_a_blend_depends_on_the_files_of_both_networks(tmp_path: Path) -> None:
    def folders(texture: float) -> list[str]:
        settings = restore_stage.RestoreStageSettings(texture=texture)
        files = restore_stage.model_files(settings, Context(tmp_path, tmp_path))
        return sorted({path.parent.name for path in files})

    assert folders(0) == ["slices-faithful", "slices-thick"]
    assert folders(0.5) == ["slices-faithful", "slices-natural", "slices-thick"]


@pytest.mark.parametrize("asked", ["restore.adapt=100", "restore.adapt='100'"])
def test_steps_of_adaptation_are_asked_for_by_number(asked: str) -> None:
    (step,) = (s for s in read_pipeline("restore_folder", [asked]).steps if s.name == "restore")
    assert step.settings.adapt == "100"
