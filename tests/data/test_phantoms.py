import numpy as np
import pytest
from scipy import ndimage

from medgan.data.phantoms import BODY_LABELS, BRAIN_LABELS, as_scan, body_ct, brain_mr

SMALL = (48, 48, 20)
MAKERS = {"brain": (brain_mr, BRAIN_LABELS), "body": (body_ct, BODY_LABELS)}


@pytest.fixture(params=MAKERS)
def kind(request):
    return request.param


@pytest.fixture
def make(kind):
    return MAKERS[kind][0]


def test_the_seed_says_it_all(make):
    first, second, other = make(3, SMALL), make(3, SMALL), make(4, SMALL)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()
    assert np.corrcoef(first[0].ravel(), other[0].ravel())[0, 1] < 0.98
    assert (first[1] != other[1]).mean() > 0.02


def test_anatomy_is_a_function_of_world_position(make):
    coarse, coarse_labels, grid = make(5, (33, 33, 21), (6.0, 6.0, 6.0), noise=False)
    fine, fine_labels, fine_grid = make(5, (65, 65, 41), (3.0, 3.0, 3.0), noise=False)
    assert np.allclose(grid.position((4, 5, 6)), fine_grid.position((8, 10, 12)))
    assert np.abs(coarse - fine[::2, ::2, ::2]).max() <= 1e-3 * fine.max()
    assert (coarse_labels == fine_labels[::2, ::2, ::2]).all()


def test_grid_is_centred_and_ras(make):
    *_, grid = make(0, SMALL, (4.0, 3.0, 7.0))
    assert grid.orientation == "RAS"
    assert grid.spacing_mm == (4.0, 3.0, 7.0)
    ends = grid.position((0, 0, 0)) + grid.position((47, 47, 19))
    assert np.allclose(ends, 0)


def test_labels_are_named_and_nearly_all_there(kind, make):
    names = MAKERS[kind][1]
    *_, labels, _ = (None, *make(1, SMALL)[1:])
    found = set(np.unique(labels)) - {0}
    assert found <= set(names)
    assert len(found) >= len(names) - 1  # a lesion is not in every case


def test_lesions_come_in_some_cases_only(kind, make):
    lesion = max(MAKERS[kind][1])
    has = [bool((make(seed, (40, 40, 16))[1] == lesion).any()) for seed in range(24)]
    assert 2 <= sum(has) <= 20


def test_neighbouring_slices_are_alike_but_not_the_same(make):
    values, *_ = make(2, (64, 64, 40), noise=False)
    middle = values[:, :, 8:-8]
    near = np.abs(np.diff(middle, axis=2)).mean()
    far = np.abs(middle[:, :, 12:] - middle[:, :, :-12]).mean()
    assert 0 < near < 0.5 * far


def test_no_slice_is_constant(make):
    values, *_ = make(2, SMALL)
    assert (np.ptp(values, axis=(0, 1)) > 0).all()


def test_mr_noise_is_rician():
    noisy, *_ = brain_mr(7, (64, 64, 40))
    clean, labels, _ = brain_mr(7, (64, 64, 40), noise=False)
    assert noisy.min() >= 0
    air = clean < 0.02 * clean.max()
    air &= ndimage.binary_erosion(labels == 0, iterations=3)
    # Air: Rayleigh, whose mean is sqrt(pi/2) and whose deviation sqrt(2 - pi/2) times sigma.
    ratio = noisy[air].mean() / noisy[air].std()
    assert ratio == pytest.approx(np.sqrt(np.pi / 2) / np.sqrt(2 - np.pi / 2), rel=0.15)
    white = labels == 3
    error = noisy[white] - clean[white]
    sigma = noisy[air].std() / np.sqrt(2 - np.pi / 2)
    assert error.std() == pytest.approx(sigma, rel=0.15)
    assert abs(error.mean()) < sigma


def test_mr_tissues_have_t1_contrast_under_a_smooth_bias():
    clean, labels, _ = brain_mr(8, (64, 64, 40), noise=False)
    fluid, grey, white = (np.median(clean[labels == value]) for value in (1, 2, 3))
    assert fluid < grey < white
    smooth = clean[labels == 3]
    assert 0.02 < smooth.std() / smooth.mean() < 0.35


def test_ct_is_in_whole_hounsfield_units():
    values, labels, _ = body_ct(3, (64, 64, 40))
    assert (values == np.rint(values)).all()
    assert values.min() >= -1024
    assert values.max() <= 3071
    inside = {value: float(np.median(values[labels == value])) for value in BODY_LABELS}
    assert -950 < inside[1] < -750  # lung
    assert 40 < inside[2] < 150  # liver
    assert inside[5] > 150  # bone
    assert np.median(values[0]) < -950  # air beside the body


def test_as_scan_marks_every_slice_as_synthetic():
    values, _, grid = body_ct(0, SMALL)
    scan = as_scan(values, grid, "ct", "x")
    assert scan.synthetic.all()
    assert scan.present.all()
    assert scan.stored.dtype == np.int16
    assert np.array_equal(scan.values, values)
