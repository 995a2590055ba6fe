"""Names that only who has the salt can trace back."""

from __future__ import annotations

import hashlib
import hmac


def pseudonym(kind: str, text: str, salt: str) -> str:
    """Name a thing so that only who has the salt can tell which it is, e.g. `scan-3f2a...`."""
    digest = hmac.new(salt.encode(), f"{kind}\0{text}".encode(), hashlib.sha256)
    return f"{kind}-{digest.hexdigest()[:12]}"
