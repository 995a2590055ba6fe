"""Judge virtual images against real ones: every figure beside what real images reach themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from medgan.data.streams import stream
from medgan.errors import DataError
from medgan.evaluation.copies import CopySearch, find_copies
from medgan.evaluation.figures import (
    Sets,
    plausibility_figure,
    random_network_figures,
    self_supervised_figures,
    texture_figures,
    trained_network_figures,
    utility_figures,
    variety_figures,
)
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.label_plausibility import Labels, plausibility
from medgan.evaluation.prior_bar import is_too_large, prior_images
from medgan.evaluation.sentence import in_a_sentence
from medgan.evaluation.synthetic_report import Figure, SyntheticReport, Verdict

FEW = 50
"""Images of a set below which the report warns of its own standard errors."""

FEWEST = 6
"""Coverage looks at five neighbours of each image."""

LEAST_SPREAD, MOST_SPREAD, MOST_DUPLICATES = 0.7, 1.3, 0.1
"""Healthy generators have 0.95 to 1.05 of the spread of real images; what is beyond has failed."""

MOST_OF_PRIOR = 200
"""Images of the prior that stand beside the virtual ones, at most as many as these."""

SAME_IMAGE = 0.98
"""Correlation of fine structure from which two images are one."""


def evaluate_synthetic(
    real_test: ImageSet,
    fake: ImageSet,
    train: ImageSet | None = None,
    *,
    seed: int = 0,
    utility: bool = False,
    progress: Callable[[str], None] | None = None,
) -> SyntheticReport:
    """Compare virtual images with real ones that the generator has not seen.

    Parameters
    ----------
    real_test
        Held-out real images, in -1..1 on the grid of the others.
    fake
        Virtual images, prepared by the same functions from files (`common_grid`).
    train
        Real images that the generator was trained on. None: the real images are cut in two halves,
        one of which stands in, and copies of any of them are searched for.
    seed
        Of random halves, subsets, pairs and of the segmenter's training.
    utility
        Also train U-Nets on virtual, real and both; minutes.
    progress
        Called with a word before each part.

    Returns
    -------
    SyntheticReport
        Labels are compared only where all sets have them. Virtual images that are not finite are
        counted against the verdict and left out of the figures.

    Raises
    ------
    DataError
        If grids differ, values leave -1..1, or a set has fewer than 6 images (12 real ones where
        no training images are given).
    """
    say = progress or (lambda word: None)
    _check(real_test, fake, train)
    fake, n_broken = _finite_only(fake)
    sets = _arrange(real_test, fake, train, seed)
    say("copies")
    pool, held_out = (real_test, None) if train is None else (train, real_test)
    search = find_copies(fake, pool, held_out)
    say("prior")
    if not is_too_large(len(sets.train), sets.train.shape, len(sets.classes)):
        n_drawn = min(len(fake), MOST_OF_PRIOR)
        sets = replace(sets, prior=prior_images(sets.train, sets.classes, n_drawn, seed))
    say("features")
    figures = random_network_figures(sets) + self_supervised_figures(sets)
    say("variety and texture")
    figures += variety_figures(sets, search) + texture_figures(sets)
    judged = None
    if sets.classes:
        say("labels")
        train_labels, test_labels, fake_labels = (_labels(images) for images in sets.all_three)
        judged = plausibility(train_labels, test_labels, fake_labels, sets.classes)
        figures.append(plausibility_figure(judged))
        figures += trained_network_figures(sets)
    if utility and sets.classes:
        say("utility")
        figures += utility_figures(sets)
    report = SyntheticReport(
        verdict=_verdict(figures, search, n_broken),
        sentence="",
        warnings=_warnings(sets, real_test, figures, search, n_broken),
        figures=tuple(figures),
        label_statistics=judged.statistics if judged else (),
        copies=search.copies,
        copy_threshold=search.threshold,
        nearest_median=search.nearest_median,
        held_out_median=search.held_out_median,
        n_fake=len(sets.fake),
        n_test=len(sets.test),
        n_train=len(sets.train),
        train_given=train is not None,
        shape=sets.test.shape,
        classes=sets.classes,
        seed=seed,
    )
    return replace(report, sentence=in_a_sentence(report))


def _check(real_test: ImageSet, fake: ImageSet, train: ImageSet | None) -> None:
    real_sets = {"real": real_test} if train is None else {"test": real_test, "training": train}
    for word, images in (real_sets | {"virtual": fake}).items():
        if images.shape != real_test.shape:
            raise DataError(
                f"{word} images are {_size(images.shape)}, the real ones {_size(real_test.shape)}",
                hint="Bring all sets to one grid with common_grid.",
            )
        finite = np.isfinite(images.images)
        if word != "virtual" and not finite.all():
            raise DataError(f"{word} images hold values that are not finite", hint="Repair them.")
        if np.abs(images.images, where=finite, out=np.zeros_like(images.images)).max() > 1.001:
            raise DataError(
                f"{word} images leave the range -1..1", hint="Prepare all sets with common_grid."
            )
        fewest = 2 * FEWEST if train is None and word == "real" else FEWEST
        if len(images) < fewest:
            raise DataError(
                f"{len(images)} {word} images are too few to compare, {fewest} are the least",
                hint=f"Give at least {FEW} for figures that say something.",
            )


def _finite_only(fake: ImageSet) -> tuple[ImageSet, int]:
    """Leave out images with values that are not finite, and count them."""
    whole = np.isfinite(fake.images).reshape(len(fake), -1).all(axis=1)
    if whole.sum() < FEWEST:
        raise DataError(
            f"{int((~whole).sum())} of {len(fake)} virtual images hold values that are not finite; "
            "too few are left to compare",
            hint="The generator has diverged: go back to an earlier checkpoint.",
        )
    return fake.take(np.flatnonzero(whole)), int((~whole).sum())


def _arrange(real: ImageSet, fake: ImageSet, train: ImageSet | None, seed: int) -> Sets:
    """Settle which set plays which part, and which labels are compared."""
    if train is None:
        order = stream(seed, "halves").permutation(len(real))
        train, test = real.take(order[len(real) // 2 :]), real.take(order[: len(real) // 2])
    else:
        test = real
    all_labelled = all(images.labels is not None for images in (train, test, fake))
    classes = sorted({*train.classes, *test.classes}) if all_labelled else []
    return Sets(train, test, fake, tuple(classes), seed)


def _labels(images: ImageSet) -> Labels:
    if images.labels is None:
        raise ValueError("the set has no labels")
    return images.labels


def _verdict(figures: list[Figure], search: CopySearch, n_broken: int) -> Verdict:
    spread = next(figure.value for figure in figures if figure.name == "spread")
    too_many = search.duplicate_share > MOST_DUPLICATES + search.real_duplicate_share
    return Verdict(
        finite=not n_broken,
        collapse=spread < LEAST_SPREAD or too_many,
        copies=bool(search.copies),
    )


def _warnings(
    sets: Sets, real: ImageSet, figures: list[Figure], search: CopySearch, n_broken: int
) -> tuple[str, ...]:
    by_name = {figure.name: figure for figure in figures}
    labels_given = [images.labels is not None for images in (real, sets.fake)]
    strange = sorted({*sets.fake.classes} - {*sets.classes}) if sets.classes else []
    remarks = {
        f"{n_broken} virtual images hold values that are not finite and were left out": n_broken,
        _few(sets, by_name): min(len(sets.test), len(sets.fake)) < FEW,
        "only one of the two sets has labels: labels were not compared": len({*labels_given}) > 1,
        f"virtual label maps hold values that real ones do not: {strange}": strange,
        "no prior stands beside: one of so many voxels would take too much memory": (
            sets.prior is None
        ),
        "virtual images vary more than real ones": by_name["spread"].value > MOST_SPREAD,
        "a linear test tells virtual from real without fail: first make sure that both were "
        "prepared alike": by_name["c2st_rand"].value > 0.995,
        "a test image equals a training image: the two sets are not apart, and copies are missed": (
            search.threshold > SAME_IMAGE
        ),
    }
    return tuple(text for text, applies in remarks.items() if applies)


def _few(sets: Sets, figures: dict[str, Figure]) -> str:
    se = figures["kid_rand"].se or 0.0
    return (
        f"{len(sets.test)} real test and {len(sets.fake)} virtual images are few: KID differences "
        f"below {2 * se:.3g} (twice the standard error) say nothing"
    )


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)
