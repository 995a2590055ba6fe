"""What went wrong, where, and what to do about it.

Every failure that a person can act on is a `MedganError`. It says three things: *what* is the
fact (found and expected), *where* it was met (scan, series, file, key, stage), and a *hint* that
names the next thing to do. Patient names and identifiers never appear in any of the three.

Each family also inherits the built-in exception that a caller would expect, and maps to the exit
code of the command line: 1 nothing could be done, 2 wrong use or settings, 3 some scans failed.
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePath
from typing import ClassVar

LOOK_FIRST = "A traceback may quote file names and headers: look through it before you send it."
"""Hint wherever a person is asked for a traceback."""

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories: controls, formats, surrogates, private, unassigned, line separators."""


class MedganError(Exception):
    """A failure with a fact, a place and a way out.

    Parameters
    ----------
    what
        The fact, with found and expected values.
    where
        Scan, file, key path or stage it was met at; may be empty.
    hint
        The next thing to do; may be empty.
    """

    exit_code: ClassVar[int] = 1

    # `where` and `hint` have defaults because an error that crosses a process border is rebuilt
    # from its first argument alone when somebody re-raises it by message.
    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.hint)

    @property
    def reason(self) -> str:
        """The fact and the way out, for a list that names the place itself."""
        return f"{self.what}. {self.hint}" if self.hint else self.what

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.where else self.reason


def _rebuild(family: type[MedganError], what: str, where: str, hint: str) -> MedganError:
    return family(what, where=where, hint=hint)


class UsageError(MedganError, ValueError):
    """The command or call cannot mean anything: wrong argument, or arguments that clash."""

    exit_code = 2


class ConfigError(UsageError):
    """A settings file, pipeline file or `--set` override is wrong."""


class ReadError(MedganError, OSError):
    """A file or folder cannot be read."""


class SeriesError(MedganError, ValueError):
    """Files were read, but they do not make one scan that can be trusted."""


class WriteError(MedganError, OSError):
    """An output cannot be written: no space, no permission, or it is in the way."""


class ValidationError(MedganError, ValueError):
    """What was written does not read back as what was meant."""


class DataError(MedganError, ValueError):
    """A data set is unfit for the task: no pairs, mixed grids, too few cases."""


class ModelError(MedganError, ValueError):
    """A model folder is not one, is damaged, or does not fit the task."""


class DivergedError(MedganError, ArithmeticError):
    """Training met a value that is not finite, or a collapse that was asked to stop it."""


class RestoreError(MedganError, ValueError):
    """A scan was read, but its gaps cannot be filled."""


class UnprovenError(RestoreError):
    """What would be filled cannot be tried out on the scan itself, and nobody forced it."""


class StageError(MedganError, RuntimeError):
    """A stage of a pipeline could not do its work: crash, time limit, memory."""


class PeerError(MedganError, ConnectionError):
    """A DICOM node or server cannot be reached, refuses what is asked, or breaks off."""


def printable(text: str) -> str:
    """Make a file name or message one line that a terminal only prints and never obeys.

    Control characters, line breaks, marks that turn the direction of writing, and bytes that are
    no text come out as escapes; letters of any script stay.
    """
    return "".join(
        letter
        if letter == " " or unicodedata.category(letter) not in _UNPRINTABLE
        else _escape(letter)
        for letter in text
    )


def quoted(name: str | PurePath) -> str:
    """Put a file name or path into a message: printable, in double quotes, and none inside.

    Where it begins and ends stays plain however odd it is, so that whoever de-identifies takes it
    out whole (`pipeline/scrub.py`), be it as plain a word as `12`.
    """
    text = name.as_posix() if isinstance(name, PurePath) else name
    inside = printable(text).replace('"', r"\x22")
    return f'"{inside}"'


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
