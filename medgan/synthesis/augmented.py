"""One data set of real and virtual cases: who is trained on, who validates, and in which lists.

    OUT/splits_final.json  one fold for nnU-Net: {"train": [...], "val": [...]}
    OUT/datalist.json      the same for MONAI: `training` and `validation`, paths of each
    OUT/dataset.csv        the same as a table, one line a case

One fold, because one model made the virtual cases: they carry what it has learned from the real
cases it was trained on, so these may not validate what learns from virtual ones. What validates are
real cases it has not seen, told by content and not by name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medgan.data.splits import HELD_OUT, part_of_hash
from medgan.data.streams import stream
from medgan.errors import DataError
from medgan.models import ModelInfo
from medgan.record import ScanRecord, dump
from medgan.scans.atomic import write_bytes
from medgan.synthesis.nnunet import case_name, nnunet_files
from medgan.synthesis.output import output_of

SPLITS, DATALIST, TABLE = "splits_final.json", "datalist.json", "dataset.csv"

SEED = 0
"""Of the draw where the model has seen none of the real cases; it depends on contents only."""


@dataclass(frozen=True)
class Parts:
    """Records by what they are for; virtual cases are for training, always."""

    real_train: tuple[ScanRecord, ...]
    validation: tuple[ScanRecord, ...]
    virtual: tuple[ScanRecord, ...]

    @property
    def train(self) -> tuple[ScanRecord, ...]:
        """Real and virtual cases to learn from."""
        return self.real_train + self.virtual


def split(real: Sequence[ScanRecord], virtual: Sequence[ScanRecord], model: ModelInfo) -> Parts:
    """Keep what the model has learned from out of validation.

    Parameters
    ----------
    real
        With their `content_hash`.
    virtual
        Cases of the model.

    Returns
    -------
    Parts
        Validation: the real cases that the model has not seen. Where it has seen none of them,
        15 % (one at least) drawn by content, and what `configs/splits.yaml` keeps for testing.

    Raises
    ------
    DataError
        If no real case is left to validate on.
    """
    trained_on = set(map(str, model.training.get("sha256", ())))
    hashes = {record.content_hash for record in real}
    unseen = hashes - trained_on
    held = unseen if unseen < hashes else _drawn(unseen)
    if not held:
        raise DataError(
            f"the model was trained on all of {len(real)} real cases, so that none can validate "
            "what learns from its cases",
            where="real cases",
            hint="Hold some back: --set train.set=[held_back=0.2], or use another train.model.",
        )
    return Parts(
        tuple(record for record in real if record.content_hash not in held),
        tuple(record for record in real if record.content_hash in held),
        tuple(virtual),
    )


def _drawn(hashes: set[str]) -> set[str]:
    """Draw the share that is held out of unknown scans; scans known for testing come on top."""
    known = {sha256: part_of_hash(sha256) for sha256 in hashes}
    tests = {sha256 for sha256, part in known.items() if part and part.role == "test"}
    others = sorted(hashes - tests)
    order = stream(SEED, "validation").permutation(len(others))
    return tests | {others[at] for at in order[: max(1, round(HELD_OUT * len(others)))]}


def write_lists(parts: Parts, out: Path, model: ModelInfo) -> list[Path]:
    """Write the three lists, each with the same cases in the same parts."""
    fold = {
        "train": list(map(case_name, parts.train)),
        "val": list(map(case_name, parts.validation)),
    }
    contents = {
        SPLITS: dump([fold]),
        DATALIST: dump(_datalist(parts, model)),
        TABLE: _table(parts),
    }
    for name, text in contents.items():
        write_bytes(out / name, text.encode())
    return [out / name for name in contents]


def _datalist(parts: Parts, model: ModelInfo) -> dict[str, object]:
    """Return a MONAI datalist, as `load_decathlon_datalist` reads it."""
    space = output_of(model).space
    names = {n: space.label_names[value] for n, value in enumerate(space.label_values, start=1)}
    return {
        "name": model.name,
        "labels": {str(n): name for n, name in ({0: "background"} | names).items()},
        "numTraining": len(parts.train),
        "training": list(_entries(parts.train)),
        "validation": list(_entries(parts.validation)),
    }


def _entries(records: Sequence[ScanRecord]) -> Iterator[dict[str, object]]:
    for record in records:
        image, label = nnunet_files(record)
        yield {"image": image, "label": label, "synthetic": int(record.status == "synthetic")}


def _table(parts: Parts) -> str:
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["name", "image", "label", "synthetic", "part", "record", "content_sha256"])
    for part, records in (("train", parts.train), ("validation", parts.validation)):
        for record in records:
            files = nnunet_files(record)
            is_virtual = int(record.status == "synthetic")
            about = f"{record.id}.json", record.content_hash
            rows.writerow([case_name(record), *files, is_virtual, part, *about])
    return table.getvalue()
