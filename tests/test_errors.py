import inspect
import pickle
from pathlib import PurePath

import pytest

from medgan import errors
from medgan.errors import (
    ConfigError,
    MedganError,
    ReadError,
    StageError,
    WriteError,
    printable,
    quoted,
)

FAMILIES = [
    family
    for _, family in inspect.getmembers(errors, inspect.isclass)
    if issubclass(family, MedganError)
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_all_three_lines_cross_a_process_border(family: type[MedganError]) -> None:
    error = family("found 6.0 mm, expected 3.0 mm", where="series 3", hint="Look at slice 41.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is family
    assert (again.what, again.where, again.hint) == (error.what, error.where, error.hint)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_re_raise_by_message_works(family: type[MedganError]) -> None:
    # Loader workers rebuild an exception from its text alone.
    assert str(family("text")) == "text"


def test_the_text_says_where_what_and_hint() -> None:
    assert str(ReadError("cut short", where="a.dcm", hint="Copy it again.")) == (
        "a.dcm: cut short. Copy it again."
    )


def test_a_list_that_names_the_place_gets_fact_and_hint() -> None:
    assert ReadError("cut short", where="a.dcm", hint="Copy it again.").reason == (
        "cut short. Copy it again."
    )
    assert ReadError("cut short", where="a.dcm").reason == "cut short"


def test_families_are_what_a_caller_would_expect() -> None:
    assert issubclass(ReadError, OSError)
    assert issubclass(WriteError, OSError)
    assert issubclass(ConfigError, ValueError)
    assert issubclass(StageError, RuntimeError)


def test_exit_codes() -> None:
    assert MedganError.exit_code == 1
    assert ConfigError.exit_code == 2


def test_printable_keeps_letters_and_escapes_what_a_terminal_obeys() -> None:
    assert printable("Schädel ひらがな a-b_c.dcm") == "Schädel ひらがな a-b_c.dcm"
    assert printable("a\x1b[2J\r\n\tb\u2028\udcff\u202e") == r"a\x1b[2J\r\n\tb\u2028\udcff\u202e"


def test_a_quoted_name_ends_where_its_quotes_do() -> None:
    assert quoted("a b.dcm") == '"a b.dcm"'
    assert quoted(PurePath("a", "12")) == '"a/12"'
    assert quoted('a"\n"b') == r'"a\x22\n\x22b"'
