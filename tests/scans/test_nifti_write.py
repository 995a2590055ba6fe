from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from scipy.spatial.transform import Rotation

from medgan.errors import SeriesError, UsageError
from medgan.scans import Grid, Scan, Source, is_tilted, load, straighten
from medgan.scans.nifti_write import write_labels, write_mask, write_nifti
from medgan.scans.validate_nifti import validate_nifti

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SHAPE = (9, 8, 7)


def oblique_affine() -> np.ndarray:
    a, b = 0.4, -0.25
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag([-0.9, -1.1, 2.5])
    affine[:3, 3] = 31.25, -17.5, 64.125
    return affine


def make_scan(dtype="int16", slope=1.0, intercept=0.0, **changes) -> Scan:
    rng = np.random.default_rng(3)
    stored = rng.uniform(-900 if np.dtype(dtype).kind != "u" else 0, 3000, SHAPE)
    if np.dtype(dtype).itemsize == 1:
        stored = stored / 3000 * 100
    fields = {
        "id": "a",
        "stored": stored.astype(dtype),
        "grid": Grid(SHAPE, oblique_affine()),
        "axis": 2,
        "present": np.ones(7, bool),
        "synthetic": np.arange(7) == 3,
        "slope": np.repeat(slope, 7),
        "intercept": np.repeat(intercept, 7),
        "modality": "ct",
        "format": "dicom",
        "source": Source(Path(), ()),
    }
    return Scan(**(fields | changes))


TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_stored_values_come_back_bit_for_bit_with_type_and_scaling(tmp_path, dtype, name):
    scan = make_scan(dtype, slope=0.3, intercept=-1024.0)
    path = write_nifti(scan, tmp_path / name)
    image = nib.load(path)
    raw = image.dataobj.get_unscaled()
    assert raw.dtype == scan.stored.dtype
    assert raw.tobytes() == scan.stored.tobytes()
    assert image.dataobj.slope == pytest.approx(0.3)
    assert image.dataobj.inter == -1024
    assert np.allclose(image.get_fdata(), scan.values, rtol=1e-6, atol=1e-3)
    (read,) = load(path)
    assert read.stored.tobytes() == scan.stored.tobytes()


def test_the_world_is_the_same_for_sform_qform_and_itk(tmp_path):
    scan = make_scan()
    path = write_nifti(scan, tmp_path / "a.nii.gz")
    header = nib.load(path).header
    for affine, code in (header.get_sform(coded=True), header.get_qform(coded=True)):
        assert code == 1
        corners = np.array([(i, j, k, 1) for i in (0, 8) for j in (0, 7) for k in (0, 6)])
        assert np.abs(corners @ (affine - scan.affine).T).max() < 1e-3
    assert header.get_xyzt_units()[0] == "mm"
    image = SimpleITK.ReadImage(str(path))
    for index in ((0, 0, 0), (8, 7, 6), (3, 1, 5)):
        lps = (LPS @ scan.affine @ (*index, 1))[:3]
        assert np.abs(np.subtract(image.TransformIndexToPhysicalPoint(index), lps)).max() < 1e-3
        assert image[index] == scan.stored[index]


@pytest.mark.parametrize(
    ("synthetic", "word"), [((3,), "restored"), (range(7), "synthetic"), ((), "written")]
)
def test_it_says_who_made_it(tmp_path, synthetic, word):
    flags = np.zeros(7, bool)
    flags[list(synthetic)] = True
    path = write_nifti(make_scan(synthetic=flags), tmp_path / "a.nii", provenance="medgan x 12")
    text = nib.load(path).header["descrip"].item().decode()
    assert text == f"{word} by medgan. medgan x 12"


def test_rescale_that_differs_per_slice_becomes_physical_values(tmp_path):
    slope = np.linspace(0.5, 2, 7)
    scan = make_scan(slope=1.0)
    scan = replace(scan, slope=slope)
    image = nib.load(write_nifti(scan, tmp_path / "a.nii.gz"))
    assert image.get_data_dtype() == np.float32
    assert np.array_equal(np.asanyarray(image.dataobj), scan.values)


def test_rescale_of_missing_slices_does_not_count(tmp_path):
    scan = make_scan()
    slope = scan.slope.copy()
    slope[5] = 7
    scan = replace(scan.without([5]), slope=slope)
    image = nib.load(write_nifti(scan, tmp_path / "a.nii"))
    assert image.dataobj.get_unscaled().tobytes() == scan.stored.tobytes()


def test_same_input_gives_the_same_bytes(tmp_path):
    first = write_nifti(make_scan(), tmp_path / "a.nii.gz").read_bytes()
    second = write_nifti(make_scan(), tmp_path / "b.nii.gz").read_bytes()
    assert first == second


def tilted() -> Grid:
    affine = oblique_affine()
    affine[:3, 2] += 0.2 * affine[:3, 1]
    return Grid(SHAPE, affine)


def test_a_tilted_stack_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(SeriesError) as refusal:
        write_nifti(make_scan(grid=tilted()), tmp_path / "a.nii.gz")
    assert "drift" in refusal.value.what
    assert "--sheared" in refusal.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("leaning", [0, 1, 2])
@pytest.mark.parametrize("on", [0, 1, 2])
def test_only_what_resampling_mends_is_refused_as_tilted(tmp_path, axis, leaning, on):
    affine = oblique_affine()
    affine[:3, leaning] += 0.2 * affine[:3, on] * (leaning != on)
    n = SHAPE[axis]
    flags = {"present": np.ones(n, bool), "synthetic": np.zeros(n, bool)}
    rescale = {"slope": np.ones(n), "intercept": np.zeros(n)}
    scan = replace(make_scan(), grid=Grid(SHAPE, affine), axis=axis, **flags, **rescale)
    if is_tilted(scan):
        assert leaning != on
        assert axis in (leaning, on)
        with pytest.raises(SeriesError, match="tilted"):
            write_nifti(scan, tmp_path / "a.nii")
        path = write_nifti(straighten(scan), tmp_path / "b.nii")
        assert nib.load(path).header["qform_code"] == 1
        return
    image = nib.load(write_nifti(scan, tmp_path / "a.nii"))
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    assert image.header["qform_code"] == (leaning == on)


