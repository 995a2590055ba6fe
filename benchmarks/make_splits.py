"""Write configs/splits.yaml: which known scan may be used for what, matched by content hash.

    python benchmarks/make_splits.py DATA > configs/splits.yaml

DATA is the folder of shared scans. Run it again only when scans are added or `Scan.content_hash`
changes; the parts themselves are settled in this file.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from medgan.data.splits import Part, crop_to_part
from medgan.scans import Scan, discover, load_found

HEAD = """\
# The one split of the scans this project knows. Made by benchmarks/make_splits.py, not by hand.
#
# name       where the scan lay when it was hashed, for people; never matched
# sha256     Scan.content_hash: stored values, grid, rescale and gaps; file names do not count
# part       train, validation (trained on unless something is chosen by it), or test (never)
# positions  first and last position along the slice axis of that part; the rest is test
#
# hippocampus: sorted names shuffled by random.Random(0); first 140 train, the last 8 of them
# validation; last 60 test. ct_abdomen_dicom is one patient in two parts: instance numbers 81 to
# 100 (positions 0 to 19, z -236.5 to -189.0 mm) are trained on, 61 to 80 (positions 20 to 39,
# z -186.5 to -139.0 mm) are test: figures on that part are those of a patient whose neighbouring
# slices were seen. Folders of scans that are not listed are trained on but for a seeded 15 %.
entries:
"""

TRAIN = ("brain_ms_mni/patient07", "brain_ms_clinical/patient01", "ct_abdomen_nifti")
TEST = (
    "mixed_scan_folder",
    "mr_t1_dicom",
    "brain_ms_mni/patient19",
    "brain_ms_clinical/patient12",
    "brain_tumour_studies",
    "ct_body_jpeg2000_dicom",
    "mr_enhanced_multiframe_phantom",
)
N_TRAIN, N_VALIDATION = 140, 8
CT_TRAINED = (0, 19)
"""Positions of instance numbers 100 to 81: the stack goes feet to head, the numbers do not."""


def main(data: Path) -> None:
    """Print the file."""
    lines = [*hippocampus(data / "hippocampus" / "images"), *stack(data / "ct_abdomen_dicom")]
    lines += [line for name in TRAIN for line in whole(data, name, "train")]
    lines += [line for name in TEST for line in whole(data, name, "test")]
    sys.stdout.write(HEAD + "\n".join(lines) + "\n")


def hippocampus(folder: Path) -> Iterator[str]:
    """Yield the 200 volumes in the order of the shuffle."""
    names = sorted(path.name for path in folder.glob("*.nii.gz"))
    random.Random(0).shuffle(names)
    for rank, name in enumerate(names):
        trained = "validation" if rank >= N_TRAIN - N_VALIDATION else "train"
        part = trained if rank < N_TRAIN else "test"
        yield entry(f"hippocampus/{name}", only(folder / name), part)


def stack(folder: Path) -> Iterator[str]:
    """Yield the one stack that is in two parts, whole and as either part by itself."""
    scan = only(folder)
    trained = scan.instances[CT_TRAINED[0] : CT_TRAINED[1] + 1]
    if set(trained) != set(range(81, 101)):
        raise SystemExit(f"positions {CT_TRAINED} of {folder.name} hold instances {trained}")
    yield entry(folder.name, scan, "train", CT_TRAINED)
    low, high = Part("train", range(20)), Part("test", range(20, scan.n_positions))
    yield entry(f"{folder.name}, instances 81-100 alone", crop_to_part(scan, low), "train")
    yield entry(f"{folder.name}, instances 61-80 alone", crop_to_part(scan, high), "test")


def whole(data: Path, name: str, part: str) -> Iterator[str]:
    """Yield all images below one folder."""
    for found in discover(data / name).images:
        yield entry(f"{name}: {found.id}", load_found(found), part)


def only(path: Path) -> Scan:
    """Load the one image at a path."""
    (found,) = discover(path).images
    return load_found(found)


def entry(name: str, scan: Scan, part: str, positions: tuple[int, int] | None = None) -> str:
    """One line of YAML."""
    tail = "" if positions is None else f", positions: [{positions[0]}, {positions[1]}]"
    return f'  - {{name: "{name}", sha256: {scan.content_hash}, part: {part}{tail}}}'


if __name__ == "__main__":
    main(Path(sys.argv[1]))
