"""How gaps are filled."""

from __future__ import annotations

from pydantic import Field

from medgan.settings import Settings


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
