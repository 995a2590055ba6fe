"""The secret that pseudonyms are made with: where it comes from, and that no two of them mix.

It is never written into the output folder: whoever has it, and guesses a name or an identifier,
can confirm the guess. One that nobody gave is made once and kept beside the output folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from pathlib import Path

from medgan.errors import ConfigError, UsageError, WriteError
from medgan.pipeline.folders import place
from medgan.pipeline.hide import told_without_names
from medgan.pipeline.lock import LOCK
from medgan.pipeline.options import RunOptions
from medgan.pipeline.pseudonym import pseudonym
from medgan.pipeline.settings import Pipeline
from medgan.pipeline.stage import Context
from medgan.pipeline.state_files import writing

VARIABLE = "MEDGAN_SALT"
"""Environment variable that may hold the salt."""

MARKER = "deidentified"
"""Below `.medgan`: all in the folder is de-identified, and by which salt (a hash of it)."""

MIN_LENGTH = 16
_HIDES = {"index", "restore", "pictures", "export", "validate", "report"}
"""Stages that write no name when there is a salt."""

_ELSEWHERE = "Name another folder with -o."


def salted(context: Context, pipeline: Pipeline, options: RunOptions) -> Context:
    """Give a run its salt, where its pipeline is to de-identify.

    One that had to be made is kept by `settled` alone; for dry runs it is as good as any.

    Raises
    ------
    UsageError, ConfigError
        If a salt is given and not used, is too short, or stages would write names all the same.
    """
    if not _is_wanted(pipeline):
        if options.salt_file is not None:
            raise UsageError(
                "a salt is for de-identified outputs",
                where="--salt-file",
                hint="Add --deidentify, or --set export.deidentify=true.",
            )
        return context
    strangers = [step.name for step in pipeline.steps if step.name not in _HIDES]
    if strangers:
        raise ConfigError(
            f"{', '.join(strangers)} may write names of input files, so this pipeline cannot "
            "de-identify",
            where="export.deidentify",
            hint="De-identify the scans first, with `medgan export --deidentify`.",
        )
    return dataclasses.replace(context, salt=_find(context.out, options.salt_file))


def placed(pipeline: Pipeline, input: Path | None, out: Path, options: RunOptions) -> Context:
    """Check the paths a person named, and give the run its salt; see `place` and `salted`.

    Errors name nobody where the pipeline is to de-identify.
    """
    salt = "unknown yet" if _is_wanted(pipeline) else ""
    with told_without_names(Context(input, out.absolute(), salt=salt)):
        return salted(place(input, out, options), pipeline, options)


def kept_at(out: Path) -> Path:
    """Return where a salt lies that nobody gave: beside the output folder, not in it."""
    whole = out.resolve()
    return whole.with_name(f"{whole.name}.salt")


def said_of_salt(context: Context, options: RunOptions) -> str:
    """Tell where the salt is kept that nobody gave; empty where there is nothing to tell."""
    is_given = options.salt_file is not None or bool(os.environ.get(VARIABLE))
    if not context.salt or is_given:
        return ""
    return (
        f"the secret of these pseudonyms lies in {kept_at(context.out)}: keep it, the same command "
        "needs it, and do not pass it on with the outputs"
    )


def settled(context: Context, options: RunOptions) -> Context:
    """Keep the salt of a run that nobody gave, unless the run is refused; see `check_same_salt`.

    Called with the lock of the output folder, so that a refused run leaves no salt behind.

    Raises
    ------
    UsageError
        As `check_same_salt` has it.
    WriteError
        If a new salt cannot be kept, or no word of it can be left.
    """
    if said_of_salt(context, options):
        kept = kept_at(context.out)
        # First what is there, then the salt: another shard keeps its salt before it leaves its
        # marker, so that whoever sees the marker finds that salt.
        is_new = not (context.state / MARKER).is_file() and not _holds_others(context.state)
        if is_new and not kept.exists():
            _keep(kept)
        if kept.exists():
            context = dataclasses.replace(context, salt=_checked(_read(kept), str(kept)))
    check_same_salt(context)
    return context


def check_same_salt(context: Context) -> None:
    """Refuse to mix outputs that are de-identified with others; leave word of which these are.

    Raises
    ------
    UsageError
        If the folder holds outputs of the other kind, or with pseudonyms of another salt.
    WriteError
        If no word can be left.
    """
    marker = context.state / MARKER
    own = pseudonym("salt", "", context.salt) if context.salt else ""
    # First what is there, then the marker: another shard may begin at this very moment, and
    # leaves the marker before anything else.
    holds_others = _holds_others(context.state)
    if not marker.is_file():
        if not own:
            return
        if holds_others:
            raise UsageError(
                "what lies in this folder is not de-identified: its records may hold names",
                where=str(context.out),
                hint=_ELSEWHERE,
            )
        _mark(marker, own)
    if marker.read_text(encoding="utf-8").strip() != own:
        what = "with another salt" if own else "and this run would not be"
        raise UsageError(
            f"what lies in this folder was de-identified, {what}",
            where=str(context.out),
            hint=_ELSEWHERE if not own else f"Give that salt with --salt-file. {_ELSEWHERE}",
        )


def _holds_others(state: Path) -> bool:
    """Whether a state folder holds more than locks and markers, half-written ones among them."""
    names = (path.name for path in state.iterdir())
    return any(not name.startswith(LOCK) and MARKER not in name for name in names)


def _mark(marker: Path, own: str) -> None:
    with writing(marker):
        try:
            _put_first(marker, own, 0o666)
        except OSError:
            # A file system without links. Shards of one command have one salt in any case.
            marker.write_text(f"{own}\n", encoding="utf-8")


def _is_wanted(pipeline: Pipeline) -> bool:
    return any(getattr(step.settings, "deidentify", False) for step in pipeline.steps)


def _find(out: Path, file: Path | None) -> str:
    if file is not None:
        return _checked(_read(file), f"--salt-file {file.name}")
    given = os.environ.get(VARIABLE, "")
    if given:
        return _checked(given, VARIABLE)
    kept = kept_at(out)
    return _checked(_read(kept), str(kept)) if kept.exists() else secrets.token_hex(32)


def _checked(salt: str, where: str) -> str:
    if len(salt) < MIN_LENGTH:
        raise UsageError(
            f"the salt has {len(salt)} characters, {MIN_LENGTH} at least are needed",
            where=where,
            hint="A short one can be guessed. `openssl rand -hex 32` makes a good one.",
        )
    return salt


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the salt cannot be read ({type(error).__name__})",
            where=str(file),
            hint="It has to be a text file that you may read.",
        ) from error


def _keep(file: Path) -> None:
    """Make a salt that only its owner may read; of several processes at once the first wins."""
    try:
        _put_first(file, secrets.token_hex(32), 0o600)
    except OSError as error:
        raise WriteError(
            f"a new salt cannot be kept: {error.strerror}",
            where=str(file),
            hint=f"Give one with --salt-file, or in {VARIABLE}.",
        ) from error


def _put_first(file: Path, line: str, mode: int) -> None:
    """Write a file whole; what another process put there first stays."""
    own = file.with_name(f".{file.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(own, file)  # unlike a rename, it never replaces what another process made
    finally:
        own.unlink(missing_ok=True)
