"""JSON from strangers: one meaning, finite numbers, bounded depth, or refused.

Python's reader takes NaN, a key that stands twice, and numbers of any length; two programs could
then read two different models out of the same bytes.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 32
"""Levels of nesting; a description written here has seven."""
MAX_DIGITS = 19
"""Digits of a whole number: what 64 bits hold."""


def parse_plain(data: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Parameters
    ----------
    data
        UTF-8; the caller bounds its length, which bounds the memory.

    Raises
    ------
    ValueError
        If it is no JSON object, or holds NaN, infinity, a key twice, a number longer than 64 bits,
        or more than 32 levels. The message quotes nothing of it.
    """
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once_each,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} in line {error.lineno}") from None
    except UnicodeDecodeError:
        raise ValueError("no UTF-8 text") from None
    except RecursionError:
        raise ValueError(f"more than {MAX_DEPTH} levels") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - a wrong file, not a wrong call
    _check_depth(document, MAX_DEPTH)
    return document


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number


def _no_constant(text: str) -> float:
    raise ValueError("a number that is not finite")


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise ValueError(f"more than {MAX_DEPTH} levels")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)
