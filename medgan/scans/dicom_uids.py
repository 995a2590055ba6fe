"""Unique identifiers made from content: the same input gives the same one, any change another."""

from __future__ import annotations

import hashlib

IMPLEMENTATION_UID = "2.25.271828182845904523536028747135266249775"
"""Implementation Class UID (0002,0012): fixed, says that medgan wrote the file."""


def derive_uid(*parts: str | bytes) -> str:
    """Make `2.25.` and the decimal of a 128-bit hash: at most 44 characters (PS3.5 B.2)."""
    return f"2.25.{int.from_bytes(_digest(parts)[:16], 'big')}"


def derive_code(*parts: str | bytes) -> str:
    """Make 12 hex digits for a made-up patient identifier."""
    return _digest(parts)[:6].hex().upper()


def _digest(parts: tuple[str | bytes, ...]) -> bytes:
    """sha256 of parts with their lengths, so that no two splits of one text are the same."""
    digest = hashlib.sha256(b"medgan")
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.digest()
