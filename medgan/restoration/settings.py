"""How gaps are filled."""

from __future__ import annotations

from pydantic import Field

from medgan.settings import Settings

ADAPT = r"^([1-9]\d{0,5}s?)?$"
"""Seconds or steps of adaptation, or nothing."""


class RestoreSettings(Settings):
    """Settings of one restoration."""

    model: str = "slices-faithful"
    """Model folder or name of a shipped model; `none`: classical fillers only."""
    missing: tuple[int, ...] | None = None
    """Positions to fill over, zero-based as `inspect` prints them; None: those that are missing."""
    fill_ends: bool = False
    """Extrapolate slices that are missing beyond the last measured one, at either end."""
    force: bool = False
    """Fill gaps that are wider than what could be tried out on this scan."""
    averaging: int | None = Field(None, ge=1, le=8)
    """Flips and reversals the network's answer is averaged over; None: 8 for small planes, 2
    up to 256 x 256, 1 beyond."""
    texture: float = Field(0.0, ge=0, le=1)
    """Share of the way from `model` to `natural`, weight by weight: 0 is the most faithful, 1 has
    the most texture."""
    natural: str = "slices-natural"
    """Model folder or name of a shipped model that `texture` 1 stands for."""
    adapt: str = Field("", pattern=ADAPT)
    """Adapt the network to every scan, as one more candidate: for so long (`30s`, on this machine)
    or for so many steps (`100`, which can be repeated exactly); empty: not at all."""
