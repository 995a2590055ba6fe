"""What a key depends on, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medgan.pipeline.digests import FileDigests
from medgan.pipeline.plan import plan
from medgan.pipeline.settings import read_pipeline
from medgan.pipeline.stage import Context, Done
from medgan.pipeline.unit import Unit
from medgan.record import ScanRecord
from tests.cli.small_scans import write_scan

COVERS = ("stage", "table")


def keys(
    source: Path,
    *overrides: str,
    pipeline: str = "restore_folder",
    group: int = 0,
    **before: object,
) -> dict[str, str]:
    steps = read_pipeline(pipeline, ["restore.model=none", *overrides])
    context = Context(source, source.parent / "out")
    done = Done(pipeline=steps.as_json(), **before)  # type: ignore[arg-type]
    digests = FileDigests(source.parent, read_only=True)
    planned = plan(steps.name, steps.groups[group], context, done, digests)
    return {unit.id: unit.key for unit in planned.units}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    write_scan(tmp_path / "in" / "b.nii.gz")
    return tmp_path / "in"


def test_units_are_named_by_pipeline_source_and_scan(source: Path) -> None:
    assert list(keys(source)) == ["restore_folder/index/a"]


@pytest.mark.parametrize(
    "change",
    ["restore.force=true", "export.formats=[dicom]", "index.missing=[5]", "index.modality=ct"],
)
def test_settings_that_matter_change_the_key(source: Path, change: str) -> None:
    (source / "b.nii.gz").unlink()
    assert keys(source)["restore_folder/index/a"] != keys(source, change)["restore_folder/index/a"]


def test_taking_more_scans_on_does_not_change_the_others(source: Path) -> None:
    more = keys(source, "index.take=all")
    assert len(more) == 2
    assert more["restore_folder/index/a"] == keys(source)["restore_folder/index/a"]


def test_content_and_findings_change_the_key(source: Path) -> None:
    before = keys(source)
    write_scan(source / "a.nii.gz", gaps=(8,), seed=99)
    assert keys(source) != before


def test_the_report_depends_on_all_settings_and_other_per_run_stages_on_what_they_read(
    source: Path, tmp_path: Path
) -> None:
    def report(*overrides: str, **before: object) -> str:
        (key,) = keys(source, *overrides, group=1, **before).values()
        return key

    assert report() != report("restore.force=true")
    assert report() != report(records=(ScanRecord("a", "complete"),))
    assert report() != report(command="another")
    assert report() == report()


def test_training_does_not_depend_on_how_many_cases_are_made(source: Path) -> None:
    def train(*overrides: str) -> str:
        pipeline = read_pipeline("augment_dataset", overrides)
        context = Context(source, source.parent / "out")
        done = Done(pipeline=pipeline.as_json(), command=" ".join(overrides))
        digests = FileDigests(source.parent, read_only=True)
        (unit,) = plan("augment_dataset", pipeline.groups[2], context, done, digests).units
        return unit.key

    assert train() == train("synthesize.n=7", "export.formats=[nifti]")
    assert train() != train("train.set=[n_modes=7]")
    before = train()
    write_scan(source / "c.nii.gz")
    assert train() != before


def test_a_source_alone_has_no_units(source: Path) -> None:
    pipeline = read_pipeline("train_restorer")
    context = Context(source, source.parent / "out")
    planned = plan("x", pipeline.groups[0], context, Done(), FileDigests(source, read_only=True))
    assert planned.units == ()


def test_a_unit_crosses_a_process_border(source: Path, cohort: Callable[..., Path]) -> None:
    import pickle

    steps = read_pipeline("restore_folder", ["restore.model=none"])
    context = Context(source, source.parent / "out")
    digests = FileDigests(source.parent, read_only=True)
    planned = plan("restore_folder", steps.groups[0], context, Done(), digests)
    again = pickle.loads(pickle.dumps(planned.units[0]))
    assert isinstance(again, Unit)
    assert (again.key, again.id) == (planned.units[0].key, planned.units[0].id)
    assert pickle.loads(pickle.dumps(steps.groups[0])) == steps.groups[0]
