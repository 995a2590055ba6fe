"""Float maps as DICOM, read back by highdicom, and what dciodvfy says of them."""

from __future__ import annotations

import shutil
import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest

from medgan.errors import SeriesError, UsageError
from medgan.scans import (
    DIFFERENCE,
    HOUNSFIELD,
    NO_UNIT,
    Grid,
    Order,
    discover,
    write_dicom,
    write_parametric_map,
)
from tests.scans.restored import restored_series, virtual_scan

COVERS = ("derived_object",)


@pytest.fixture(params=["ct", "tilted", "mr", "virtual"])
def series(request, tmp_path):
    """A scan, and the files it was written to."""
    knobs = {"ct": {}, "tilted": {"tilt_mm": 0.3}, "mr": {"modality": "MR"}}
    if request.param == "virtual":
        scan = virtual_scan()
    else:
        scan = restored_series(tmp_path / "in", **knobs[request.param])
    return scan, write_dicom(scan, tmp_path / "out", Order("x", "y"))


def the_map(scan):
    """Real numbers, some below 0, that differ in every voxel."""
    return (np.sin(np.arange(scan.stored.size)) * 37.25).reshape(scan.stored.shape)


def test_values_come_back_where_they_were(tmp_path, series):
    scan, files = series
    values = the_map(scan)
    path = tmp_path / "map.dcm"
    write_parametric_map(values, scan.grid, DIFFERENCE, HOUNSFIELD, files, path, label="DIFF")
    image = hd.pm.ParametricMap.from_dataset(pydicom.dcmread(path))
    frames = image.get_frames(apply_real_world_transform=True)
    to_index = np.linalg.inv(scan.grid.affine_lps)
    seen = set()
    for frame, groups in zip(frames, image.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        shared = image.SharedFunctionalGroupsSequence[0]
        cosines = np.array(
            shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float
        ).reshape(2, 3)
        row_mm, column_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
        rows, columns = np.indices(frame.shape)
        at = corner + columns[..., None] * column_mm * cosines[0]
        at = at + rows[..., None] * row_mm * cosines[1]
        index = np.rint(at @ to_index[:3, :3].T + to_index[:3, 3]).astype(int)
        assert np.allclose(frame, values[tuple(np.moveaxis(index, -1, 0))], atol=1e-5)
        seen |= {tuple(one) for one in index.reshape(-1, 3)}
    assert len(seen) == values.size


def test_it_says_what_it_maps_and_what_it_came_from(tmp_path, series):
    scan, files = series
    path = tmp_path / "map.dcm"
    write_parametric_map(the_map(scan), scan.grid, DIFFERENCE, HOUNSFIELD, files, path)
    image, source = pydicom.dcmread(path), pydicom.dcmread(files[0])
    assert image.SOPClassUID == "1.2.840.10008.5.1.4.1.1.30"
    assert "FloatPixelData" in image
    assert image.SyntheticData == "YES"
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert image[keyword].value == source[keyword].value
    mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "[hnsf'U]"
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert quantity.CodingSchemeDesignator == "99MEDGAN"
    referred = {
        item.ReferencedSOPInstanceUID
        for item in image.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert referred == {pydicom.dcmread(file).SOPInstanceUID for file in files}


def test_the_same_map_gives_the_same_bytes(tmp_path):
    scan = virtual_scan()
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    paths = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    for path in paths:
        write_parametric_map(the_map(scan), scan.grid, DIFFERENCE, NO_UNIT, files, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    other = tmp_path / "c.dcm"
    write_parametric_map(the_map(scan) + 1, scan.grid, DIFFERENCE, NO_UNIT, files, other)
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in (paths[0], other)]
    assert uids[0] != uids[1]


def test_what_is_no_map_of_the_series_is_refused(tmp_path):
    scan = virtual_scan()
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    values = the_map(scan)
    values[0, 0, 0] = np.nan
    with pytest.raises(UsageError, match="finite"):
        write_parametric_map(values, scan.grid, DIFFERENCE, NO_UNIT, files, tmp_path / "m.dcm")
    moved = scan.affine.copy()
    moved[:3, 3] += 0.6
    with pytest.raises(SeriesError):
        write_parametric_map(
            *(the_map(scan), Grid(scan.grid.shape, moved), DIFFERENCE, NO_UNIT, files),
            tmp_path / "m.dcm",
        )
    assert not (tmp_path / "m.dcm").exists()


def test_inspect_does_not_take_it_for_a_scan(tmp_path):
    scan = virtual_scan()
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    write_parametric_map(the_map(scan), scan.grid, DIFFERENCE, NO_UNIT, files, tmp_path / "m.dcm")
    listing = discover(tmp_path / "m.dcm")
    assert listing.scans == ()


@pytest.mark.services
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_dciodvfy_finds_no_error(tmp_path, series):
    scan, files = series
    path = tmp_path / "map.dcm"
    write_parametric_map(the_map(scan), scan.grid, DIFFERENCE, HOUNSFIELD, files, path)
    run = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    # Synthetic Data is newer than the dictionary of that build; nothing else is let pass.
    assert [x for x in lines if x.startswith("Error") and "(0x0008,0x001c)" not in x] == []
