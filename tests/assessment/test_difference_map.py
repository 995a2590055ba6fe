"""Restored minus true value, read back by other programs."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.assessment.restored import judge_restored
from medgan.errors import UsageError
from medgan.pipeline import RunOptions, run_pipeline
from tests.cli.small_scans import values, write_scan
from tests.scans.series import make_series, save, without


def restore(source: Path, out: Path) -> None:
    run_pipeline("restore_folder", source, out, ["restore.model=none"], RunOptions(workers=0))


def test_of_a_volume_file_it_is_a_volume_file(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "x" / "a.nii.gz", gaps=(6, 12))
    write_scan(tmp_path / "truth" / "x" / "a.nii.gz")
    restore(tmp_path / "in", tmp_path / "out")
    judge_restored(tmp_path / "truth", tmp_path / "out", lambda text: None, tmp_path / "maps")
    image = nib.load(tmp_path / "maps" / "x" / "a_difference.nii.gz")
    written = np.asarray(nib.load(tmp_path / "out" / "x" / "a.nii.gz").dataobj, dtype=float)
    assert image.get_data_dtype() == np.float32
    assert np.allclose(image.get_fdata(), written - values((24, 22, 20)))
    assert image.get_fdata()[..., [6, 12]].any()
    assert not np.delete(image.get_fdata(), [6, 12], axis=2).any()


def test_of_a_series_it_is_a_parametric_map_of_the_restored_one(tmp_path: Path) -> None:
    datasets = make_series(n=14)
    save(datasets, tmp_path / "truth" / "s")
    save(without(datasets, 5), tmp_path / "in" / "s")
    restore(tmp_path / "in", tmp_path / "out")
    judge_restored(tmp_path / "truth", tmp_path / "out", lambda text: None, tmp_path / "maps")
    (file,) = (tmp_path / "maps").rglob("*.dcm")
    image = hd.pm.ParametricMap.from_dataset(pydicom.dcmread(file))
    frames = image.get_frames(apply_real_world_transform=True)
    restored = [pydicom.dcmread(one) for one in sorted((tmp_path / "out").rglob("*.dcm"))]
    meant = restored[5].pixel_array.astype(float) - datasets[5].pixel_array
    by_place = {
        float(groups.PlanePositionSequence[0].ImagePositionPatient[2]): frame
        for frame, groups in zip(frames, image.PerFrameFunctionalGroupsSequence, strict=True)
    }
    places = [float(one.ImagePositionPatient[2]) for one in restored]
    assert np.allclose(by_place[places[5]], meant)
    assert meant.any()
    assert not by_place[places[4]].any()
    assert image.SyntheticData == "YES"


def test_maps_lie_apart_from_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    with pytest.raises(UsageError, match="lies inside"):
        judge_restored(
            tmp_path / "truth", tmp_path / "out", lambda text: None, tmp_path / "truth" / "maps"
        )
