"""Loading: everything readable, a warning for each refusal, an error only when nothing is left."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from medgan.errors import ReadError
from medgan.scans import discover, load, load_found
from tests.scans.series import Series, make_series, save, score, set_pixels, truth, without
from tests.scans.volumes import STRAIGHT, world_volume, write

COVERS = ("dicom_load",)


def test_load_returns_what_is_readable_and_warns_of_the_rest(tmp_path: Path) -> None:
    save(without(make_series(), 3), tmp_path / "a")
    write(tmp_path / "b.nii", np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    (tmp_path / "junk.nii").write_bytes(b"junk")
    with pytest.warns(UserWarning, match=r"refused: junk\.nii"):
        scans = load(tmp_path)
    assert [scan.id for scan in scans] == ["a/4_test_stack", "b"]
    assert all(score(scan) <= 0.51 for scan in scans)


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "junk.dcm").write_bytes(b"junk")
    with pytest.warns(UserWarning, match="refused"), pytest.raises(ReadError) as caught:
        load(tmp_path)
    assert "1 refused" in caught.value.what
    assert "medgan inspect" in caught.value.hint


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    paths = save(make_series(), tmp_path)
    (found,) = discover(tmp_path).scans
    paths[4].write_bytes(b"changed")
    with pytest.raises(ReadError, match=paths[4].name):
        load_found(found)


@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_a_file_that_was_deleted_is_told(kind: str, tmp_path: Path) -> None:
    if kind == "dicom":
        paths = save(make_series(), tmp_path)
    else:
        stored = np.rint(world_volume(STRAIGHT)).astype("i2")
        paths = [write(tmp_path / "a.nii", stored, STRAIGHT)]
    (found,) = discover(tmp_path).scans
    paths[0].unlink()
    with pytest.raises(ReadError) as caught:
        load_found(found)
    assert caught.value.where == found.id
    assert "changed" in caught.value.hint


def test_what_was_found_crosses_a_process_border(tmp_path: Path) -> None:
    save(make_series(), tmp_path)
    (found,) = discover(tmp_path).scans
    assert score(load_found(pickle.loads(pickle.dumps(found)))) <= 0.51


def test_synthetic_slices_say_so(tmp_path: Path) -> None:
    stack = make_series()
    for n, dataset in enumerate(stack):
        dataset.add_new(0x0008001C, "CS", "YES" if n in (3, 4) else "NO")
    save(stack, tmp_path)
    (scan,) = load(tmp_path)
    assert np.flatnonzero(scan.synthetic).tolist() == [3, 4]


def test_gaps_take_the_rescale_of_their_nearest_slice_and_hold_no_value(tmp_path: Path) -> None:
    stack = make_series(intercept=-1000.0)
    for n, dataset in enumerate(stack):
        dataset.RescaleSlope = f"{1 + n / 100:.2f}"
        set_pixels(dataset, truth(Series(), np.array(dataset.ImagePositionPatient)))
    save(without(stack, 4, 5), tmp_path)
    (scan,) = load(tmp_path)
    assert scan.slope[4:6].tolist() == [1.03, 1.06]
    assert np.isnan(scan.values[:, :, 4:6]).all()
    assert not np.isnan(scan.values[:, :, 3]).any()


@pytest.mark.parametrize(
    ("signed", "bits", "dtype"), [(True, 16, "int16"), (False, 16, "uint16"), (False, 12, "uint16")]
)
def test_the_stored_type_is_kept(signed: bool, bits: int, dtype: str, tmp_path: Path) -> None:
    save(make_series(signed=signed, bits_stored=bits), tmp_path)
    assert load(tmp_path)[0].stored.dtype == dtype


def test_mixed_signedness_gets_the_smallest_type_that_holds_both(tmp_path: Path) -> None:
    stack = make_series(bits_stored=12)
    stack[0].PixelRepresentation, stack[0].RescaleIntercept = 1, "0"
    set_pixels(stack[0], truth(Series(), np.array(stack[0].ImagePositionPatient)))
    save(stack, tmp_path)
    (scan,) = load(tmp_path)
    assert scan.stored.dtype == np.int16
    assert score(scan) <= 0.51


def save_padded(folder: Path, values: list[int | None], shown: list[int]) -> None:
    """Write a stack that declares one padding value for each slice, and shows another in it."""
    stack = make_series(n=len(values), signed=True, intercept=0.0)
    for dataset, declared, padding in zip(stack, values, shown, strict=True):
        if declared is not None:
            dataset.add_new(0x00280120, "SS", declared)
        physical = truth(Series(), np.array(dataset.ImagePositionPatient))
        set_pixels(dataset, physical, padding=padding)
    save(stack, folder)


def test_padding_that_some_slices_declare_counts_in_all_and_is_noted(tmp_path: Path) -> None:
    save_padded(tmp_path, [-2000, None, None, -2000, -2000], [-2000] * 5)
    (found,) = discover(tmp_path).scans
    assert any("only some slices declare a padding value" in note for note in found.notes)
    scan = load_found(found)
    assert scan.padding == -2000
    assert score(scan) <= 0.51


def test_padding_that_differs_from_slice_to_slice_is_refused(tmp_path: Path) -> None:
    values = [-2000, -2000, -1500, -1500, -1500]
    save_padded(tmp_path, list(values), values)
    listing = discover(tmp_path)
    (refusal,) = listing.refused
    assert listing.scans == ()
    assert "Pixel Padding Value differs from slice to slice (-2000, -1500)" in refusal.reason
    assert len(refusal.files) == 5


def test_palette_colours_are_no_grey_values(tmp_path: Path) -> None:
    stack = make_series()
    for dataset in stack:
        dataset.PhotometricInterpretation = "PALETTE COLOR"
    save(stack, tmp_path)
    (entry,) = discover(tmp_path).set_aside
    assert (entry.reason, len(entry.files)) == ("colour picture, no scan", 12)
