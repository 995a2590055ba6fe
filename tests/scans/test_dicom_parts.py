"""Small parts of written objects, held against pydicom's rules and exact arithmetic."""

from __future__ import annotations

import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from pydicom.config import RAISE
from pydicom.uid import UID
from pydicom.valuerep import validate_value

from medgan.scans import dicom_parts as parts


@pytest.mark.parametrize(
    "number",
    [0.0, -0.0, 1 / 3, -1 / 3, 1e-12, -123456789.123456789, 6.02e23, 1024, np.float32(0.1)],
)
def test_a_decimal_is_legal_and_as_near_as_16_characters_allow(number):
    text = parts.decimal(number)
    validate_value("DS", text, RAISE)
    assert text != "-0.0"
    assert float(text) == pytest.approx(float(number), rel=1e-8, abs=1e-30)


def test_tidy_decimals_drop_the_dust_of_floating_point():
    assert [float(t) for t in parts.tidy_decimals([0.1 + 0.2, -1e-17, 2.0])] == [0.3, 0, 2]
    assert parts.decimals([0.5, 2]) == ["0.5", "2.0"]


@pytest.mark.parametrize(("n", "of"), [(1, 2), (1, 3), (2, 3), (5, 7)])
def test_positions_in_between_are_exact_to_what_16_characters_hold(n, of):
    before, after = ["-102.34567", " 17", "1e-3"], ["-99.98765 ", "17", "-250.5"]
    texts = parts.between(before, after, Decimal(n) / Decimal(of))
    for first, second, text in zip(before, after, texts, strict=True):
        validate_value("DS", text, RAISE)
        a, b = Fraction(first.strip()), Fraction(second.strip())
        assert abs(Fraction(text) - (a + (b - a) * Fraction(n, of))) < Fraction(1, 10**9)
    assert texts[1] == "17"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ångström", "Angstrom"),
        ("one\\two", "one/two"),
        ("line\nbreak\tand  blanks ", "line break and blanks"),
        ("日本", ""),
    ],
)
def test_plain_text_is_ascii_of_one_value(text, expected):
    assert parts.plain(text, 64) == expected
    assert parts.plain("x" * 70, 64) == "x" * 64


@pytest.mark.parametrize(
    "derivation", ["Filled.", "long " * 400, "Research use only, not for diagnosis"]
)
def test_a_derivation_always_ends_in_its_disclaimer_and_fits(derivation):
    text = parts.derivation_text("Kept.", derivation)
    validate_value("ST", text, RAISE)
    assert len(text) <= 1024
    assert text.lower().count(parts.DISCLAIMER) == 1


def test_meta_information_is_what_pydicom_asks_for():
    meta = parts.file_meta("1.2.840.10008.5.1.4.1.1.2", "2.25.7")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for element in meta:
            validate_value(element.VR, str(element.value), RAISE)
    assert meta.TransferSyntaxUID.is_little_endian
    assert not meta.TransferSyntaxUID.is_implicit_VR
    assert UID(meta.ImplementationClassUID).is_valid


def test_a_reference_counts_frames_from_one():
    item = parts.reference("1.2", "2.25.7", 0, same_place=False)
    assert item.ReferencedFrameNumber == 1
    assert item.SpatialLocationsPreserved == "NO"
    assert "ReferencedFrameNumber" not in parts.reference("1.2", "2.25.7", None, same_place=True)
