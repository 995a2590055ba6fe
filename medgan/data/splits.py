"""The one split of the scans we know, matched by content and not by name: `configs/splits.yaml`.

A copied, renamed or re-packed test scan is still a test scan. Folders of unknown scans are split
by seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from medgan.data.cases import Case
from medgan.scans import Grid, Scan
from medgan.settings import Settings, find, parse, read_yaml

Role = Literal["train", "validation", "test"]

HELD_OUT = 0.15
"""Share of an unknown folder that is not trained on."""


class Entry(Settings):
    """One line of `configs/splits.yaml`."""

    name: str
    """For people: where the scan lay when it was hashed. Never matched."""
    sha256: str
    """`Scan.content_hash`."""
    part: Role
    """What it may be used for."""
    positions: tuple[int, int] | None = None
    """First and last position along the slice axis that belong to the part, for a stack of which
    the rest is test; None: all."""


class SplitFile(Settings):
    """All of `configs/splits.yaml`."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Part:
    """What a known scan may be used for.

    Parameters
    ----------
    role
        Of the positions below; every other position is test.
    positions
        None: all of them.
    """

    role: Role
    positions: range | None = None


@dataclass(frozen=True)
class Split:
    """Cases by what they may be used for."""

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def part_of_hash(sha256: str) -> Part | None:
    """Return what the scan of a `content_hash` may be used for; None for one we do not know."""
    return _known().get(sha256)


def crop_to_part(scan: Scan, part: Part) -> Scan:
    """Return the stretch of a stack that belongs to its part, with its own grid and axis."""
    if part.positions is None:
        return scan
    inside = [slice(None)] * 3
    inside[scan.axis] = along = slice(part.positions.start, part.positions.stop)
    origin = np.zeros(3)
    origin[scan.axis] = part.positions.start
    stored = scan.stored[tuple(inside)]
    affine = scan.affine.copy()
    affine[:3, 3] = scan.grid.position(origin)
    i, j, k = stored.shape
    source = scan.source
    per_position = len(source.files) == scan.n_positions > 1
    return replace(
        scan,
        stored=stored,
        grid=Grid((i, j, k), affine),
        present=scan.present[along],
        synthetic=scan.synthetic[along],
        slope=scan.slope[along],
        intercept=scan.intercept[along],
        instances=scan.instances[along],
        region=None if scan.region is None else scan.region[tuple(inside)],
        source=replace(
            source,
            files=source.files[along] if per_position else source.files,
            frames=source.frames[along],
        ),
    )


def split_cases(cases: Sequence[Case], hashes: Mapping[str, str], seed: int) -> Split:
    """Split cases: known scans by `configs/splits.yaml`, the unknown ones by seed.

    Parameters
    ----------
    cases
        As `index_cases` gives them.
    hashes
        `Scan.content_hash` of the image by case id.
    seed
        Draws the 15 % of unknown cases that become test; the draw depends on contents only, not
        on names or order. Three or fewer are all trained on.
    """
    roles: dict[str, Role] = {}
    unknown: list[str] = []
    for case in cases:
        part = part_of_hash(hashes[case.id])
        if part is None:
            unknown.append(case.id)
        else:
            roles[case.id] = part.role
    unknown.sort(key=lambda case_id: (hashes[case_id], case_id))
    order = np.random.default_rng(np.random.SeedSequence((seed, 0x5B117))).permutation(len(unknown))
    n_test = int(HELD_OUT * len(unknown) + 0.5)
    for rank, place in enumerate(order):
        roles[unknown[place]] = "test" if rank < n_test else "train"

    def of(role: Role) -> tuple[Case, ...]:
        return tuple(case for case in cases if roles[case.id] == role)

    return Split(of("train"), of("validation"), of("test"))


@cache
def _known() -> dict[str, Part]:
    path = find("splits", "configs")
    entries = parse(SplitFile, read_yaml(path), path.name).entries
    return {
        entry.sha256: Part(
            entry.part,
            None if entry.positions is None else range(entry.positions[0], entry.positions[1] + 1),
        )
        for entry in entries
    }
