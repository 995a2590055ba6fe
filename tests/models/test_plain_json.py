"""JSON from strangers has one meaning, or is refused without a word of it being quoted."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgan.models.plain_json import MAX_DEPTH, parse_plain

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), PLAIN, max_size=4))
def test_what_was_written_is_read(document: dict[str, object]) -> None:
    assert parse_plain(json.dumps(document).encode()) == document


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_a_fault(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_plain(data), dict)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"secret": NaN}', "not finite"),
        (b'{"secret": -Infinity}', "not finite"),
        (b'{"secret": 1e999}', "not finite"),
        (b'{"secret": 1, "secret": 1}', "stands twice"),
        (b'{"secret": ' + b"1" * 20 + b"}", "more than 19 digits"),
        (b'{"secret": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "32 levels"),
        (b'{"secret": ' + b"[" * 10**5, "32 levels"),
        (b'"secret"', "no JSON object"),
        (b'{"secret"', "no JSON: "),
        (b'{"secret\xff": 1}', "no UTF-8"),
    ],
)
def test_what_it_is_refused_for(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_plain(data)
    assert "secret" not in str(caught.value)
