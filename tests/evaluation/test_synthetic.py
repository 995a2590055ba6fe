"""The metrics themselves: every fault is ranked bad by the metric that is meant to catch it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medgan.errors import DataError
from medgan.evaluation import ImageSet, SyntheticReport, evaluate_synthetic
from medgan.record import dump
from tests.evaluation.ellipsoids import ellipsoids

SHAPE = (32, 32)
TRAIN, TEST = ellipsoids(60, 1, SHAPE), ellipsoids(50, 2, SHAPE)
HONEST = ellipsoids(60, 3, SHAPE)


def judge(fake: ImageSet, encoder_steps: int = 3) -> SyntheticReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medgan.evaluation.figures.ENCODER_STEPS", encoder_steps)
        return evaluate_synthetic(TEST, fake, TRAIN, seed=0)


def value(report: SyntheticReport, name: str) -> float:
    figure = report.figure(name)
    assert figure is not None
    return figure.value


@pytest.fixture(scope="module")
def honest() -> SyntheticReport:
    return judge(HONEST, encoder_steps=60)


def test_images_of_the_same_distribution_pass(honest: SyntheticReport) -> None:
    assert honest.verdict.finite
    assert not honest.verdict.collapse
    assert len(honest.copies) <= 4
    for name in ("kid_rand", "kid_joint", "kid_seg"):
        figure = honest.figure(name)
        assert figure is not None
        assert abs(figure.value) < 3 * (figure.se or 0) + 3 * (figure.floor_se or 0)
    assert 0.35 < value(honest, "c2st_joint") < 0.65
    assert value(honest, "label_ok") > 0.8
    assert value(honest, "spread") == pytest.approx(1, abs=0.1)
    assert honest.warnings == ()


def test_collapse(honest: SyntheticReport) -> None:
    found = judge(HONEST.take([0, 1, 2] * 25))
    assert found.verdict.collapse
    assert value(found, "duplicates") == 1
    assert value(found, "recall") < 0.2 < value(honest, "recall")
    assert value(found, "ms_ssim") > value(honest, "ms_ssim") + 0.1
    assert value(found, "kid_joint") > 10 * (honest.figure("kid_joint").se or 0)  # type: ignore[union-attr]


def test_copies_with_noise(rng: np.random.Generator) -> None:
    noisy = TRAIN.images + 0.02 * rng.standard_normal(TRAIN.images.shape).astype(np.float32)
    found = judge(ImageSet(np.clip(noisy, -1, 1), TRAIN.labels))
    assert found.verdict.copies
    assert value(found, "copies") == 1
    assert {copy.name: copy.source for copy in found.copies} == {n: n for n in TRAIN.names}
    # The distance alone would praise them.
    assert value(found, "kid_joint") < 30


def test_blur(honest: SyntheticReport) -> None:
    blurred = np.stack([gaussian_filter(image, 0.7) for image in HONEST.images])
    found = judge(ImageSet(blurred, HONEST.labels))
    assert value(found, "spectrum_db") > 5 * value(honest, "spectrum_db")
    assert value(found, "kid_rand") > 10 * abs(value(honest, "kid_rand"))


def test_shuffled_labels(honest: SyntheticReport) -> None:
    assert HONEST.labels is not None
    found = judge(ImageSet(HONEST.images, np.roll(HONEST.labels, 1, axis=0)), 60)
    assert value(found, "label_agreement") < value(honest, "label_agreement") - 0.05
    assert value(found, "label_ok") == value(honest, "label_ok")


def test_averages_of_two(honest: SyntheticReport) -> None:
    averaged = (HONEST.images + np.roll(HONEST.images, 1, axis=0)) / 2
    found = judge(ImageSet(averaged, HONEST.labels))
    assert value(found, "ms_ssim") > value(honest, "ms_ssim") + 0.05
    assert value(found, "spread") < 0.85
    assert value(found, "kid_rand") > 10 * abs(value(honest, "kid_rand"))


def test_the_report_round_trips_and_is_the_same_again(honest: SyntheticReport) -> None:
    dump(honest.as_json())
    assert SyntheticReport.from_json(honest.as_json()) == honest
    part = HONEST.take(list(range(20)))
    assert judge(part) == judge(part)


def test_without_training_images_one_half_stands_in() -> None:
    found = evaluate_synthetic(ImageSet(TRAIN.images), HONEST.take(list(range(8))))
    assert (found.n_train, found.n_test, found.train_given) == (30, 30, False)
    assert found.classes == ()
    assert found.figure("kid_joint") is None
    assert "are few" in found.warnings[0]
    assert "labels were not compared" in found.warnings[1]


def test_images_that_are_not_finite_are_counted() -> None:
    images = HONEST.images.copy()
    images[3, 5, 5] = np.nan
    found = judge(ImageSet(images))
    assert not found.verdict.finite
    assert found.n_fake == 59
    assert "1 virtual images" in found.warnings[0]
    images[:56, 0, 0] = np.inf
    with pytest.raises(DataError, match=r"56 of 60 .* not finite"):
        judge(ImageSet(images))


def test_a_test_set_that_was_trained_on_is_noticed() -> None:
    test = ImageSet(np.concatenate([TEST.images[:20], TRAIN.images[:5]]))
    found = evaluate_synthetic(test, ImageSet(HONEST.images), ImageSet(TRAIN.images))
    assert any("not apart" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (TEST, ellipsoids(8, 1, (24, 24)), "24x24"),
        (TEST, ImageSet(3 * HONEST.images), r"virtual images leave the range"),
        (TEST, HONEST.take([0, 1]), "2 virtual images are too few"),
        (ImageSet(np.full((50, *SHAPE), np.nan, np.float32)), HONEST, "real images hold values"),
    ],
)
def test_unfit_sets_are_refused(real: ImageSet, fake: ImageSet, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_synthetic(real, fake)