@pytest.mark.parametrize("degrees", [0, 90, 179, 179.9, 179.99, 180])
def test_a_qform_that_is_rounded_too_coarsely_is_left_out(tmp_path, degrees):
    """Of a turn by nearly half a circle, a quaternion of float32 forgets how nearly."""
    shape = (200, 200, 100)
    n = shape[2]
    stored = np.zeros(shape, np.int16)
    flags = {"present": np.ones(n, bool), "synthetic": np.zeros(n, bool)}
    rescale = {"slope": np.ones(n), "intercept": np.zeros(n)}
    for seed in range(6):
        axis = np.random.default_rng(seed).standard_normal(3)
        turn = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis))
        affine = np.eye(4)
        affine[:3, :3] = turn.as_matrix() * (0.8, 0.8, 2.0)
        scan = replace(make_scan(), stored=stored, grid=Grid(shape, affine), **flags, **rescale)
        path = write_nifti(scan, tmp_path / f"{degrees}_{seed}.nii")
        validate_nifti(path, scan)
        assert degrees >= 179 or nib.load(path).header["qform_code"] == 1


def test_a_tilted_stack_keeps_its_shear_on_request(tmp_path):
    path = write_nifti(make_scan(grid=tilted()), tmp_path / "a.nii.gz", sheared=True)
    header = nib.load(path).header
    assert np.abs(header.get_sform() - tilted().affine).max() < 1e-5
    assert header["qform_code"] == 0
    write_mask(make_scan(grid=tilted()), tmp_path / "m.nii.gz")
    assert np.abs(nib.load(tmp_path / "m.nii.gz").affine - tilted().affine).max() < 1e-5


def source_file(path: Path, volumes: int) -> list[Scan]:
    """A NIfTI written by nibabel, MNI space, with a time step, read by our reader."""
    rng = np.random.default_rng(0)
    image = nib.Nifti1Image(
        rng.integers(0, 999, (*SHAPE, volumes)).astype(np.int16), oblique_affine()
    )
    image.set_sform(oblique_affine(), code=4)
    image.set_qform(oblique_affine(), code=4)
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4] = 1500
    image.header["cal_max"] = 700
    nib.save(image, path)
    return load(path)


def test_a_nifti_source_keeps_what_its_header_says(tmp_path):
    scans = source_file(tmp_path / "source.nii.gz", volumes=3)
    path = write_nifti(scans, tmp_path / "out.nii.gz")
    assert write_nifti(scans, tmp_path / "same.nii.gz").read_bytes() == path.read_bytes()
    written, source = nib.load(path), nib.load(tmp_path / "source.nii.gz")
    assert written.shape == (*SHAPE, 3)
    assert (np.asanyarray(written.dataobj) == np.asanyarray(source.dataobj)).all()
    for field in ("sform_code", "qform_code", "cal_max", "xyzt_units"):
        assert written.header[field] == source.header[field]
    assert np.allclose(written.header["pixdim"], source.header["pixdim"])
    assert np.allclose(written.affine, source.affine)


def test_the_mask_is_one_in_whole_synthetic_slices(tmp_path):
    for axis in range(3):
        n = SHAPE[axis]
        flags = np.arange(n) == 2
        scan = make_scan(
            axis=axis,
            present=np.ones(n, bool),
            synthetic=flags,
        )
        image = nib.load(write_mask(scan, tmp_path / f"{axis}_mask.nii.gz"))
        mask = np.asanyarray(image.dataobj)
        assert mask.dtype == np.uint8
        assert np.allclose(image.affine, scan.affine, atol=1e-5)
        along = np.moveaxis(mask, axis, 0)
        assert (along[2] == 1).all()
        assert along.sum() == along[2].size


def test_the_mask_of_several_volumes_is_4d(tmp_path):
    image = nib.load(write_mask([make_scan(), make_scan()], tmp_path / "m.nii.gz"))
    assert image.shape == (*SHAPE, 2)


@pytest.mark.parametrize(("largest", "dtype"), [(7, np.uint8), (300, np.uint16)])
def test_labels_take_the_smallest_type(tmp_path, largest, dtype):
    labels = np.zeros(SHAPE, np.int64)
    labels[2, 3, 4] = largest
    image = nib.load(write_labels(labels, make_scan().grid, tmp_path / "l.nii.gz"))
    assert image.get_data_dtype() == dtype
    assert (np.asanyarray(image.dataobj) == labels).all()
    assert np.allclose(image.affine, make_scan().affine, atol=1e-5)


def test_labels_that_do_not_fit_the_grid_are_refused(tmp_path):
    with pytest.raises(UsageError, match="do not fit"):
        write_labels(np.zeros((2, 2, 2), int), make_scan().grid, tmp_path / "l.nii.gz")
    with pytest.raises(UsageError, match="do not fit"):
        write_labels(np.full(SHAPE, -1), make_scan().grid, tmp_path / "l.nii.gz")


def test_volumes_that_differ_are_refused(tmp_path):
    with pytest.raises(UsageError, match="differ"):
        write_nifti([make_scan("int16"), make_scan("int32")], tmp_path / "a.nii.gz")
    with pytest.raises(UsageError, match="no scan"):
        write_nifti([], tmp_path / "a.nii.gz")
