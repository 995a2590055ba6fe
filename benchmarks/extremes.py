"""Picture the best and the worst cell of the restoration benchmark, side by side.

    python benchmarks/extremes.py DATA --rows rows.jsonl --out docs/images [--protocols x2,gap4]

Takes what `benchmarks/restoration.py --rows` wrote. Best and worst are the hippocampus test volumes
that gained most and least over the best classical method of each, an oracle that sees the truth;
shown is the slice that the mixture filled worst there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from known_scans import HOME, known_scans
from PIL import Image
from restoration import GROUPS, PROTOCOLS, read_results
from restoration_tables import NO_CANDIDATE, ORACLE, Cells, ScanResult

from medgan.interpolation import Filler
from medgan.report import hidden_slice_figure
from medgan.restoration import RestoreSettings, hide_and_score, load_fillers, positions_of
from medgan.restoration.trial import MIXTURE
from medgan.scans import Scan

SHOWN = (MIXTURE, "linear")

N_COLOURS = 192
"""Of a picture, to keep it small."""


def main() -> None:
    """Draw one picture a protocol."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--model", default="slices-faithful", help="name or folder")
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=("x2", "gap4"))
    options = parser.parse_args()
    unknown = set(options.protocols) - set(PROTOCOLS)
    if unknown:
        parser.error(f"unknown protocols: {', '.join(sorted(unknown))}")
    fillers = load_fillers(RestoreSettings(model=options.model))
    results = [result for result in read_results(options.rows) if result.group == GROUPS[0]]
    scans = {scan.id: scan for scan in known_scans(options.data, "test", home=True, limit=None)}
    for protocol in options.protocols:
        gains = gains_over_oracle(results, protocol, fillers)
        chosen = [max(gains, key=gains.__getitem__), min(gains, key=gains.__getitem__)]
        parts = [panel(scans[name], protocol, fillers) for name in chosen]
        path = options.out / f"{HOME}_{protocol}_best_and_worst.png"
        beside(parts).quantize(N_COLOURS).save(path, optimize=True)
        said = ", ".join(f"{name} {gains[name]:+.2f} dB" for name in chosen)
        sys.stdout.write(f"{path.name}: left the best, right the worst: {said}\n")


def gains_over_oracle(
    results: Sequence[ScanResult], protocol: str, fillers: Sequence[Filler]
) -> dict[str, float]:
    """Return what each scan gained over the best classical method, dB."""
    classical = [*(f.name for f in fillers if not f.name.startswith("slices")), NO_CANDIDATE]
    cells = Cells([score for result in results for score in result.methods], classical)
    gains = cells.psnr(protocol, MIXTURE) - cells.psnr(protocol, ORACLE)
    return dict(zip(cells.scans[protocol], gains.tolist(), strict=True))


def panel(scan: Scan, protocol: str, fillers: Sequence[Filler]) -> Image.Image:
    """Draw the slice that was filled worst: truth, estimate and error of the methods shown."""
    taken = positions_of(protocol, scan.n_positions)
    worst = hide_and_score(scan, taken, protocol, fillers).worst
    with tempfile.TemporaryDirectory() as folder:
        path = hidden_slice_figure(
            worst.true,
            {name: worst.filled[name] for name in SHOWN},
            scan.axis,
            scan.spacing_mm,
            Path(folder) / "panel.png",
            caption=protocol,
            orientation=scan.grid.orientation,
            modality=scan.modality,
        )
        with Image.open(path) as picture:
            return picture.convert("RGB")


def beside(parts: Sequence[Image.Image]) -> Image.Image:
    """Put pictures side by side."""
    offsets = np.cumsum([0, *(part.width for part in parts)])
    size = int(offsets[-1]), max(part.height for part in parts)
    page = Image.new("RGB", size, parts[0].getpixel((0, 0)))
    for part, x in zip(parts, offsets[:-1].tolist(), strict=True):
        page.paste(part, (x, 0))
    return page


if __name__ == "__main__":
    main()
