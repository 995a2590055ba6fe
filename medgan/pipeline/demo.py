"""The whole chain in a few minutes: generated scans restored, a small GAN trained, virtual scans.

It runs the shipped pipelines and nothing else, so what it shows is what a person's own scans get.

    OUT/phantoms/damaged/     DICOM series and NIfTI files with slices missing
    OUT/phantoms/truth/       the same scans, whole
    OUT/phantoms/labelled/    labelled scans to train on
    OUT/restored/             the damaged ones, filled, with a report
    OUT/virtual/              virtual scans with labels, the model, and a report
    OUT/own_NAME/             with a folder or file NAME of a person's own: that, filled
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgan.assessment.restored import judge_restored
from medgan.errors import StageError
from medgan.pipeline.options import DEFAULTS, RunOptions
from medgan.pipeline.progress import Progress
from medgan.pipeline.run import run_pipeline
from medgan.pipeline.summary import RunSummary
from medgan.settings import assignment

if TYPE_CHECKING:
    from medgan.restoration.truth import MethodScore

RECIPE = "synthesize/demo_3d"
N_DAMAGED, N_LABELLED, N_VIRTUAL = 4, 40, 12
LABELLED_SHAPE = (32, 40, 24)
"""Voxels of the scans that are trained on: what a GAN of a minute can take in."""
SEED = 0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Gain:
    """How one scan was restored, against its truth, on the slices that were missing."""

    scan: str
    restored_db: float
    linear_db: float

    @property
    def gain_db(self) -> float:
        """PSNR over linear interpolation."""
        return self.restored_db - self.linear_db


@dataclass(frozen=True)
class DemoResult:
    """What the demo came to.

    Parameters
    ----------
    gains
        Empty for a person's own scans, whose truth nobody knows.
    virtual
        None for a person's own scans.
    """

    restored: RunSummary
    gains: tuple[Gain, ...] = ()
    virtual: RunSummary | None = None

    @property
    def exit_code(self) -> int:
        """The worse of the two runs."""
        return max(self.restored.exit_code, self.virtual.exit_code if self.virtual else 0)

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "restored": self.restored.as_json(),
            "virtual": None if self.virtual is None else self.virtual.as_json(),
            "gain_db": {gain.scan: round(gain.gain_db, 2) for gain in self.gains},
        }


def demo(
    out: Path,
    *,
    data: Path | None = None,
    model: str = "slices-faithful",
    options: RunOptions = DEFAULTS,
    progress: Callable[[], Progress] = Progress.silent,
    say: Say = lambda text: None,
) -> DemoResult:
    """Show the whole chain; a second call redoes nothing that is up to date.

    Parameters
    ----------
    data
        A person's own scans: they are restored, and that is all.
    model
        Restoration model.
    progress
        Makes a display for each of the two runs.
    """
    overrides = [assignment("restore.model", model)]
    if data is not None:
        say(f"Restoring the scans below {data}")
        folder = own_folder(data, out)
        return DemoResult(
            run_pipeline("restore_folder", data, folder, overrides, options, progress())
        )

    from medgan.data.phantom_cohort import write_cohort

    say("1/3  Generating scans (head MR, body CT) and taking slices away")
    cohort = write_cohort(
        out / "phantoms",
        n_damaged=N_DAMAGED,
        n_labelled=N_LABELLED,
        labelled_shape=LABELLED_SHAPE,
        seed=SEED,
    )

    say("2/3  Filling the missing slices")
    both = [*overrides, "export.formats=[nifti, dicom]"]
    restored = run_pipeline(
        "restore_folder", cohort.damaged, out / "restored", both, options, progress()
    )
    gains = _gains(judge_restored(cohort.truth, out / "restored", lambda text: None).scores)

    say("3/3  Training a small GAN on labelled scans, and making virtual ones")
    virtual = run_pipeline(
        "augment_dataset",
        cohort.labelled,
        out / "virtual",
        [f"train.config={RECIPE}", f"synthesize.n={N_VIRTUAL}"],
        options,
        progress(),
    )
    return DemoResult(restored, gains, virtual)


def own_folder(data: Path, out: Path) -> Path:
    """Return where a person's own scans go: a folder for each, apart from the generated ones."""
    return out / f"own_{data.resolve().name}"


def _gains(scores: Sequence[MethodScore]) -> tuple[Gain, ...]:
    by_scan: dict[str, dict[str, float]] = {}
    for score in scores:
        by_scan.setdefault(score.scan, {})[score.method] = score.psnr_db
    if not by_scan:
        raise StageError(
            "no restored scan could be compared with its truth",
            where="demo",
            hint="`medgan status` of the folder of restored scans says what went wrong.",
        )
    return tuple(
        Gain(scan, figures["restored"], figures["linear"]) for scan, figures in by_scan.items()
    )


def mean_gain_db(gains: tuple[Gain, ...]) -> float:
    """Mean over scans of the gain over linear interpolation."""
    return sum(gain.gain_db for gain in gains) / len(gains)
