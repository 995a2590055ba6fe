"""Options that tell what headers do not, for every command that reads scans."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Axis = Annotated[
    int | None,
    typer.Option(min=0, max=2, help="Slice axis of files whose header does not tell it."),
]
Modality = Annotated[
    Literal["ct", "mr"] | None, typer.Option(help="Modality, over what the files say.")
]
