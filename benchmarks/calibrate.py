"""Measure on training scans how the error of filled slices follows from what can be seen before.

    python benchmarks/calibrate.py DATA [--model slices-faithful] [--draws 24] [--rows rows.json]
        > calibration.json

The result takes the place of `medgan/restoration/calibration.json`, which is in use meanwhile.

Training scans, varied as other protocols would have taken them (`calibration_material`), lose
slices; the mixture fills them; a plane is fitted to what can be seen (`expected.Evidence`) -> true
error, for thinned stacks and for adjacent slices apart. The scans of 132 persons (hippocampus)
count as much as those of four persons from all other sources; within each half every source and
protocol counts the same. Outliers pull with limited force (Huber 1964): a gap beside blank slices
must not tilt the plane. The tails are the 5th and 95th percentile of what is left on scans that
the plane was not fitted to: on each other source when it was fitted without that, and on each fold
of hippocampus scans when it was fitted without those. The table on standard error says how the
result does on such scans. The network has seen them: hidden and true error profit alike.
`benchmarks/restoration.py` checks the result on scans that were in neither. About ten minutes of
one core with the network that ships.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from calibration_fit import fit
from calibration_material import drawn_scans
from known_scans import known_scans
from pydantic import TypeAdapter
from restoration import block_takes

from medgan.interpolation import Filler
from medgan.models.info import find_model, read_info
from medgan.restoration import RestoreSettings, hide_and_score, load_fillers, positions_of
from medgan.restoration.expected import Calibration
from medgan.restoration.truth import SlicePrediction
from medgan.scans import Scan

REGULAR = ("x2", "x3", "x4", "x2")
"""One of these is drawn for a scan; half of the time x2, the usual case."""
ADJACENT = ("gap1", "gap2", "gap3", "gap4", "gap5", "gap6", "gap8")
N_ADJACENT = 3
"""So many of these are drawn for a scan, each in the middle or at one of several places."""
N_PLACES = 8
IN_THE_MIDDLE = 0.5
"""Share of gaps there: where most content is, and least like what can be hidden elsewhere."""


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name, folder or none")
    parser.add_argument("--draws", type=int, default=24, help="scans of every other source")
    parser.add_argument("--rows", type=Path, help="JSON file of every slice; read if it is there")
    options = parser.parse_args()
    if options.rows and options.rows.is_file():
        slices = TypeAdapter(list[SlicePrediction]).validate_json(options.rows.read_text())
    else:
        slices = list(collect(options.data, options.model, options.draws))
        if options.rows:
            options.rows.write_text(json.dumps([asdict(each) for each in slices]))
    table = Calibration(
        regular=fit([s for s in slices if s.kind.is_regular], "thinned"),
        adjacent=fit([s for s in slices if not s.kind.is_regular], "adjacent"),
        weights_sha256=weights_of(options.model),
        command=f"python benchmarks/calibrate.py DATA --model {options.model} "
        f"--draws {options.draws}",
    )
    sys.stdout.write(json.dumps(table.model_dump(), indent=2) + "\n")


def weights_of(model: str) -> str:
    """Return the hash by which the network is known again; empty for none."""
    return "" if model == "none" else read_info(find_model(model, "restorer")).weights_sha256


def collect(data: Path, model: str, n_draws: int) -> Iterator[SlicePrediction]:
    """Take slices away from varied training scans; yield what was seen and what came of it."""
    # One view of the network: more would help hidden and lost slices alike, at their cost.
    fillers = load_fillers(RestoreSettings(model=model, averaging=1))
    scans = [s for home in (True, False) for s in known_scans(data, "train", home=home, limit=None)]
    for number, scan in enumerate(drawn_scans(scans, n_draws)):
        sys.stderr.write(f"{scan.id}\n")
        yield from _predictions(scan, fillers, np.random.default_rng(number))


def _predictions(
    scan: Scan, fillers: Sequence[Filler], rng: np.random.Generator
) -> Iterator[SlicePrediction]:
    regular = rng.choice(REGULAR)
    adjacent = rng.choice(ADJACENT, N_ADJACENT, replace=False)
    for protocol in map(str, (regular, *adjacent)):
        takes = list(filter(None, block_takes(protocol, scan.n_positions, N_PLACES)))
        middle = positions_of(protocol, scan.n_positions)
        is_middle = rng.random() < IN_THE_MIDDLE or not takes
        taken = middle if is_middle else takes[rng.integers(len(takes))]
        if taken:
            yield from hide_and_score(scan, taken, protocol, fillers).slices


if __name__ == "__main__":
    main()
