"""What `detect.py` counts, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from planted_damage import KINDS, REQUIRED

Z = 1.96


@dataclass(frozen=True)
class Clean:
    """One scan as it came.

    Parameters
    ----------
    alarms
        Position, kind and score of every slice called damaged.
    """

    source: str
    scan: str
    n: int
    n_unjudged: int
    alarms: tuple[tuple[int, str, float], ...]


@dataclass(frozen=True)
class Planted:
    """One damaged slice, and what was said.

    Parameters
    ----------
    named
        Kind that was told at the position; empty: it was not found.
    is_first
        It was the worst of all that were found.
    is_either
        It was told that its twin may be the false one.
    false
        Other positions called damaged, those of the scan as it came left out.
    """

    source: str
    kind: str
    strength: float
    position: int
    named: str
    is_first: bool
    is_either: bool
    false: tuple[int, ...]


def page(rows: Sequence[tuple[Clean, Sequence[Planted]]]) -> str:
    """Return both tables."""
    planted = [each for _, many in rows for each in many]
    return "\n".join([*damage_table(planted), "", *clean_table([clean for clean, _ in rows]), ""])


def damage_table(planted: Sequence[Planted]) -> list[str]:
    """One line per kind and strength."""
    lines = [
        "| damage | strength | n | recall | precision | worst of all | named so | most called |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, (_, strengths) in KINDS.items():
        for strength in strengths:
            these = [p for p in planted if (p.kind, p.strength) == (kind, strength)]
            if these:
                needed = strength >= REQUIRED.get(kind, np.inf)
                lines.append(_damage_line(kind, strength, these, "**" if needed else ""))
    return lines


def _damage_line(kind: str, strength: float, these: Sequence[Planted], bold: str) -> str:
    hits = [p for p in these if p.named]
    n_false = sum(len(p.false) for p in these)
    names = [p.named for p in hits]
    usual = max(set(names), key=names.count) if names else "-"
    return (
        f"| {bold}{kind}{bold} | {strength:g} | {len(these)} | {share(len(hits), len(these))} "
        f"| {share(len(hits), len(hits) + n_false)} "
        f"| {share(sum(p.is_first for p in these), len(these))} "
        f"| {names.count(kind)} of {len(hits)} | {usual} |"
    )


def clean_table(scans: Sequence[Clean]) -> list[str]:
    """One line per data set."""
    lines = [
        "| source | scans | slices | not judged | false alarms | of judged slices |",
        "|---|---|---|---|---|---|",
    ]
    sources = sorted({scan.source for scan in scans})
    for source in [*sources, ""]:
        these = [scan for scan in scans if source in ("", scan.source)]
        n, unjudged = sum(s.n for s in these), sum(s.n_unjudged for s in these)
        alarms = sum(len(s.alarms) for s in these)
        lines.append(
            f"| {source or 'all'} | {len(these)} | {n} | {unjudged} | {alarms} "
            f"| {share(alarms, n - unjudged, digits=4)} |"
        )
    return lines


def share(part: int, whole: int, digits: int = 2) -> str:
    """Write a share with its 95 % interval (Wilson 1927)."""
    if not whole:
        return "-"
    p = part / whole
    middle = (p + Z**2 / (2 * whole)) / (1 + Z**2 / whole)
    half = Z * np.sqrt(p * (1 - p) / whole + Z**2 / (4 * whole**2)) / (1 + Z**2 / whole)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{p:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
