import json
from itertools import pairwise

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK

from medgan.data.pairs import index_cases
from medgan.data.phantom_cohort import draw_gaps, write_cohort
from medgan.data.phantoms import BODY_LABELS
from medgan.scans import discover, load

SHAPE = (48, 44, 20)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    return write_cohort(
        folder,
        n_labelled=3,
        shape=SHAPE,
        labelled="body",
        labelled_shape=(24, 24, 12),
    )


def test_what_was_removed_is_what_is_found(cohort):
    found = {scan.id.split("/")[0]: scan for scan in discover(cohort.damaged).scans}
    assert len(found) == len(cohort.removed) == 4
    for entry in cohort.removed:
        scan = found[entry.path.removesuffix(".nii.gz")]
        assert scan.missing == entry.positions
        assert scan.format == entry.format
        assert scan.modality == entry.modality
        heights = [scan.grid.position((0, 0, k))[2] for k in scan.missing]
        assert np.allclose(heights, entry.world_mm, atol=1e-3)
        if entry.instances:
            assert scan.missing_instances == entry.instances


def test_truth_is_whole_and_has_the_same_names(cohort):
    damaged, truth = discover(cohort.damaged), discover(cohort.truth)
    assert not truth.refused
    assert [scan.id for scan in truth.scans] == [scan.id for scan in damaged.scans]
    assert all(scan.missing == () for scan in truth.scans)


def test_what_is_left_equals_the_truth(cohort):
    truth = {scan.id: scan for scan in load(cohort.truth)}
    for scan in load(cohort.damaged):
        whole = truth[scan.id]
        assert np.allclose(scan.affine, whole.affine, atol=1e-3)
        for position in np.flatnonzero(scan.present):
            assert scan.slice_hash(position) == whole.slice_hash(position)


def test_the_truth_reads_back_in_other_programs(cohort):
    folder = cohort.truth / "body_02"
    files = [str(path) for path in sorted(folder.glob("*.dcm"))]
    assert len(files) == SHAPE[2]
    series = SimpleITK.ReadImage(files)
    assert series.GetSize() == SHAPE
    assert np.allclose(series.GetSpacing(), (400 / 48, 330 / 44, 220 / 20), atol=1e-3)
    values = SimpleITK.GetArrayFromImage(series)
    assert values.min() >= -1024
    assert np.median(values[:, 0]) < -950


def test_phantoms_say_that_they_are_synthetic(cohort):
    for path in (cohort.damaged / "brain_01").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        assert dataset["SyntheticData"].value == "YES"
        assert "not for diagnosis" in dataset.DerivationDescription
    header = nib.load(cohort.damaged / "brain_03.nii.gz").header
    assert header["descrip"].item().startswith(b"synthetic by medgan")


def test_labelled_cases_pair_up(cohort):
    cases = index_cases(cohort.labelled)
    assert len(cases.pairs) == 3
    assert not cases.unpaired
    assert all(case.label is not None for case in cases.pairs)
    document = json.loads((cohort.labelled / "dataset.json").read_text())
    assert document["labels"] == {"background": 0} | {n: v for v, n in BODY_LABELS.items()}
    for case in cases.pairs:
        labels = nib.load(case.label.source.files[0])
        image = nib.load(case.image.source.files[0])
        assert np.allclose(labels.affine, image.affine)
        assert set(np.unique(labels.dataobj)) <= {0, *BODY_LABELS}


def test_the_same_arguments_give_the_same_files(tmp_path):
    knobs = {"n_damaged": 3, "n_labelled": 1, "shape": (16, 16, 12), "labelled_shape": (16, 16, 8)}
    for name in ("a", "b"):
        write_cohort(tmp_path / name, seed=5, **knobs)
    write_cohort(tmp_path / "b", seed=5, **knobs)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    again = sorted(p.relative_to(tmp_path / "b") for p in (tmp_path / "b").rglob("*.*"))
    assert files == again
    for file in files:
        if (tmp_path / "a" / file).is_file():
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("n", [5, 8, 12, 20, 40, 90])
def test_gaps_are_interior_and_leave_most(n):
    for seed in range(50):
        gone = draw_gaps(np.random.default_rng(seed), n)
        assert gone
        assert len(set(gone)) == len(gone) <= n / 4
        assert gone == tuple(sorted(gone))
        assert gone[0] >= 2
        assert gone[-1] < n - 2
        between = [b - a for a, b in pairwise(gone) if b - a > 1]
        assert all(step > 2 for step in between)


def test_a_stack_too_short_keeps_its_slices():
    assert draw_gaps(np.random.default_rng(0), 4) == ()
