"""A part of a run: which items one of several machines, jobs or processes works on."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from medgan.errors import UsageError

_SHARD = re.compile(r"^([1-9]\d{0,5})/([1-9]\d{0,5})$")


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a run; numbers start at 1.

    An item belongs to a shard by the hash of its name. So whatever is added or taken away beside
    it, and whatever the settings are, it stays in the same shard.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `2/4`.

        Raises
        ------
        UsageError
            If it is no shard.
        """
        found = _SHARD.match(text.strip())
        if not found or int(found[1]) > int(found[2]):
            raise UsageError(
                f"expected a shard such as 2/4, found {text!r}",
                where="--shard",
                hint="The second number is how many shards there are, the first which one this is, "
                "from 1.",
            )
        return cls(int(found[1]), int(found[2]))

    @property
    def name(self) -> str:
        """Its name in file names: `shard-2-of-4`."""
        return f"shard-{self.number}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, unit: str) -> bool:
        """Whether the unit with this id belongs to it."""
        digest = hashlib.sha256(unit.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1
