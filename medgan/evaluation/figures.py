"""Each figure of an evaluation beside its real-against-real floor, measured group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from medgan.data.streams import stream
from medgan.evaluation.copies import CopySearch
from medgan.evaluation.coverage import coverage
from medgan.evaluation.diversity import pair_similarity, spread_ratio
from medgan.evaluation.features import Features, random_features, standardised
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.kid import kid
from medgan.evaluation.label_plausibility import Plausibility
from medgan.evaluation.restorer import train_restorer
from medgan.evaluation.segmenter import Segmenter, encoder_features, train_segmenter
from medgan.evaluation.spectrum import kurtosis_gap, spectral_distance_db
from medgan.evaluation.synthetic_report import Direction, Figure
from medgan.evaluation.two_sample import two_sample_auc
from medgan.evaluation.utility import mean_with_error, measure_utility

ENCODER_STEPS = 60

Found = tuple[float, float | None]
"""A figure and its standard error, None where none is known."""


@dataclass(frozen=True)
class Sets:
    """What is compared.

    Parameters
    ----------
    train, test, fake
        Training and test cases, and virtual ones.
    classes
        Label values that are looked at.
    prior
        What a linear prior of the training cases makes, to stand beside the virtual ones.
    """

    train: ImageSet
    test: ImageSet
    fake: ImageSet
    classes: tuple[int, ...]
    seed: int
    prior: ImageSet | None = None

    @property
    def all_three(self) -> tuple[ImageSet, ImageSet, ImageSet]:
        """Training, test and virtual cases."""
        return self.train, self.test, self.fake

    @property
    def seen(self) -> tuple[ImageSet, ...]:
        """The same, and what the prior makes: whatever features are taken of."""
        return self.all_three if self.prior is None else (*self.all_three, self.prior)


def random_network_figures(sets: Sets) -> list[Figure]:
    """KID and two-sample test on random features, and coverage.

    Of the image alone and, with labels, of both jointly; coverage on the latter where there are
    labels.
    """
    figures = []
    features = _random(sets, ())
    figures += _distances(sets, "rand", "image", features)
    if sets.classes:
        features = _random(sets, sets.classes)
        figures += _distances(sets, "joint", "image and labels", features)
    return figures + _coverages(*features)


def self_supervised_figures(sets: Sets) -> list[Figure]:
    """KID and two-sample test on an encoder that learned to restore real images, without labels."""
    seen = [images.shrunk() for images in sets.seen]
    features = _encoded(train_restorer(seen[0], ENCODER_STEPS, sets.seed), seen)
    return _distances(sets, "self", "features of a restorer trained on real images", features)


def trained_network_figures(sets: Sets) -> list[Figure]:
    """KID on the encoder of a segmenter trained on real cases, and what it says of the labels."""
    train, test, fake, *prior = (images.shrunk() for images in sets.seen)
    segmenter = train_segmenter(train, sets.classes, ENCODER_STEPS, sets.seed)
    features = _encoded(segmenter.network, [train, test, fake, *prior])
    agreement = mean_with_error(segmenter.dice(fake))
    expected = mean_with_error(segmenter.dice(test))
    return [
        *_distances(sets, "seg", "features of a segmenter trained on real cases", features),
        Figure(
            "label_agreement",
            agreement.value,
            agreement.se,
            expected.value,
            expected.se,
            "as real",
            "Dice of the labels with a segmentation of the images",
        ),
    ]


def variety_figures(sets: Sets, search: CopySearch) -> list[Figure]:
    """Similarity of pairs, spread, duplicates and copies."""
    train, test, fake = (images.images for images in sets.all_three)
    figures = [
        Figure(
            "spread",
            spread_ratio(fake, test),
            None,
            spread_ratio(train, test),
            None,
            "as real",
            "spread across images over that of test images",
        ),
        _plain(
            "duplicates",
            search.duplicate_share,
            search.real_duplicate_share,
            "lower",
            "share of duplicates among themselves",
        ),
        _plain("copies", search.copy_share, 0.0, "lower", "share of copies of training images"),
    ]
    pairs, real_pairs = (
        pair_similarity(images, stream(sets.seed, "pairs")) for images in (fake, test)
    )
    if pairs and real_pairs:
        figures.insert(
            0,
            Figure(
                "ms_ssim",
                pairs.value,
                pairs.se,
                real_pairs.value,
                real_pairs.se,
                "as real",
                "similarity of pairs of images",
            ),
        )
    return figures


def texture_figures(sets: Sets) -> list[Figure]:
    """Spectrum and grain."""
    train, test, fake = (images.images for images in sets.all_three)
    return [
        _plain(
            "spectrum_db",
            spectral_distance_db(fake, test),
            spectral_distance_db(train, test),
            "lower",
            "difference of power spectra in decibels",
        ),
        _plain(
            "kurtosis_gap",
            kurtosis_gap(fake, test),
            kurtosis_gap(train, test),
            "lower",
            "difference of log kurtosis of the grain",
        ),
    ]


def plausibility_figure(judged: Plausibility) -> Figure:
    """Share of label maps that pass as anatomy."""
    return _plain(
        "label_ok",
        judged.fake,
        judged.real,
        "higher",
        "share of label maps within the range of training cases",
    )


def utility_figures(sets: Sets) -> list[Figure]:
    """Dice on real test cases after learning from virtual cases, and from both."""
    utility = measure_utility(sets.train, sets.test, sets.fake, sets.classes, sets.seed)
    return [
        Figure(
            name,
            learnt.value,
            learnt.se,
            utility.real.value,
            utility.real.se,
            "higher",
            f"Dice on real test cases of a U-Net trained on {on} (floor: on real ones)",
        )
        for name, learnt, on in (
            ("dice_synthetic", utility.synthetic, "virtual cases only"),
            ("dice_both", utility.both, "real and virtual cases"),
        )
    ]


def _random(sets: Sets, classes: tuple[int, ...]) -> list[tuple[Features, ...]]:
    return standardised(*(random_features(images, classes) for images in sets.seen))


def _encoded(network: Segmenter, sets: Sequence[ImageSet]) -> list[tuple[Features, ...]]:
    return standardised(*(encoder_features(network, images) for images in sets))


def _distances(
    sets: Sets, name: str, seen: str, features: Sequence[tuple[Features, ...]]
) -> list[Figure]:
    train, test, *made = features
    # Two halves of the training set play the two sides of a test that nobody should pass.
    halves = [tuple(part[start::2] for part in train) for start in (0, 1)]
    return [
        _beside(
            f"kid_{name}",
            [astuple(kid(images, test, stream(sets.seed, "kid"))) for images in made],
            astuple(kid(train, test, stream(sets.seed, "kid"))),
            "lower",
            f"kernel distance x 1000 of {seen}",
        ),
        _beside(
            f"c2st_{name}",
            [
                astuple(two_sample_auc(train, test, images, stream(sets.seed, "two_sample")))
                for images in made
            ],
            astuple(two_sample_auc(halves[0], test, halves[1], stream(sets.seed, "two_sample"))),
            "as real",
            f"AUC of telling real from virtual by {seen}; 0.5 cannot, less: training cases again",
        ),
    ]


def _coverages(
    train: Sequence[Features], test: Sequence[Features], *made: Sequence[Features]
) -> list[Figure]:
    found, floor = [coverage(test, images) for images in made], coverage(test, train)
    told: list[tuple[str, Direction, str]] = [
        ("precision", "higher", "share like a real one"),
        ("recall", "higher", "share of real ones it can make"),
        ("density", "as real", "real ones around each"),
        ("coverage", "higher", "share of real ones met"),
    ]
    return [
        _beside(
            name,
            [(getattr(one, name), None) for one in found],
            (getattr(floor, name), None),
            good,
            meaning,
        )
        for name, good, meaning in told
    ]


def _beside(
    name: str, made: Sequence[Found], floor: Found, good: Direction, meaning: str
) -> Figure:
    """Return a figure of virtual images, and of those of the prior where there are any."""
    found, *prior = made
    return Figure(name, *found, *floor, good, meaning, *(prior[0] if prior else ()))


def _plain(name: str, value: float, floor: float, good: Direction, meaning: str) -> Figure:
    return Figure(name, value, None, floor, None, good, meaning)
