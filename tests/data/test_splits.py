"""The split: the list of the research note, content and not names, seeds for unknown folders."""

import os
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.data import Case, crop_to_part, part_of_hash, split_cases
from medgan.data.splits import SplitFile
from medgan.scans import Found, Grid, Scan, Source, discover, load_found
from medgan.settings import find, parse, read_yaml

DATA = Path(os.environ.get("MEDGAN_DATA", Path(__file__).parents[3] / "shared" / "data"))

# Copied from the protocol of the restoration groundwork, section 1.
VALIDATION = ("057", "160", "378", "051", "250", "390", "172", "041")
TEST = re.findall(
    r"\d+",
    """316 233 282 070 132 123 300 098 036 174 133 176 251 003 217 045 007 286 035 386 265 231
376 289 106 328 317 171 228 185 352 296 243 175 039 049 170 074 314 276 138 319 046 370 156 065
257 114 304 188 245 166 219 249 260 144 023 223 385 207""",
)


@pytest.fixture(scope="module")
def entries():
    path = find("splits", "configs")
    return parse(SplitFile, read_yaml(path), path.name).entries


def numbers(entries, part):
    chosen = [e.name for e in entries if e.part == part and e.name.startswith("hippocampus/")]
    return [re.search(r"_(\d+)", name)[1] for name in chosen]


def test_hippocampus_is_split_as_the_note_says(entries):
    assert numbers(entries, "validation") == list(VALIDATION)
    assert numbers(entries, "test") == TEST
    assert len(numbers(entries, "train")) == 132


def test_no_content_is_in_two_parts(entries):
    assert len({e.sha256 for e in entries}) == len(entries)
    assert all(re.fullmatch("[0-9a-f]{64}", e.sha256) for e in entries)


def test_what_is_never_trained_on(entries):
    test = " ".join(e.name for e in entries if e.part == "test")
    for name in (
        "mixed_scan_folder",
        "mr_t1_dicom",
        "brain_ms_mni/patient19",
        "brain_ms_clinical/patient12",
        "brain_tumour_studies",
        "ct_body_jpeg2000_dicom",
        "mr_enhanced_multiframe_phantom",
    ):
        assert name in test


def images_of(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"no {name} in MEDGAN_DATA")
    return [load_found(found) for found in discover(folder).images]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("brain_ms_clinical/patient12", "test"),
        ("brain_tumour_studies", "test"),
        ("mixed_scan_folder", "test"),
        ("mr_enhanced_multiframe_phantom", "test"),
        ("ct_abdomen_nifti", "train"),
    ],
)
def test_real_scans_are_recognised(name, role):
    scans = images_of(name)
    assert scans
    assert {part_of_hash(scan.content_hash).role for scan in scans} == {role}


def test_a_renamed_copy_is_still_a_test_scan(tmp_path):
    source = DATA / "hippocampus" / "images" / f"hippocampus_{TEST[0]}.nii.gz"
    if not source.is_file():
        pytest.skip("no hippocampus in MEDGAN_DATA")
    shutil.copy(source, tmp_path / "innocent.nii.gz")
    (found,) = discover(tmp_path).images
    assert part_of_hash(load_found(found).content_hash).role == "test"


def test_half_of_a_stack_is_trained_on(tmp_path):
    (scan,) = images_of("ct_abdomen_dicom")
    part = part_of_hash(scan.content_hash)
    trained = crop_to_part(scan, part)
    # z of the README of the shared data: instance 61 to 80 lie at -139.0 ... -186.5 mm.
    assert {scan.instances[p] for p in part.positions} == set(range(81, 101))
    assert trained.grid.position([0, 0, trained.n_positions - 1])[2] == pytest.approx(-189.0)
    # The other half, copied to a folder of its own, is known as test.
    for number in range(61, 81):
        shutil.copy(DATA / "ct_abdomen_dicom" / f"1-{number:03d}.dcm", tmp_path)
    (found,) = discover(tmp_path).images
    assert part_of_hash(load_found(found).content_hash).role == "test"


def phantom(axis=2, shape=(4, 5, 6)):
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (10, 20, 30)
    n = shape[axis]
    return Scan(
        id="phantom",
        stored=np.arange(np.prod(shape), dtype=np.int16).reshape(shape),
        grid=Grid(shape, affine),
        axis=axis,
        present=np.ones(n, bool),
        synthetic=np.zeros(n, bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
        modality="ct",
        format="nifti",
        source=Source(Path("x"), (Path("x"),)),
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cropping_keeps_every_voxel_where_it_was(axis):
    from medgan.data import Part

    scan = phantom(axis)
    cropped = crop_to_part(scan, Part("train", range(1, 3)))
    assert cropped.n_positions == 2
    first = [0, 0, 0]
    first[axis] = 1
    np.testing.assert_allclose(cropped.grid.position([0, 0, 0]), scan.grid.position(first))
    np.testing.assert_array_equal(cropped.slice(0), scan.slice(1))


def test_unknown_scan_has_no_part():
    assert part_of_hash(phantom().content_hash) is None


def cases(n):
    scan = phantom()
    found = Found(
        id="x",
        kind="image",
        format="nifti",
        modality="mr",
        grid=scan.grid,
        axis=2,
        present=scan.present,
        source=scan.source,
        n_files=1,
    )
    return [Case(f"case{i}", replace(found, id=f"case{i}")) for i in range(n)]


def test_unknown_folder_holds_out_15_percent_by_seed_and_content():
    made = cases(40)
    hashes = {case.id: f"{i:064x}" for i, case in enumerate(made)}
    split = split_cases(made, hashes, seed=3)
    assert (len(split.train), len(split.validation), len(split.test)) == (34, 0, 6)
    shuffled = made.copy()
    random.Random(1).shuffle(shuffled)
    renamed = [replace(case, id=f"z{case.id}") for case in shuffled]
    again = split_cases(renamed, {f"z{key}": value for key, value in hashes.items()}, seed=3)
    assert {case.id for case in again.test} == {f"z{case.id}" for case in split.test}
    other = split_cases(made, hashes, seed=4)
    assert {case.id for case in other.test} != {case.id for case in split.test}


def test_few_unknown_cases_are_all_trained_on():
    made = cases(3)
    split = split_cases(made, {case.id: case.id for case in made}, seed=0)
    assert len(split.train) == 3


def test_known_cases_follow_the_file(entries):
    made = cases(3)
    known = [next(e.sha256 for e in entries if e.part == p) for p in ("train", "test")]
    hashes = dict(zip([case.id for case in made], [*known, "0" * 64], strict=True))
    split = split_cases(made, hashes, seed=0)
    assert [case.id for case in split.train] == ["case0", "case2"]
    assert [case.id for case in split.test] == ["case1"]
