import numpy as np
import pytest

from medgan.data.phantom_body import LABELS as BODY
from medgan.data.phantom_body import paint_trunk
from medgan.data.phantom_brain import LABELS as BRAIN
from medgan.data.phantom_brain import paint_head
from medgan.data.phantom_field import Canvas, Points, capsule, ellipsoid, waves
from medgan.data.phantoms import grid_over

COVERS = ("phantom_body", "phantom_brain", "phantom_field")

FINE = grid_over((61, 61, 61), (1.0, 1.0, 1.0))


def test_volumes_are_those_on_paper():
    points = Points.of(FINE)
    inside = (ellipsoid(points, (2, -3, 1), (20, 14, 9)) < 0).sum()
    assert inside == pytest.approx(4 / 3 * np.pi * 20 * 14 * 9, rel=0.01)
    rod = (capsule(points, (0.3, 0.2, -12.4), (0.3, 0.2, 11.6), 6.0) < 0).sum()
    assert rod == pytest.approx(np.pi * 36 * 24 + 4 / 3 * np.pi * 6**3, rel=0.02)


def test_distances_are_in_millimetres_at_the_surface():
    points = Points.of(FINE)
    ball = ellipsoid(points, (0, 0, 0), (15, 15, 15))
    assert ball[45, 30, 30] == pytest.approx(0, abs=1e-4)
    assert ball[50, 30, 30] == pytest.approx(5, abs=1e-4)
    rod = capsule(points, (0, 0, -12), (0, 0, 12), 6)
    assert rod[30, 40, 30] == pytest.approx(4, abs=1e-4)


def test_waves_have_unit_variance():
    points = Points.of(grid_over((60, 60, 60), (4.0, 4.0, 4.0)))
    field = waves(points, np.random.default_rng(0), 8, (20, 40))
    assert field.dtype == np.float32
    assert field.std() == pytest.approx(1, rel=0.15)
    assert abs(field.mean()) < 0.1


def test_turned_points_are_rigid_but_for_the_scale():
    points = Points.of(FINE)
    turned = points.turned((0.2, -0.1, 0.3), (3.0, 4.0, 5.0), 1.1)
    first = np.array([p[10, 20, 30] for p in (turned.x, turned.y, turned.z)])
    second = np.array([p[40, 25, 33] for p in (turned.x, turned.y, turned.z)])
    assert np.linalg.norm(first - second) == pytest.approx(np.hypot(np.hypot(30, 5), 3) / 1.1)
    centre = np.array([p[33, 34, 35] for p in (turned.x, turned.y, turned.z)])
    assert np.allclose(centre, 0, atol=1e-4)


def test_paint_has_soft_values_and_sharp_labels():
    canvas = Canvas((5,), background=0.0)
    canvas.paint(np.array([-9, -0.4, 0, 0.4, 9], dtype=np.float32), 10.0, label=3, edge_mm=1.6)
    assert np.allclose(canvas.values, [10, 7.5, 5, 2.5, 0])
    assert canvas.labels.tolist() == [3, 3, 0, 0, 0]


@pytest.mark.parametrize(("paint", "names"), [(paint_head, BRAIN), (paint_trunk, BODY)])
def test_organs_lie_where_they_belong(paint, names):
    grid = grid_over((60, 60, 40), (6.6, 5.5, 5.5) if names is BODY else (3.0, 3.6, 3.7))
    labels = paint(Points.of(grid), np.random.default_rng(1)).labels
    index = {name: value for value, name in names.items()}

    def centre(name):
        return grid.position(np.argwhere(labels == index[name]).mean(axis=0))

    if names is BODY:
        assert centre("liver")[0] > 30  # RAS: right is positive
        assert centre("spleen")[0] < -60
        assert centre("bone")[1] < -20
        assert centre("lung")[2] > centre("liver")[2] > centre("kidney")[2]
    else:
        assert abs(centre("white matter")[0]) < 6
        assert np.linalg.norm(centre("ventricle")) < 25
        assert labels.max() <= max(names)
