"""Options for corrections that change every slice: noise, Gibbs ringing, bias field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from medgan.errors import UsageError

Denoise = Annotated[
    bool,
    typer.Option(
        "--denoise",
        help="Take noise away, as far as that is expected to gain anything; then every slice is "
        "derived.",
    ),
]
DenoiserModel = Annotated[
    str | None,
    typer.Option(
        "--denoiser",
        help="With --denoise: model folder, denoise (default), or none: classical methods only.",
    ),
]
Gibbs = Annotated[
    bool, typer.Option("--gibbs", help="Take Gibbs ringing of MR away; every slice is derived.")
]
BiasField = Annotated[
    bool, typer.Option("--bias-field", help="Divide MR by its bias field; every slice is derived.")
]


def correction_settings(
    *,
    denoise: bool,
    denoiser: str | None,
    gibbs: bool,
    bias_field: bool,
    made: Mapping[str, object],
) -> dict[str, object]:
    """Turn the options into settings of the pipeline.

    Parameters
    ----------
    made
        What else is asked to be made, by option; None or empty: not asked.

    Raises
    ------
    UsageError
        If something is to be filled as well, or `--denoiser` stands alone.
    """
    asked = {"denoise": denoise, "gibbs": gibbs, "bias_field": bias_field}
    corrections = [kind for kind, is_asked in asked.items() if is_asked]
    if denoiser is not None and not denoise:
        raise UsageError(
            "--denoiser says what takes noise away", where="--denoiser", hint="Add --denoise."
        )
    if not corrections:
        return {}
    clash = next((option for option, value in made.items() if value), None)
    if clash:
        raise UsageError(
            "--denoise, --gibbs and --bias-field are for complete scans: nothing is filled with "
            "them",
            where=f"--{clash.replace('_', '-')}",
            hint="Do one thing, then give its result to the next run.",
        )
    settings: dict[str, object] = {"restore.correct": corrections, "index.take": "all"}
    if denoiser is not None:
        settings["restore.denoiser"] = denoiser
    return settings
