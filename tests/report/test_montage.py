from pathlib import Path

import numpy as np
from PIL import Image

from medgan.report import real_beside_virtual
from medgan.report.canvas import MADE
from medgan.report.montage import OUTLINES

RNG = np.random.default_rng(0)


def images(n: int, offset: float = 0.0) -> list[np.ndarray]:
    return [RNG.random((20, 16)) + offset for _ in range(n)]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


def near(path: Path, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels(path) - colour).max(axis=-1) <= 6


def test_it_takes_any_number(tmp_path: Path) -> None:
    for n in (1, 3, 12):
        with Image.open(real_beside_virtual(images(n), images(n), tmp_path / f"{n}.png")) as opened:
            assert opened.width > opened.height / 4


def test_labels_are_outlined(tmp_path: Path) -> None:
    label, flat = np.zeros((20, 16), int), [np.zeros((20, 16))]
    label[5:10, 4:12] = 1
    plain = real_beside_virtual(flat, flat, tmp_path / "a.png")
    outlined = real_beside_virtual(
        flat, flat, tmp_path / "b.png", real_labels=[label], fake_labels=[label]
    )
    assert near(plain, OUTLINES[0]).sum() == 0
    _, columns = np.nonzero(near(outlined, OUTLINES[0]))
    half = pixels(outlined).shape[1] // 2
    assert columns.min() < half < columns.max()


def test_virtual_slices_are_framed_in_the_marking_colour_at_the_right(tmp_path: Path) -> None:
    path = real_beside_virtual(images(4), images(4), tmp_path / "a.png")
    _, columns = np.nonzero(near(path, MADE)[30:-30])
    assert columns.min() > pixels(path).shape[1] * 0.45


def test_one_window_for_both_so_that_a_dark_virtual_set_looks_dark(tmp_path: Path) -> None:
    path = real_beside_virtual(images(4), images(4, offset=-0.8), tmp_path / "a.png")
    picture = pixels(path)[40:-40]
    half = picture.shape[1] // 2
    assert picture[:, :half].mean() > 2 * picture[:, half:].mean()
