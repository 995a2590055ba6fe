from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medgan.data.splits import part_of_hash
from medgan.evaluation.common_grid import common_grid
from medgan.evaluation.copies import find_copies
from medgan.evaluation.image_set import ImageSet, join
from medgan.scans import load
from tests.evaluation.ellipsoids import ellipsoids

SHAPES = [(40, 40), (20, 24, 20)]


def altered(images: np.ndarray, how: str, rng: np.random.Generator) -> np.ndarray:
    change = {
        "noise": lambda x: x + 0.1 * rng.standard_normal(x.shape),
        "blur": lambda x: gaussian_filter(x, 0.7),
        "shift": lambda x: np.roll(x, (1, -1), (0, 1)),
        "flip": lambda x: x[:, ::-1],
        "contrast": lambda x: 0.8 * x - 0.1,
    }[how]
    return np.stack([change(image) for image in images]).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", ["noise", "blur", "shift", "flip", "contrast"])
def test_altered_copies_are_found_and_named(
    shape: tuple[int, ...], how: str, rng: np.random.Generator
) -> None:
    train, held_out, honest = (ellipsoids(n, s, shape) for n, s in ((40, 1), (30, 2), (57, 3)))
    stolen = ImageSet(altered(train.images[[4, 7, 30]], how, rng), names=("a", "b", "c"))
    fake = join(stolen, honest)
    found = find_copies(fake, train, held_out)
    named = {copy.name: copy.source for copy in found.copies}
    assert {"a": "4", "b": "7", "c": "30"}.items() <= named.items()
    # Of 57 honest images at most 5 % may be called copies.
    assert len(found.copies) <= 3 + 2
    assert found.duplicate_share <= 0.05
    assert found.nearest_median < found.threshold


def test_blends_of_two_are_found() -> None:
    train, held_out = ellipsoids(40, 1, (40, 40)), ellipsoids(30, 2, (40, 40))
    blends = ImageSet((train.images[:20] + train.images[20:]) / 2)
    assert find_copies(blends, train, held_out).copy_share > 0.9


def test_duplicates_are_counted() -> None:
    train, held_out = ellipsoids(30, 1, (40, 40)), ellipsoids(30, 2, (40, 40))
    fake = ellipsoids(20, 3, (40, 40)).take([0, 1, 2] * 10)
    found = find_copies(fake, train, held_out)
    assert found.duplicate_share == 1
    assert found.real_duplicate_share == 0


def test_without_held_out_images_the_training_ones_are_compared_with_each_other() -> None:
    real = ellipsoids(40, 1, (40, 40))
    fake = join(real.take([3]), ellipsoids(20, 2, (40, 40)))
    found = find_copies(fake, real, None)
    assert found.copies[0].source == "3"
    assert found.copies[0].correlation == pytest.approx(1, abs=1e-4)
    assert len(found.copies) <= 2


def test_large_images_are_searched_at_lower_resolution() -> None:
    train, held_out = (ellipsoids(n, s, (300, 280)) for n, s in ((8, 1), (6, 2)))
    found = find_copies(train.take([5, 6]), train, held_out)
    assert sorted(copy.source for copy in found.copies) == ["5", "6"]


@pytest.mark.slow
def test_five_per_cent_of_real_hippocampi_among_unseen_ones(
    data_dir: Path, rng: np.random.Generator
) -> None:
    groups: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for scan in load(data_dir / "hippocampus" / "images"):
        part = part_of_hash(scan.content_hash)
        assert part is not None
        groups[part.role].append(scan.values)
    train = ImageSet(common_grid(groups["train"] + groups["validation"], (32, 48, 32)))
    unseen = common_grid(groups["test"], (32, 48, 32))
    honest = np.stack([gaussian_filter(image, 0.7) for image in unseen[:30]])
    for how in ("noise", "blur", "flip"):
        stolen = ImageSet(altered(train.images[[3, 60]], how, rng), names=("a", "b"))
        found = find_copies(join(stolen, ImageSet(honest)), train, ImageSet(unseen[30:]))
        named = {copy.name: copy.source for copy in found.copies}
        assert (named.pop("a"), named.pop("b")) == ("3", "60")
        assert len(named) <= 0.05 * len(honest)
