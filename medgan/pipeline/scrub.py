"""Texts without names: every file and folder name goes, in whatever form it stands there."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath
from urllib.parse import quote

from medgan.errors import printable
from medgan.scans.names import safe_name, stem_of

NAME = "[name]"
_COMMON = {
    *("ct", "mr", "mri", "pt", "pet", "scan", "scans", "slice", "slices", "series", "study"),
    *("image", "images", "label", "labels", "mask", "masks", "data", "dicom", "nifti", "file"),
    *("files", "folder", "position", "positions", "of", "in", "no", "is", "at", "to", "it", "the"),
}
"""Words that name nobody; taking them out would leave texts that say nothing."""

_UID = re.compile(r"\d+(?:\.\d+){4,}")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-/.]?[01]\d[-/.]?[0-3]\d(?!\d)")
_PIECE = re.compile(r"[^\W_]+")
_ENDS = re.compile(r"^[\W_]+|[\W_]+$")
_QUOTED = re.compile(r'"[^"]*"')
_ODD = re.compile(r"[^ -~]|[\"'\\&<>]")
_BESIDE_A_SLASH = re.compile(r"(?<=[/\\])[^\s/\\\"]+|[^\s/\\\"]+(?=[/\\])")


def scrub(text: str, *words: frozenset[str]) -> str:
    """Take words, unique identifiers and dates out of a text, and all that stands in quotes.

    Messages quote the files they name (`errors.quoted`), so those go whole, numbers too: a
    number elsewhere counts something.

    Parameters
    ----------
    words
        As `words_of` gives them. However many there are, the time depends on the text alone.
    """
    rest = _without_words(_QUOTED.sub(NAME, text), words)

    def without_parts(found: re.Match[str]) -> str:
        part = found.group()
        is_name = any(f"/{_bare(part)}" in known for known in words)
        return part.replace(_ENDS.sub("", part), NAME) if is_name else part

    return _DATE.sub("[date]", _UID.sub("[uid]", _BESIDE_A_SLASH.sub(without_parts, rest)))


def _without_words(text: str, words: tuple[frozenset[str], ...]) -> str:
    pieces = [found.span() for found in _PIECE.finditer(text)]
    done, at, kept = 0, 0, []
    while at < len(pieces):
        start = pieces[at][0]
        last = next(
            (
                n
                for n in range(len(pieces) - 1, at - 1, -1)
                if any(text[start : pieces[n][1]].casefold() in known for known in words)
            ),
            None,
        )
        if last is not None:
            kept += [text[done:start], NAME]
            done, at = pieces[last][1], last
        at += 1
    return "".join([*kept, text[done:]])


def words_of(names: Iterable[PurePath]) -> frozenset[str]:
    """Return every folder and file name in some paths, in each form that a text may have it in.

    In small letters, and without what is no letter or digit at both ends. Numbers and letters that
    would be found in any text come with a slash before: they are names in a path alone.
    """
    parts = {part for name in names for part in name.parts}
    stems = {stem_of(Path(part)) for part in parts}
    words = frozenset().union(*map(forms_of, parts | stems))
    short = {f"/{word}" for word in words if _is_short(word)}
    return frozenset(filter(_is_telling, words)) | short


def forms_of(name: str) -> frozenset[str]:
    """Return a name as ids, messages, faults, JSON, pages and addresses have it, in small letters.

    A name that no encoding can read, or that holds a line break, has a different one in each.
    """
    forms = {name, safe_name(name), safe_name(name, dots=True)}
    raw = name.encode("utf-8", "surrogateescape")
    forms |= {quote(raw), quote(raw, safe="")}
    if _ODD.search(name):
        forms |= {printable(name), repr(name)[1:-1], ascii(name)[1:-1], json.dumps(name)[1:-1]}
        forms |= {raw.decode("utf-8", "replace"), raw.decode("latin-1")}
        forms |= {name.encode("utf-8", "backslashreplace").decode()}
        forms |= {html.escape(form) for form in forms}
        forms |= {unicodedata.normalize(kind, form) for kind in ("NFC", "NFD") for form in forms}
        forms |= set(_lines(name))
    return frozenset(map(_bare, forms)) - {""}


def _lines(name: str) -> list[str]:
    """Return what is left of a name where whoever shows it breaks the line, or shows no more."""
    return "".join(letter if letter == printable(letter) else "\n" for letter in name).split("\n")


def _bare(word: str) -> str:
    return _ENDS.sub("", word).casefold()


def _is_short(word: str) -> bool:
    return len(word) == 1 or (word.isdecimal() and len(word) < 6)


def _is_telling(word: str) -> bool:
    return not _is_short(word) and word not in _COMMON
