"""Picture virtual hippocampi beside real ones: the best, the median and the worst of 200.

    python benchmarks/virtual_extremes.py DATA --out docs/images/virtual_best_median_worst.png
        [--model hippocampus-3d] [--n 200] [--seed 0]

Ranked by the distance to the nearest of the test volumes in what random networks see of image and
labels (`evaluation.features`), standardised by the training volumes; below each stands that nearest
one. Planes through the middle, labels outlined.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medgan.assessment.image_cases import as_sets, real_cases, virtual_cases
from medgan.evaluation import ImageSet
from medgan.evaluation.features import random_features, standardised
from medgan.models import load_model
from medgan.synthesis import export_case, synthesize, write_manifest

HOME = "hippocampus"
ZOOM, MARGIN = 4, 2
COLOURS = {1: (255, 170, 40), 2: (80, 200, 255)}
N_COLOURS = 128
WORDS = ("best", "median", "worst")


def main() -> None:
    """Sample, rank and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="hippocampus-3d", help="name or folder")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = load_model(options.model)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cases = synthesize(model, options.n, options.seed)
        records = [export_case(case, folder, ["nifti"], model.info) for case in cases]
        write_manifest(records, folder, ["nifti"], model.info)
        genuine = real_cases(options.data / HOME)
        trained_on = set(model.info.training["sha256"])
        train = [case for case in genuine if case.sha256 in trained_on]
        test = [case for case in genuine if case.sha256 not in trained_on]
        real, fake, known = as_sets([test, virtual_cases(folder), train])
    away, nearest = nearest_real(known, real, fake)
    order = np.argsort(away)
    chosen = [int(order[0]), int(order[len(order) // 2]), int(order[-1])]
    columns = []
    for at in chosen:
        pair = [planes(fake, at), planes(real, int(nearest[at]))]
        columns.append(np.concatenate(pair, axis=0))
    picture = Image.fromarray(np.concatenate(columns, axis=1))
    size = picture.width * ZOOM, picture.height * ZOOM
    picture = picture.resize(size, Image.Resampling.NEAREST)
    picture.quantize(N_COLOURS).save(options.out, optimize=True)
    said = ", ".join(f"{word} {away[at]:.2f}" for word, at in zip(WORDS, chosen, strict=True))
    sys.stdout.write(f"{options.out.name}: above virtual, below the nearest real; {said}\n")


def nearest_real(
    known: ImageSet, real: ImageSet, fake: ImageSet
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distance of each virtual volume to the nearest real one, and which that is.

    Root mean square over features, averaged over networks, in standard deviations of the training
    volumes.
    """
    groups = [random_features(images, tuple(known.classes)) for images in (known, real, fake)]
    _, of_real, of_fake = standardised(*groups)
    squares = [
        ((one[:, None] - other[None]) ** 2).mean(axis=2)
        for one, other in zip(of_fake, of_real, strict=True)
    ]
    distances = np.sqrt(np.mean(squares, axis=0))
    return distances.min(axis=1), distances.argmin(axis=1)


def planes(images: ImageSet, at: int) -> NDArray[np.uint8]:
    """Draw the three middle planes of a volume in RAS order side by side."""
    assert images.labels is not None
    volume, labels = images.images[at], images.labels[at]
    drawn = []
    for axis, side in enumerate(volume.shape):
        plane, label = (np.take(x, side // 2, axis=axis).T[::-1] for x in (volume, labels))
        grey = np.rint((plane + 1) * 127.5).clip(0, 255).astype(np.uint8)
        tile = np.stack([grey] * 3, axis=-1)
        for value, colour in COLOURS.items():
            tile[outline(label == value)] = colour
        low = max(images.shape) - tile.shape[0]
        drawn.append(np.pad(tile, ((0, low + MARGIN), (0, MARGIN), (0, 0))))
    return np.concatenate(drawn, axis=1)


def outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region with a neighbour outside."""
    padded = np.pad(inside, 1)
    middle = (slice(1, -1), slice(1, -1))
    around = [np.roll(padded, step, axis)[middle] for axis in (0, 1) for step in (-1, 1)]
    return inside & ~np.logical_and.reduce(around)


if __name__ == "__main__":
    main()
