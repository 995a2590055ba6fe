"""Find slices that were damaged on purpose, in real scans that no threshold was chosen by.

    python benchmarks/detect.py DATA --calibrate > medgan/restoration/detect_limits.json
    python benchmarks/detect.py DATA [--role test] [--limit 60] [--positions 2] [--rows rows.jsonl]

The first command looks at clean training scans alone: as they are, cut along the other axes,
thinned, averaged, and with slices missing. The second plants every kind of damage at random
places (seed: number of the scan), one slice at a time, and prints Markdown; its false alarms are
those on the scans as they came. Slices are damaged where they can be judged at all; how many
cannot is in the second table. The scale 0..1 stays that of the scan as it came.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from detect_tables import Clean, Planted, page
from known_scans import known_scans, source_of
from numpy.typing import NDArray
from planted_damage import KINDS as PLANTED
from planted_damage import Planter
from pydantic import TypeAdapter

from medgan.restoration.detect import search
from medgan.restoration.detect_limits import Limit, Limits
from medgan.restoration.leave_one_out import KINDS, LeaveOneOut
from medgan.restoration.surroundings import Standing, standing
from medgan.scans import Scan

MARGIN = 1.25
"""Threshold over the largest figure of any clean training slice."""
LEAST_FLOOR = 0.01
LEAST_FLOORS = {"saturated": 0.2}
"""Smallest unit of a figure: in most stacks no slice is saturated, and the spread is 0."""
EVERY = 8
"""Of the hippocampus crops, one in so many is looked at in other ways as well."""
HOLES = slice(3, None, 7)
"""Slices taken out, to see how their neighbours stand without them."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--role", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--limit", type=int, help="scans per group")
    parser.add_argument("--positions", type=int, default=2, help="places per scan but hippocampus")
    parser.add_argument("--rows", type=Path, help="JSON lines, one a scan; goes on from there")
    options = parser.parse_args()
    if options.calibrate:
        sys.stdout.write(json.dumps(calibrate(options.data).model_dump(), indent=2) + "\n")
        return
    done = read_rows(options.rows)
    for is_home in (True, False):
        for number, scan in enumerate(
            known_scans(options.data, options.role, home=is_home, limit=options.limit)
        ):
            if any(clean.scan == scan.id for clean, _ in done):
                continue
            sys.stderr.write(f"{scan.id}\n")
            row = score(scan, 1 if is_home else options.positions, number)
            done.append(row)
            if options.rows:
                with options.rows.open("a") as stream:
                    stream.write(json.dumps([asdict(row[0]), [asdict(p) for p in row[1]]]) + "\n")
    sys.stdout.write(page(done))


Row = tuple[Clean, list[Planted]]


def read_rows(path: Path | None) -> list[Row]:
    """Read the scans that an earlier run got through."""
    lines = path.read_text().splitlines() if path and path.is_file() else []
    return [TypeAdapter(Row).validate_json(line) for line in lines]


def score(scan: Scan, n_positions: int, seed: int) -> Row:
    """Look at a scan as it came, then with one slice damaged, for every kind and place."""
    planter = Planter(scan)
    stack = LeaveOneOut(planter.planes)
    as_it_came = search(stack, scan)
    clean = Clean(
        source=source_of(scan),
        scan=scan.id,
        n=scan.n_positions,
        n_unjudged=len(as_it_came.unjudged),
        alarms=tuple((s.position, s.kind, s.score) for s in as_it_came.damaged),
    )
    draw = np.random.default_rng(seed)
    judged = sorted(s.position for s in as_it_came.others)
    known = {alarm[0] for alarm in clean.alarms}
    planted = []
    for position in draw.permutation(judged)[:n_positions].tolist():
        for kind, (_, strengths) in PLANTED.items():
            for strength in strengths:
                damaged, plane = planter.plant(position, kind, strength, draw)
                found = search(with_plane(stack, position, plane), damaged)
                first = found.damaged[0] if found.damaged else None
                hit = next((s for s in found.damaged if s.position == position), None)
                planted.append(
                    Planted(
                        source=clean.source,
                        kind=kind,
                        strength=strength,
                        position=position,
                        named=hit.kind if hit else "",
                        is_first=first is not None and first.position == position,
                        is_either=bool(hit and hit.either),
                        false=tuple(
                            s.position
                            for s in found.damaged
                            if s.position != position and s.position not in known
                        ),
                    )
                )
    return clean, planted


def with_plane(stack: LeaveOneOut, position: int, plane: NDArray[np.float32]) -> LeaveOneOut:
    """Return the stack with one plane replaced; figures without it need not be computed again."""
    planes = np.array(stack.planes)
    planes[position] = plane
    figures = {key: figure for key, figure in stack._figures.items() if position not in key}
    return LeaveOneOut(planes, {}, figures)


def calibrate(data: Path) -> Limits:
    """Measure unit and threshold of every figure on clean training scans."""
    stacks = list(clean_standings(data))
    least = np.array([LEAST_FLOORS.get(kind, LEAST_FLOOR) for kind in KINDS])
    units = [1.4826 * np.median(np.abs(s.deviations), axis=0) for s in stacks]
    floors = np.maximum(np.median(units, axis=0), least)
    scores = np.concatenate([s.deviations / np.maximum(s.spreads, floors) for s in stacks])
    is_beside = np.concatenate([s.is_beside_hole for s in stacks])
    even, beside = (MARGIN * scores[rows].max(axis=0) for rows in (~is_beside, is_beside))
    return Limits(
        kinds={
            kind: Limit(
                floor=round(float(floor), 5),
                threshold=round(float(a), 3),
                beside_hole=round(float(max(a, b)), 3),
            )
            for kind, floor, a, b in zip(KINDS, floors, even, beside, strict=True)
        },
        n_stacks=len(stacks),
        n_slices=sum(len(s.positions) for s in stacks),
        command="python benchmarks/detect.py DATA --calibrate",
    )


def clean_standings(data: Path) -> Iterator[Standing]:
    """Yield how slices of clean training scans stand out, looked at in every way."""
    for is_home in (True, False):
        for number, scan in enumerate(known_scans(data, "train", home=is_home, limit=None)):
            sys.stderr.write(f"{scan.id}\n")
            planes = Planter(scan).planes
            ways = [planes] if is_home and number % EVERY else ways_to_look(planes, is_home)
            for way in ways:
                stack = LeaveOneOut(way)
                every = list(range(len(way)))
                gone = every[HOLES]
                for line in (every, [p for p in every if p not in gone]):
                    found = standing(stack, line, frozenset(line))
                    if found.positions:
                        yield found


def ways_to_look(planes: NDArray[np.float32], is_home: bool) -> Iterator[NDArray[np.float32]]:
    """Yield a stack as it is, cut along its other axes, thinned, and averaged to thick slices."""
    yield planes
    for axis in (1, 2):
        if planes.shape[axis] <= 2 * len(planes):  # else its pixels are far from square
            yield np.ascontiguousarray(np.moveaxis(planes, axis, 0))
    for factor in (2,) if is_home else (2, 3):
        whole = len(planes) // factor * factor
        yield planes[::factor]
        yield planes[:whole].reshape(-1, factor, *planes.shape[1:]).mean(axis=1)


if __name__ == "__main__":
    main()
