"""Fill slices taken out of scans that were never trained on, by every method, in one run.

    python benchmarks/restoration.py DATA [--model slices-faithful] [--limit 5]
        [--protocols x2,gap1] [--groups hippocampus,unseen] [--out page.md] [--rows rows.jsonl]

Prints Markdown. Hippocampus: 60 test volumes, slices along the third axis, every S-th slice
kept or a gap in the middle. Unseen scans: whole slices; a block gap is the mean over at
least eight positions. PSNR in the range P0.5..P99.5 of the complete scan, over all voxels taken
away; SSIM per slice, 7 x 7. Cells are scan x protocol; methods see kept slices only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from known_scans import known_scans
from numpy.typing import NDArray
from pydantic import TypeAdapter
from restoration_tables import ScanResult, page
from scipy.interpolate import CubicSpline

from medgan.interpolation import Filler, Stack
from medgan.restoration import RestoreSettings, hide_and_score, load_fillers, positions_of
from medgan.restoration.truth import MethodScore, SlicePrediction
from medgan.scans import Scan

PROTOCOLS = ("x2", "x4", "gap1", "gap2", "gap4", "gap8")
GROUPS = ("hippocampus", "unseen")
N_BLOCKS = 8


@dataclass(frozen=True)
class WholeSpline:
    """scipy's cubic spline through every slice that is left: what most tools would do.

    No candidate of the mixture: in wide gaps it overshoots without bound.
    """

    name: str = "whole_spline"

    def fill(self, stack: Stack, targets: Sequence[int]) -> NDArray[np.float32]:
        """Interpolate every pixel along the slices."""
        there = np.flatnonzero(stack.present)
        curve = CubicSpline(stack.positions_mm[there], stack.planes[there])
        return np.asarray(curve(stack.positions_mm[list(targets)]), dtype=np.float32)


def main() -> None:
    """Run and print."""
    options = parse_arguments()
    settings = RestoreSettings(model=options.model, averaging=options.averaging)
    fillers = load_fillers(settings, device=options.device)
    results = read_results(options.rows) if options.rows else []
    done = {(result.group, result.scan) for result in results}
    for group in options.groups:
        is_home = group == GROUPS[0]
        for scan in known_scans(options.data, "test", home=is_home, limit=options.limit):
            if (group, scan.id) in done:
                continue
            sys.stderr.write(f"{group} {scan.id}\n")
            result = run_scan(scan, group, options.protocols, fillers, options.blocks)
            results.append(result)
            if options.rows:
                with options.rows.open("a") as stream:
                    stream.write(json.dumps(asdict(result)) + "\n")
    text = page(results, [filler.name for filler in fillers])
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def read_results(path: Path) -> list[ScanResult]:
    """Read the scans that an earlier run got through."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [TypeAdapter(ScanResult).validate_json(line) for line in lines]


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name, folder or none")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--averaging", type=int, help="views of the network; by size if not given")
    parser.add_argument("--blocks", type=int, default=N_BLOCKS, help="block gaps per unseen scan")
    parser.add_argument("--limit", type=int, help="scans per group")
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=PROTOCOLS)
    parser.add_argument("--groups", type=lambda text: text.split(","), default=GROUPS)
    parser.add_argument("--out", type=Path, help="Markdown file")
    parser.add_argument("--rows", type=Path, help="JSON lines, one a scan; goes on from there")
    return parser.parse_args()


def run_scan(
    scan: Scan, group: str, protocols: Sequence[str], fillers: Sequence[Filler], n_blocks: int
) -> ScanResult:
    """Take slices away by every protocol; a cell is the mean over its blocks."""
    methods: list[MethodScore] = []
    slices: list[SlicePrediction] = []
    for protocol in protocols:
        takes = (
            [positions_of(protocol, scan.n_positions)]
            if group == GROUPS[0]
            else block_takes(protocol, scan.n_positions, n_blocks)
        )
        results = [
            hide_and_score(scan, taken, protocol, fillers, beside=[WholeSpline()])
            for taken in takes
            if taken
        ]
        methods += map(mean_score, zip(*(result.methods for result in results), strict=True))
        slices += [prediction for result in results for prediction in result.slices]
    return ScanResult(group, scan.id, tuple(methods), tuple(slices))


def block_takes(protocol: str, n: int, n_blocks: int) -> list[list[int]]:
    """Return what to take away at once: one set for xS, several blocks for gapG."""
    if protocol.startswith("x"):
        return [positions_of(protocol, n)]
    length = int(protocol.removeprefix("gap"))
    last = n - 2 - length
    starts = sorted({round(s) for s in np.linspace(2, last, n_blocks)}) if last >= 2 else []
    return [list(range(start, start + length)) for start in starts]


def mean_score(scores: Sequence[MethodScore]) -> MethodScore:
    """Return the mean over blocks of one method on one scan."""
    means = {
        field.name: float(np.mean([getattr(score, field.name) for score in scores]))
        for field in fields(MethodScore)
        if field.type == "float"
    }
    return replace(scores[0], n_slices=sum(score.n_slices for score in scores), **means)


if __name__ == "__main__":
    main()
