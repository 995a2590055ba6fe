"""Results of one input are never replaced by those of another that has scans of the same names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from medgan.errors import UsageError
from medgan.pipeline.pseudonym import bytes_of
from medgan.pipeline.stage import Context
from medgan.pipeline.state_files import writing

OWNER = "input"
"""Below `.medgan`: a hash of the path of the input; the path itself may hold a name."""


def claim(context: Context, replaced: Sequence[str]) -> None:
    """Write down which input an output folder was made from last.

    Parameters
    ----------
    replaced
        Scans that have results there, and whose work this run would do again. From the input of
        the last run that is what is wanted: its files or the settings changed.

    Raises
    ------
    UsageError
        If there are such scans, and the input is another.
    WriteError
        If it cannot be written down.
    """
    path = str(context.input.resolve()) if context.input else ""
    mine = hashlib.sha256(bytes_of(f"{context.salt}\n{path}")).hexdigest()
    file = context.state / OWNER
    last = file.read_text(encoding="ascii", errors="replace").strip() if file.is_file() else mine
    if last != mine and replaced:
        more = f" and {len(replaced) - 1} more" if len(replaced) > 1 else ""
        raise UsageError(
            f"the output folder holds results of another input, for {replaced[0]}{more} as well",
            where=str(context.out),
            hint="Name a folder of its own with -o. If it is the same input, moved to another "
            f"place, remove {context.state.name}/{OWNER} there.",
        )
    with writing(file):
        file.write_text(f"{mine}\n", encoding="ascii")
