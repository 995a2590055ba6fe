"""From which figure on a slice is called damaged: measured on clean training scans.

`detect_limits.json` is what `benchmarks/detect.py --calibrate` prints.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from pydantic import Field

from medgan.settings import Settings, parse


class Limit(Settings):
    """Unit and threshold of one figure of `leave_one_out.Figures`."""

    floor: float = Field(gt=0)
    """Smallest spread that a figure is measured in: the median spread over clean training scans."""
    threshold: float = Field(gt=0)
    """Spreads above its surroundings from which a slice is damaged: 1.25 times the largest of any
    clean training slice."""
    beside_hole: float = Field(gt=0)
    """The same for slices whose neighbours are not equally far; no lower than `threshold`."""


class Limits(Settings):
    """Contents of `detect_limits.json`."""

    kinds: dict[str, Limit]
    n_stacks: int
    n_slices: int
    command: str


@cache
def limits() -> Limits:
    """Read the limits that ship with the package."""
    text = resources.files("medgan").joinpath("restoration", "detect_limits.json").read_text()
    return parse(Limits, json.loads(text), "detect_limits.json")
