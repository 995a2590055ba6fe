"""Texts are left without names, whatever form a name has in them, and with their numbers."""

from __future__ import annotations

import html
import json
from pathlib import Path, PurePath
from urllib.parse import quote

import pytest

from medgan.errors import printable, quoted
from medgan.pipeline.scrub import scrub, words_of


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("cannot open Smith_John.nii.gz", "cannot open [name]"),
        ("SMITH_JOHN is damaged", "[name] is damaged"),
        ("at Smith John/scan 3.dcm: torn", "at [name]/[name]: torn"),
        ("smithsonian, 3 slices", "smithsonian, 3 slices"),
        ("as of 19670312, or 1967-03-12", "as of [date], or [date]"),
        ("shares 1.2.826.0.1.3680043.9", "shares [uid]"),
        ("position 12 of 0012", "position 12 of 0012"),
        ("Grüße (Müller)", "Grüße ([name])"),
        ("the image of the label", "the image of the label"),
    ],
)
def test_names_are_taken_out_of_texts(text: str, rest: str) -> None:
    names = ["Smith_John.nii.gz", "Smith John/_scan 3.dcm", "0012/12", "MÜLLER", "image/label.nii"]
    assert scrub(text, words_of(map(PurePath, names))) == rest


FORMS = {
    "as it is": str,
    "printable": printable,
    "repr": repr,
    "ascii": ascii,
    "json": json.dumps,
    "html": html.escape,
    "html of printable": lambda name: html.escape(printable(name)),
    "address": lambda name: quote(name.encode("utf-8", "surrogateescape")),
    "other letters for bytes": lambda name: name.encode("utf-8", "surrogateescape").decode(
        "utf-8", "replace"
    ),
    "escapes for bytes": lambda name: name.encode("utf-8", "surrogateescape").decode(
        "utf-8", "backslashreplace"
    ),
    "read as latin-1": lambda name: name.encode("utf-8", "surrogateescape").decode("latin-1"),
    "one line of it": lambda name: name.splitlines()[0],
    "in quotes": quoted,
}


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    "name",
    [
        "Quill\nfeather5.dcm",
        "\tQuill\x1b[2Jfeather\x7f",
        "Quill\u200bfeather5",
        "Quill\u202efeather & 'Sons'",
        "Quillfeathér.dcm",
        "Quillfeath\udce9r.dcm",
        "Quill\u2028feather\udcff",
    ],
)
def test_odd_names_are_known_in_every_form(name: str, form: str) -> None:
    words = words_of([PurePath("folder", name)])
    rest = scrub(f"damaged, treated as missing: {FORMS[form](name)}: cut", words)
    assert rest.startswith("damaged, treated as missing: ")
    assert rest.endswith(": cut")
    assert "quill" not in rest.lower()
    assert "feath" not in rest.lower()


def test_names_that_are_numbers_are_taken_out_of_paths_and_counts_are_left() -> None:
    words = words_of([PurePath("4711/12/8.dcm"), PurePath("4711/12/A")])
    note = f"12 slices, position 12 is missing, though {quoted(Path('4711/12'))} lies there"
    assert scrub(note, words) == "12 slices, position 12 is missing, though [name] lies there"
    assert (
        scrub("8 of 4711 at 4711/12/A, 12 mm", words) == "8 of 4711 at [name]/[name]/[name], 12 mm"
    )
    assert scrub("found A of 12", words) == "found A of 12"


def test_what_is_quoted_goes_whole_though_it_holds_quotes() -> None:
    odd = quoted('Quill"1.dcm')
    assert scrub(f"e.g. {odd} and {quoted('7')}; move them") == "e.g. [name] and [name]; move them"
