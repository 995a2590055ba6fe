"""Measure on training scans how the error of filled slices follows from what can be seen before.

    python benchmarks/calibrate.py DATA [--model slices-faithful] [--draws 40] [--rows rows.json]
        > medgan/restoration/calibration.json

Training scans, varied as other protocols would have taken them (`calibration_material`), lose
slices; the mixture fills them; a plane is fitted to (hidden slices, rims, accord of the fillers) ->
true error, for thinned stacks and for adjacent slices apart. Every source and protocol counts the
same. The tails are the 5th and 95th percentile of what is left on each source when the plane was
fitted to the others: what differs from source to source is in them. The table on standard error
says how such an interval does on a source that neither plane nor tails have met. The network has
seen these scans: hidden and true error profit alike. `benchmarks/restoration.py` checks the result
on scans that were in neither. Ten seconds of one core a draw, with the network that ships.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from calibration_material import drawn_scans
from known_scans import known_scans
from numpy.typing import NDArray
from pydantic import TypeAdapter
from restoration import block_takes

from medgan.interpolation import Filler
from medgan.restoration import RestoreSettings, hide_and_score, load_fillers
from medgan.restoration.expected import Calibration, Evidence, KindCalibration, Plane
from medgan.restoration.trial import PERFECT_DB
from medgan.restoration.truth import SlicePrediction
from medgan.scans import Scan

Floats = NDArray[np.float64]

REGULAR = ("x2", "x3", "x4", "x2")
"""One of these is drawn for a scan; half of the time x2, the usual case."""
ADJACENT = ("gap1", "gap2", "gap3", "gap4", "gap5", "gap6", "gap8")
N_ADJACENT = 3
"""So many of these are drawn for a scan, each at one of several places."""
N_PLACES = 8


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name, folder or none")
    parser.add_argument("--draws", type=int, default=40, help="varied scans of every source")
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
        command=f"python benchmarks/calibrate.py DATA --model {options.model} "
        f"--draws {options.draws}",
    )
    sys.stdout.write(json.dumps(table.model_dump(), indent=2) + "\n")


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
        if takes:
            taken = takes[rng.integers(len(takes))]
            yield from hide_and_score(scan, taken, protocol, fillers).slices


@dataclass(frozen=True)
class Slices:
    """One quantity of many slices: what was seen (n, 3), what was true (n,), and of what source."""

    seen: Floats
    true: Floats
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]
    ceiling: float
    relative: bool

    @classmethod
    def of(
        cls,
        slices: Sequence[SlicePrediction],
        quantity: Callable[[SlicePrediction], tuple[Evidence, float]],
        *,
        ceiling: float,
        relative: bool,
    ) -> Slices:
        """Gather one quantity."""
        pairs = [quantity(each) for each in slices]
        return cls(
            seen=np.array([[e.hidden, e.rims, e.accord] for e, _ in pairs]),
            true=np.nan_to_num([true for _, true in pairs]),
            sources=np.array([s.scan.split("/")[0] for s in slices]),
            groups=np.array([f"{s.scan.split('/')[0]} {s.protocol}" for s in slices]),
            ceiling=ceiling,
            relative=relative,
        )

    def where(self, chosen: NDArray[np.bool_]) -> Slices:
        """Return some of them."""
        arrays = ("seen", "true", "sources", "groups")
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})

    @property
    def weights(self) -> Floats:
        """Weights by which every source and protocol counts the same, sum 1."""
        _, index, count = np.unique(self.groups, return_inverse=True, return_counts=True)
        weights = 1 / count[index]
        return np.asarray(weights / weights.sum())

    def left_by(self, plane: Plane) -> Floats:
        """Return true - expected, in the unit of the tails."""
        values = [plane.value(Evidence(*row)) for row in self.seen]
        units = [plane.unit(value, self.ceiling) for value in values]
        return np.asarray((self.true - np.array(values)) / np.array(units))


def fit(slices: Sequence[SlicePrediction], name: str) -> KindCalibration:
    """Fit both planes of one sort of gap, and say how they do on sources they have not met."""
    in_db = Slices.of(
        slices, lambda s: (s.psnr_db, s.true_psnr_db), ceiling=PERFECT_DB, relative=False
    )
    in_ssim = Slices.of(slices, lambda s: (s.ssim, s.true_ssim), ceiling=1.0, relative=True)
    for quantity, each in (("PSNR", in_db), ("SSIM", in_ssim)):
        for source in np.unique(each.sources):
            mine = each.sources == source
            left = each.where(mine).left_by(plane := with_tails(each.where(~mine)))
            inside = np.mean((plane.low <= left) & (left <= plane.high))
            sys.stderr.write(f"{name} {quantity}, {source} left out: {inside:.0%} inside\n")
    return KindCalibration(
        psnr_db=with_tails(in_db),
        ssim=with_tails(in_ssim),
        n_scans=len({s.scan for s in slices}),
        n_slices=len(slices),
    )


def with_tails(slices: Slices) -> Plane:
    """Fit a plane; its tails are what is left on each source by a plane fitted to the others."""
    left = np.zeros(len(slices.true))
    for source in np.unique(slices.sources):
        mine = slices.sources == source
        left[mine] = slices.where(mine).left_by(plane_of(slices.where(~mine)))
    order = np.argsort(left)
    reached = np.cumsum(slices.weights[order])
    low, high = (float(left[order][np.searchsorted(reached, share)]) for share in (0.05, 0.95))
    tails = {"low": round(min(low, 0.0), 5), "high": round(max(high, 0.0), 5)}
    return plane_of(slices).model_copy(update=tails)


def plane_of(slices: Slices) -> Plane:
    """Least squares, weighted."""
    root = np.sqrt(slices.weights)
    A = np.column_stack([np.ones(len(slices.true)), slices.seen])
    found = np.linalg.lstsq(A * root[:, None], slices.true * root, rcond=None)[0]
    offset, hidden, rims, accord = (round(float(c), 5) for c in found)
    return Plane(
        offset=offset,
        hidden=hidden,
        rims=rims,
        accord=accord,
        low=0,
        high=0,
        relative=slices.relative,
    )


if __name__ == "__main__":
    main()
