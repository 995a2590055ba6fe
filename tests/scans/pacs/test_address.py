from __future__ import annotations

import pytest

from medgan.errors import UsageError
from medgan.scans.pacs.address import Address, check_aet, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("dicom://A@h:4242", Address("h", 4242, "dicom://A@h:4242", "A")),
        ("dicom://A@h", Address("h", 104, "dicom://A@h:104", "A")),
        ("dicoms://A@h/", Address("h", 2762, "dicoms://A@h:2762", "A", True)),
        ("dicom://MY%20PACS@h:1", Address("h", 1, "dicom://MY%20PACS@h:1", "MY PACS")),
        ("dicom://A@[::1]:4242", Address("::1", 4242, "dicom://A@[::1]:4242", "A")),
        ("https://h/dicom-web/", Address("h", 443, "https://h/dicom-web", "", True)),
        ("http://h:8042/dicom-web", Address("h", 8042, "http://h:8042/dicom-web")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert address.is_web == text.startswith("http")


@pytest.mark.parametrize(
    "text",
    [
        "pacs.example:4242",
        "ftp://h/x",
        "dicom://h:4242",
        "dicom://@h:4242",
        "dicom://A:secret@h:4242",
        "dicom://A@h:4242/path",
        "dicom://A@h:99999",
        "dicom://A@h:x",
        "dicom://SEVENTEENLETTERS!@h",
        "dicom://",
        "https://",
        "https://h/x?PatientID=secret",
        "https://user:secret@h/x",
        "https://[::1/x",
        "",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_password_in_the_address_is_sent_elsewhere() -> None:
    with pytest.raises(UsageError, match="must not stand in the address") as caught:
        parse_address("https://user:secret@h/x")
    assert "MEDGAN_PACS_PASSWORD" in caught.value.hint


@pytest.mark.parametrize("title", ["", "  ", "A" * 17, "A\\B", "Ä", "A\nB"])
def test_titles_that_no_node_can_have(title: str) -> None:
    with pytest.raises(UsageError, match="the title has to be 1 to 16 plain characters"):
        check_aet(title, "the title")


def test_a_title_loses_its_outer_blanks() -> None:
    assert check_aet(" MY PACS ", "the title") == "MY PACS"
