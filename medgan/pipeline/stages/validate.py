"""validate: read back what was written, and compare measured slices bit for bit."""

from __future__ import annotations

from medgan.pipeline.stage import STATE, Context, PerScan, Work
from medgan.scans import validate
from medgan.settings import Settings


class ValidateSettings(Settings):
    """Nothing to choose: what cannot be proved is not published."""


def run(work: Work, settings: ValidateSettings, context: Context, loaded: None) -> Work:
    """Prove the outputs of a restored scan.

    Raises
    ------
    ValidationError
        If a measured slice, a position or a mark is not as it was meant.
    """
    state = context.out / STATE
    outputs = [path for path in work.outputs if not path.is_relative_to(state)]
    for volume in work.volumes:
        if volume.measured is not None:
            validate(outputs, volume.measured)
    return work


VALIDATE = PerScan("validate", 1, ValidateSettings, run)
