from __future__ import annotations

from medgan.evaluation import Figure, SyntheticReport, Verdict
from medgan.evaluation.sentence import in_a_sentence


def report(*, train_given: bool, classes: tuple[int, ...]) -> SyntheticReport:
    seen = "joint" if classes else "rand"
    return SyntheticReport(
        verdict=Verdict(finite=True, collapse=False, copies=False),
        sentence="",
        warnings=(),
        figures=(
            Figure(f"kid_{seen}", 93.2, 48.8, 27.1, 36.0, "lower", ""),
            Figure(f"c2st_{seen}", 0.9, 0.02, 0.51, 0.05, "as real", ""),
            Figure("recall", 0.7, None, 0.88, None, "higher", ""),
        ),
        label_statistics=(),
        copies=(),
        copy_threshold=0.481,
        nearest_median=0.3,
        held_out_median=0.36,
        n_fake=200,
        n_test=60,
        n_train=140,
        train_given=train_given,
        shape=(32, 48, 32),
        classes=classes,
        seed=0,
    )


def test_every_figure_stands_beside_the_real_one() -> None:
    text = in_a_sentence(report(train_given=True, classes=(1, 2)))
    assert "200 virtual images with labels of 32 x 48 x 32 voxels" in text
    assert "60 real ones that were held out from training (140 cases)" in text
    assert "93 ± 49, where real against real is 27 ± 36" in text
    assert "Recall was 0.70 (real 0.88)." in text
    assert "0 of 200 virtual images were nearer to a training image" in text


def test_no_claim_of_held_out_cases_where_no_training_set_was_given() -> None:
    text = in_a_sentence(report(train_given=False, classes=()))
    assert "a random half of those given" in text
    assert "nearer to a given real image" in text
    assert "labels" not in text
