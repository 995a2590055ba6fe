"""The result of an evaluation in words that can stand in a paper."""

from __future__ import annotations

from medgan.evaluation.synthetic_report import Figure, SyntheticReport


def in_a_sentence(report: SyntheticReport) -> str:
    """Return what was compared, how, and what came out, each figure beside the real one."""
    return " ".join(
        part
        for part in (_compared(report), _distance(report), _variety(report), _copies(report))
        if part
    )


def _compared(report: SyntheticReport) -> str:
    size = " x ".join(str(side) for side in report.shape)
    what = "images with labels" if report.classes else "images"
    against = (
        f"{report.n_test} real ones that were held out from training ({report.n_train} cases)"
        if report.train_given
        else f"{report.n_test} real ones, a random half of those given"
    )
    return f"{report.n_fake} virtual {what} of {size} voxels were compared with {against}."


def _distance(report: SyntheticReport) -> str:
    figure = report.figure("kid_joint") or report.figure("kid_rand")
    told = report.figure("c2st_joint") or report.figure("c2st_rand")
    if figure is None or told is None:
        return ""
    seen = "image and labels" if figure.name == "kid_joint" else "images"
    return (
        f"The kernel distance on random convolutional features of {seen} (unbiased MMD^2, cubic "
        f"kernel, x 1000, delete-d jackknife standard error) was {_with_error(figure)}, where real "
        f"against real is {_floor(figure)}; a linear two-sample test told them apart with an AUC "
        f"of {told.value:.2f} (0.50 cannot)."
    )


def _variety(report: SyntheticReport) -> str:
    parts = [
        f"{words} {figure.value:.2f} (real {figure.floor:.2f})"
        for name, words in (
            ("recall", "recall was"),
            ("coverage", "coverage"),
            ("ms_ssim", "mean MS-SSIM of pairs"),
            ("label_ok", "share of label maps within the range of training cases"),
            ("dice_synthetic", "Dice of a U-Net trained on virtual cases only"),
        )
        if (figure := report.figure(name))
    ]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "."


def _copies(report: SyntheticReport) -> str:
    n_copies, n = len(report.copies), report.n_fake
    against = "training" if report.train_given else "given real"
    return (
        f"{n_copies} of {n} virtual images were nearer to a {against} image than held-out real "
        f"images come (correlation of fine structure above {report.copy_threshold:.2f})."
    )


def _with_error(figure: Figure) -> str:
    return f"{figure.value:.0f} ± {figure.se or 0:.0f}"


def _floor(figure: Figure) -> str:
    return f"{figure.floor:.0f} ± {figure.floor_se or 0:.0f}"
