"""The two options for tilted stacks, which NIfTI has no honest place for."""

from __future__ import annotations

from typing import Annotated

import typer

from medgan.errors import UsageError

Sheared = Annotated[
    bool,
    typer.Option("--sheared", help="NIfTI of a tilted stack with its sheared affine."),
]
Resample = Annotated[
    bool,
    typer.Option(
        "--resample", help="NIfTI of a tilted stack on a straight grid; values are derived."
    ),
]


def tilt_settings(*, sheared: bool, resample: bool) -> dict[str, object]:
    """Turn the two options for tilted stacks into settings; only one of them can be meant.

    Raises
    ------
    UsageError
        If both are given.
    """
    if sheared and resample:
        raise UsageError(
            "a tilted stack is either kept sheared or resampled",
            where="--sheared, --resample",
            hint="Use one of them.",
        )
    settings = {"export.sheared": sheared, "export.resample": resample}
    return {key: value for key, value in settings.items() if value}
