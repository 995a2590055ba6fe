"""Enhanced multi-frame objects: each frame's own position counts, frame order does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless

from medgan.scans import discover, load_found
from tests.scans.series import make_enhanced, oblique, save, score


def test_frames_in_any_order(tmp_path: Path) -> None:
    save([make_enhanced(order=[3, 0, 7, 1, 6, 2, 5, 4], n=8)], tmp_path)
    (found,) = discover(tmp_path).scans
    assert found.source.frames == (1, 3, 5, 0, 7, 6, 4, 2)
    assert score(load_found(found)) <= 0.51


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_missing_frames_are_gaps(modality: str, tmp_path: Path) -> None:
    dataset = make_enhanced(modality=modality, order=[9, 0, 1, 3, 4, 7, 8], n=10, axes=oblique())
    save([dataset], tmp_path)
    (found,) = discover(tmp_path).scans
    assert found.missing == (2, 5, 6)
    assert found.modality == modality.lower()
    assert score(load_found(found)) <= 0.51


def test_rescale_of_a_frame_outranks_the_shared_one(tmp_path: Path) -> None:
    dataset = make_enhanced(n=6)
    own = Dataset()
    own.RescaleSlope, own.RescaleIntercept, own.RescaleType = "1", "-1000", "HU"
    dataset.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence = Sequence([own])
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(6, -1).copy()
    stored[2] -= 24
    dataset.PixelData = stored.tobytes()
    save([dataset], tmp_path)
    (scan,) = (load_found(found) for found in discover(tmp_path).scans)
    assert score(scan) <= 0.51
    assert scan.intercept.tolist() == [-1024, -1024, -1000, -1024, -1024, -1024]


def test_compressed_frames(tmp_path: Path) -> None:
    dataset = make_enhanced(order=[2, 0, 1, 4], n=5)
    dataset.compress(RLELossless, generate_instance_uid=False)
    save([dataset], tmp_path)
    (found,) = discover(tmp_path).scans
    assert found.missing == (3,)
    assert score(load_found(found)) <= 0.51


def test_time_points_in_one_object_are_split(tmp_path: Path) -> None:
    dataset = make_enhanced(order=[0, 1, 2, 3, 0, 1, 3], n=4)
    for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.TemporalPositionIndex = 1 + n // 4
        frame.FrameContentSequence = Sequence([content])
    save([dataset], tmp_path)
    listing = discover(tmp_path)
    assert [found.missing for found in listing.scans] == [(), (2,)]
    assert all(score(load_found(found)) <= 0.51 for found in listing.scans)


def test_dimension_indices_split_what_nothing_else_does(tmp_path: Path) -> None:
    dataset = make_enhanced(order=[0, 1, 2, 0, 1, 2], n=3)
    pointers = []
    for tag in (0x00209057, 0x00180086):
        pointer = Dataset()
        pointer.DimensionIndexPointer = tag
        pointers.append(pointer)
    dataset.DimensionIndexSequence = Sequence(pointers)
    for n, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.DimensionIndexValues = [1 + n % 3, 1 + n // 3]
        frame.FrameContentSequence = Sequence([content])
    save([dataset], tmp_path)
    assert len(discover(tmp_path).scans) == 2


def test_an_object_cut_short_loses_its_last_frames_only(tmp_path: Path) -> None:
    (path,) = save([make_enhanced(order=[0, 2, 3, 4, 1], n=5)], tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    (found,) = discover(tmp_path).scans
    assert found.damaged == (1,)
    assert score(load_found(found)) <= 0.51


def test_frames_without_positions_are_refused(tmp_path: Path) -> None:
    dataset = make_enhanced(n=4)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    save([dataset], tmp_path)
    (refusal,) = discover(tmp_path).refused
    assert "no position" in refusal.reason


def test_multi_frame_without_groups_is_set_aside(tmp_path: Path) -> None:
    dataset = make_enhanced(n=4)
    del dataset.PerFrameFunctionalGroupsSequence
    save([dataset], tmp_path)
    (entry,) = discover(tmp_path).set_aside
    assert "without positions per frame" in entry.reason


@pytest.mark.parametrize(("count", "words"), [(2_000_000_000, "2 frames"), (-3, "impossible")])
def test_a_false_number_of_frames_is_told(count: int, words: str, tmp_path: Path) -> None:
    """It comes from the file, and must not be counted to."""
    dataset = make_enhanced(n=4)
    dataset.NumberOfFrames = count if count < 0 else 6
    (path,) = save([dataset], tmp_path)
    if count > 6:
        content = path.read_bytes()
        path.write_bytes(content.replace(b"IS\x02\x006 ", b"IS\x0a\x002000000000"))
    listing = discover(tmp_path)
    texts = [*(note for found in listing.scans for note in found.notes)]
    texts += [refusal.reason for refusal in listing.refused]
    assert any(words in text or "no place in the header" in text for text in texts)


def without_rescale(modality: str = "CT", **knobs: object) -> Dataset:
    dataset = make_enhanced(modality=modality, n=5, **knobs)
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    return dataset


def test_a_ct_without_rescale_is_noted(tmp_path: Path) -> None:
    save([without_rescale(intercept=0.0)], tmp_path)
    (found,) = discover(tmp_path).scans
    assert any("no rescale in the header" in note for note in found.notes)
    assert score(load_found(found)) <= 0.51


def test_a_rescale_of_every_frame_is_one(tmp_path: Path) -> None:
    dataset = make_enhanced(n=5)
    (shared,) = dataset.SharedFunctionalGroupsSequence
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PixelValueTransformationSequence = shared.PixelValueTransformationSequence
        frame.PixelMeasuresSequence = shared.PixelMeasuresSequence
        frame.PlaneOrientationSequence = shared.PlaneOrientationSequence
    del dataset.SharedFunctionalGroupsSequence
    save([dataset], tmp_path)
    (found,) = discover(tmp_path).scans
    assert not any("rescale" in note for note in found.notes)
    assert score(load_found(found)) <= 0.51


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_rescale_at_the_top_level_counts_where_there_is_no_other(
    modality: str, tmp_path: Path
) -> None:
    dataset = without_rescale(modality, intercept=-1000.0)
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1000"
    save([dataset], tmp_path)
    (found,) = discover(tmp_path).scans
    assert any("top level" in note for note in found.notes)
    assert score(load_found(found)) <= 0.51


def test_the_groups_outrank_the_top_level(tmp_path: Path) -> None:
    dataset = make_enhanced(n=5)
    dataset.RescaleSlope, dataset.RescaleIntercept = "3", "7"
    save([dataset], tmp_path)
    (found,) = discover(tmp_path).scans
    assert not any("top level" in note for note in found.notes)
    assert score(load_found(found)) <= 0.51


def test_frames_of_which_some_have_a_rescale_are_noted(tmp_path: Path) -> None:
    dataset = without_rescale(intercept=0.0)
    own = Dataset()
    own.RescaleSlope, own.RescaleIntercept, own.RescaleType = "1", "0", "HU"
    dataset.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence = Sequence([own])
    save([dataset], tmp_path)
    (found,) = discover(tmp_path).scans
    assert any("4 of 5 frames have no rescale" in note for note in found.notes)
