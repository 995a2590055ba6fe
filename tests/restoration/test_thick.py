"""Thick slices of a phantom made thin: in the right places, agreeing with what was measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.errors import RestoreError, UsageError
from medgan.evaluation.fidelity import psnr
from medgan.interpolation import classical_fillers
from medgan.record import ScanRecord
from medgan.restoration import thick, thin_slices
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.net_thinner import NetThinner
from medgan.scans import Grid, Source
from tests.restoration import test_net_filler, test_net_thinner
from tests.restoration.phantom import intensity, make_holes, make_scan

FILLERS = classical_fillers()


def thick_and_truth(n=12, factor=3, axis=2, profile=(1, 1, 1)):
    """Slabs averaged from a world function that is sampled `factor` times as often."""
    weights = np.array(profile, float) / sum(profile)
    index = np.indices((30, 34)).astype(float)

    def plane(z):
        return intensity(index[0], index[1], z)

    reach = (len(weights) - factor) // 2
    thin = np.stack([plane(z / factor) for z in range(-reach, n * factor + reach)])
    slabs = np.stack(
        [
            np.tensordot(weights, thin[p * factor : p * factor + len(weights)], axes=1)
            for p in range(n)
        ]
    )
    truth = thin[reach : reach + n * factor]
    stored = np.moveaxis(slabs, 0, axis).astype(np.float32)
    spacing = [1.0, 1.0]
    spacing.insert(axis, 1.0)
    affine = np.diag([*spacing, 1.0])
    affine[axis, 3] = (factor - 1) / 2 / factor  # the centre of the first slab
    grid = Grid(stored.shape, affine)
    scan = make_scan(n, (30, 34), axis=axis, stored=stored, grid=grid)
    return scan, truth


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_thin_slices_lie_right_and_agree_with_the_thick_ones(axis, factor):
    scan, truth = thick_and_truth(factor=factor, axis=axis, profile=(1,) * factor)
    out, record = thin_slices(scan, factor, FILLERS)
    made = np.moveaxis(out.values, axis, 0)
    thick = np.moveaxis(scan.values, axis, 0)
    width = float(np.ptp(np.percentile(scan.values, [0.5, 99.5])))
    again = made.reshape(12, factor, 30, 34).mean(axis=1, dtype=np.float64)
    assert np.abs(again - thick).max() < 1e-4 * width
    np.testing.assert_allclose(out.spacing_mm[axis], 1 / factor)
    origin = np.zeros(3)
    origin[axis] = 0
    np.testing.assert_allclose(out.grid.position([0, 0, 0]), origin, atol=1e-9)
    assert out.synthetic.all()
    assert out.stored.dtype == np.float32
    assert psnr(made, truth, width) > psnr(np.repeat(thick, factor, axis=0), truth, width) + 3
    assert record.measured_hashes == {}
    assert len(record.filled) == 12 * factor
    assert record.shape == out.grid.shape
    assert {f.grade for f in record.filled} == {"unknown"}
    assert ScanRecord.from_json(record.as_json()) == record


def test_a_profile_wider_than_the_step_is_undone_too():
    profile = (1.0, 2.0, 2.0, 2.0, 1.0)
    scan, truth = thick_and_truth(n=20, factor=3, profile=profile)
    out, record = thin_slices(scan, 3, FILLERS, profile)
    box, _ = thin_slices(scan, 3, FILLERS)
    inner = slice(6, -6)  # what reaches beyond the stack was not measured

    def figure(result):
        return psnr(result.values[..., inner], np.moveaxis(truth, 0, 2)[..., inner], 1500)

    assert figure(out) > figure(box)
    assert any("profile" in note for note in record.notes)
    with pytest.raises(UsageError, match="odd number"):
        thin_slices(scan, 3, FILLERS, (1, 1))


def test_a_result_that_does_not_agree_is_our_fault_and_no_scans(monkeypatch):
    monkeypatch.setattr(thick, "AGREES", -1.0)
    scan, _ = thick_and_truth()
    with pytest.raises(RestoreError, match="off the thick ones") as caught:
        thin_slices(scan, 3, FILLERS)
    assert "report it" in caught.value.hint


def test_candidates_are_tried_one_scale_up_where_there_is_room():
    scan, _ = thick_and_truth(n=24, factor=2, profile=(1, 1))
    _, record = thin_slices(scan, 2, FILLERS)
    assert {c.task for c in record.candidates} == {"thick"}
    mixture, *singles = record.candidates
    assert mixture.name == "mixture"
    assert sum(c.weight for c in singles) == pytest.approx(1)
    assert record.n_hidden == 24
    short, _ = thick_and_truth(n=6, factor=2, profile=(1, 1))
    _, record = thin_slices(short, 2, FILLERS)
    assert record.candidates == ()
    assert any("too short" in note for note in record.notes)


@pytest.mark.parametrize("n_made", [1, 23])
def test_thick_slices_that_were_made_are_no_truth(n_made):
    scan, _ = thick_and_truth(n=24, factor=2, profile=(1, 1))
    _, record = thin_slices(replace(scan, synthetic=np.arange(24) < n_made), 2, FILLERS)
    assert (record.candidates, record.n_hidden) == ((), 0)
    assert any(f"{n_made} of the 24 thick slices were made" in note for note in record.notes)


def test_what_came_from_dicom_is_no_file_of_it_any_more():
    scan, _ = thick_and_truth()
    source = Source(Path("in"), tuple(Path(f"{n}.dcm") for n in range(12)))
    scan = replace(scan, format="dicom", source=source, instances=tuple(range(12)))
    out, _ = thin_slices(scan, 3, FILLERS)
    assert out.source.files == ()
    assert out.instances == ()


def test_too_few_slices_are_not_told_to_be_a_gap():
    with pytest.raises(RestoreError, match="at least three") as caught:
        thin_slices(make_scan(2), 2, FILLERS)
    assert caught.value.hint == "It has 2 slices: leave it out."


@pytest.mark.parametrize(("n", "width"), [(8, 6), (8, 28)])
def test_a_profile_that_cannot_be_undone_is_wrong_use_and_no_fault(n, width):
    scan, _ = thick_and_truth(n=n, factor=2, profile=(1, 1))
    with pytest.raises(UsageError, match="no thin slices can be found"):
        thin_slices(scan, 2, FILLERS, (1,) * width)


def test_gaps_are_filled_first():
    with pytest.raises(RestoreError, match="without a gap"):
        thin_slices(make_holes(make_scan(), [12]), 2, FILLERS)


@pytest.mark.parametrize(("profile", "kind"), [((), "thinner"), ((1, 2, 1), "restorer")])
def test_the_network_is_the_one_that_was_trained_for_such_slabs(profile, kind):
    """With too few slices to try, the favourite is used alone, and is what the record names."""
    thinner = NetThinner(test_net_thinner.model(trained=True), 1)
    filler = NetFiller(test_net_filler.model(trained=True), 1)
    names = {"thinner": "for-thick", "restorer": "for-gaps"}
    for maker, name in ((thinner, "for-thick"), (filler, "for-gaps")):
        info = maker.model.info.model_copy(update={"name": name})
        object.__setattr__(maker, "model", replace(maker.model, info=info))
    scan, _ = thick_and_truth(n=6, factor=3)
    out, record = thin_slices(scan, 3, (*FILLERS, filler, thinner), profile)
    assert record.candidates == ()
    assert record.model["name"] == names[kind]
    classical, _ = thin_slices(scan, 3, FILLERS, profile)
    assert np.abs(out.stored - classical.stored).max() > 1


def test_a_network_that_does_harm_one_scale_up_is_left_out():
    wild = test_net_thinner.model(trained=True)
    wild.network.last["2"].weight.mul_(50)
    scan, _ = thick_and_truth(n=24, factor=2, profile=(1, 1))
    out, record = thin_slices(scan, 2, (*FILLERS, NetThinner(wild, 1)))
    assert next(c.weight for c in record.candidates if c.name == "tiny") == 0
    classical, _ = thin_slices(scan, 2, FILLERS)
    np.testing.assert_allclose(out.stored, classical.stored, atol=1)
