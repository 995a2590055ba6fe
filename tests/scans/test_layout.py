import nibabel as nib
import numpy as np
import pytest

from medgan.errors import SeriesError
from medgan.scans import Grid
from medgan.scans.layout import as_stored, as_viewed

SHAPE = (4, 5, 6)
ORIENTATIONS = ["RAS", "LPS", "LPI", "ASR", "SPL", "PIR"]


def grid_towards(letters: str) -> Grid:
    """Grid whose axes point to these directions, with 1, 2 and 3 mm steps."""
    affine = np.zeros((4, 4))
    for axis, (world, sign) in enumerate(nib.orientations.axcodes2ornt(letters)):
        affine[int(world), axis] = sign * (axis + 1)
    affine[:, 3] = 5, -6, 7, 1
    return Grid(SHAPE, affine)


def oblique(letters: str) -> Grid:
    a, b = 0.3, -0.2
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x
    return Grid(SHAPE, affine @ grid_towards(letters).affine)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("letters", ORIENTATIONS)
@pytest.mark.parametrize("make", [grid_towards, oblique])
def test_every_voxel_stays_where_it_was(make, letters, axis):
    grid = make(letters)
    voxels = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    layout = as_viewed(grid, axis)
    planes = layout.planes(voxels)
    index = np.stack(np.meshgrid(*map(np.arange, layout.shape), indexing="ij"), axis=-1)
    lps = index @ layout.affine_lps[:3, :3].T + layout.affine_lps[:3, 3]
    back = np.linalg.inv(grid.affine_lps)
    voxel = np.rint(lps @ back[:3, :3].T + back[:3, 3]).astype(int)
    expected = voxels[tuple(np.moveaxis(voxel, -1, 0))]
    assert (planes.transpose(2, 1, 0) == expected).all()
    for number in range(layout.n_slices):
        slab = np.take(voxels, layout.position_of(number), axis)
        assert set(planes[number].ravel()) == set(slab.ravel())


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_slices_count_along_the_normal(letters, axis):
    layout = as_viewed(oblique(letters), axis)
    normal = np.cross(*layout.orientation)
    assert (layout.corner(1) - layout.corner(0)) @ normal == pytest.approx(axis + 1)
    assert layout.slice_step_mm == pytest.approx(axis + 1)


@pytest.mark.parametrize(
    ("letters", "axis", "columns", "rows"),
    [
        ("RAS", 2, "L", "P"),
        ("LPS", 2, "L", "P"),
        ("RAS", 1, "L", "I"),
        ("RAS", 0, "P", "I"),
        ("ASR", 2, "P", "I"),
    ],
)
def test_images_are_turned_the_way_they_are_looked_at(letters, axis, columns, rows):
    layout = as_viewed(grid_towards(letters), axis)
    lps = {"L": (1, 0, 0), "P": (0, 1, 0), "I": (0, 0, -1)}
    assert layout.orientation.tolist() == [list(lps[columns]), list(lps[rows])]


def test_a_dicom_stack_keeps_its_layout():
    grid = oblique("LPS")
    layout = as_stored(grid)
    voxels = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    assert (layout.planes(voxels)[3] == voxels[:, :, 3].T).all()
    assert layout.pixel_spacing == pytest.approx((2, 1))
    assert np.allclose(layout.corner(2), (grid.affine_lps @ (0, 0, 2, 1))[:3])


def test_images_that_are_no_rectangles_are_refused():
    affine = np.eye(4)
    affine[0, 1] = 0.2
    with pytest.raises(SeriesError) as refusal:
        as_viewed(Grid(SHAPE, affine), 2)
    assert "right angles" in refusal.value.what
    assert "NIfTI" in refusal.value.hint


def test_tilt_is_kept():
    affine = np.eye(4)
    affine[1, 2] = 0.4
    layout = as_viewed(Grid(SHAPE, affine), 2)
    assert np.allclose(np.abs(layout.corner(1) - layout.corner(0)), (0, 0.4, 1))
