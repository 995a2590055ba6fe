"""Names that only who has the salt can trace back."""

from __future__ import annotations

import hashlib
import hmac


def pseudonym(kind: str, text: str, salt: str) -> str:
    """Name a thing so that only who has the salt can tell which it is, e.g. `scan-3f2a...`."""
    secret, named = bytes_of(salt), bytes_of(f"{kind}\0{text}")
    digest = hmac.new(secret, named, hashlib.sha256)
    return f"{kind}-{digest.hexdigest()[:12]}"


def bytes_of(text: str) -> bytes:
    """Encode a text that may hold a file name: its bytes need not be UTF-8, and it is no fault."""
    return text.encode("utf-8", "surrogatepass")
