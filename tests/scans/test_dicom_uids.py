"""Identifiers from content: valid, repeatable, unlike for unlike parts."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st
from pydicom.uid import UID

from medgan.scans.dicom_uids import derive_uid

PARTS = st.lists(st.one_of(st.text(max_size=9), st.binary(max_size=9)), max_size=4)


def as_bytes(parts: list[str | bytes]) -> list[bytes]:
    return [part.encode() if isinstance(part, str) else part for part in parts]


@hypothesis.given(PARTS, PARTS)
@hypothesis.settings(max_examples=60, deadline=None)
def test_equal_parts_alone_give_equal_identifiers(first, second):
    same = as_bytes(first) == as_bytes(second)
    assert (derive_uid(*first) == derive_uid(*second)) is same


@hypothesis.given(PARTS)
@hypothesis.settings(max_examples=60, deadline=None)
def test_identifiers_are_valid(parts):
    uid = UID(derive_uid(*parts))
    assert uid.is_valid
    assert uid.startswith("2.25.")
    assert len(uid) <= 44
