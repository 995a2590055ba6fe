"""Scans to batches: pairing, splits, preparation, loading; simulated damage; phantoms.

May touch scans (through `medgan.scans`), MONAI and torch. Doors: `index_cases`,
`part_of_hash` and `split_cases` are light; `preparation` and `loading` load MONAI and are imported
by file, only where batches are made.
"""

from medgan.data.cases import Case, Cases, Unpaired
from medgan.data.pairs import index_cases
from medgan.data.splits import Part, Split, crop_to_part, part_of_hash, split_cases

__all__ = [
    "Case",
    "Cases",
    "Part",
    "Split",
    "Unpaired",
    "crop_to_part",
    "index_cases",
    "part_of_hash",
    "split_cases",
]
