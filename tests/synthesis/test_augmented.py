"""The split of real and virtual cases: nothing that a model has seen validates its cases."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from medgan.data import index_cases
from medgan.errors import DataError
from medgan.models import ModelInfo
from medgan.record import ScanRecord
from medgan.synthesis.augmented import Parts, split, write_lists
from tests.synthesis.conftest import make_output, write_scans


def real(n: int) -> list[ScanRecord]:
    return [
        ScanRecord(
            f"real_{i:04d}",
            "copied",
            outputs=(f"imagesTr/real_{i:04d}_0000.nii.gz", f"labelsTr/real_{i:04d}.nii.gz"),
            content_hash=f"{i:064x}",
        )
        for i in range(1, n + 1)
    ]


VIRTUAL = [
    ScanRecord(
        f"case_{i:04d}",
        "synthetic",
        outputs=(f"imagesTr/virtual_{i:04d}_0000.nii.gz", f"labelsTr/virtual_{i:04d}.nii.gz"),
    )
    for i in (1, 2)
]


def model(*seen: int) -> ModelInfo:
    return ModelInfo(
        name="tiny",
        kind="synthesizer",
        architecture="dcgan_generator",
        settings={"shape": [8, 12, 16], "out_channels": 3},
        expects=make_output().model_dump(mode="json"),
        training={"sha256": [f"{i:064x}" for i in seen]},
    )


def ids(records: tuple[ScanRecord, ...]) -> list[str]:
    return [record.id for record in records]


@pytest.mark.parametrize("seen", [(1, 2, 3), (5,), (2, 4, 6, 7, 8)])
def test_validation_is_what_the_model_has_not_seen(seen: tuple[int, ...]) -> None:
    parts = split(real(8), VIRTUAL, model(*seen))
    assert ids(parts.real_train) == [f"real_{i:04d}" for i in seen]
    assert set(ids(parts.validation)) == set(ids(tuple(real(8)))) - set(ids(parts.real_train))
    assert parts.train == parts.real_train + tuple(VIRTUAL)


def test_the_same_scan_twice_is_not_on_both_sides() -> None:
    twice = [*real(4), *[ScanRecord("real_0005", "copied", content_hash=f"{1:064x}")]]
    assert "real_0005" in ids(split(twice, VIRTUAL, model(1, 2)).real_train)
    for n in range(2, 30):
        doubled = real(n) + real(n)
        parts = split(doubled, VIRTUAL, model(99))
        assert not set(ids(parts.real_train)) & set(ids(parts.validation))


def test_a_model_of_other_scans_leaves_a_share_that_order_and_names_do_not_change() -> None:
    cases = real(40)
    parts = split(cases, VIRTUAL, model(99))
    assert len(parts.validation) == 6  # 15 %
    turned = split(cases[::-1], VIRTUAL, model(99))
    assert set(ids(turned.validation)) == set(ids(parts.validation))


def test_where_all_were_seen_nothing_can_validate() -> None:
    with pytest.raises(DataError, match="was trained on all of 3 real cases") as caught:
        split(real(3), VIRTUAL, model(1, 2, 3))
    assert "held_back" in caught.value.hint


def test_three_lists_say_the_same(tmp_path: Path) -> None:
    parts = split(real(3), VIRTUAL, model(1, 3))
    written = write_lists(parts, tmp_path, model(1, 3))
    assert [path.name for path in written] == ["splits_final.json", "datalist.json", "dataset.csv"]
    (fold,) = json.loads((tmp_path / "splits_final.json").read_text())
    assert fold == {
        "train": ["real_0001", "real_0003", "virtual_0001", "virtual_0002"],
        "val": ["real_0002"],
    }
    datalist = json.loads((tmp_path / "datalist.json").read_text())
    assert datalist["labels"] == {"0": "background", "1": "anterior", "2": "posterior"}
    assert [entry["synthetic"] for entry in datalist["training"]] == [0, 0, 1, 1]
    assert datalist["validation"] == [
        {
            "image": "imagesTr/real_0002_0000.nii.gz",
            "label": "labelsTr/real_0002.nii.gz",
            "synthetic": 0,
        }
    ]
    with (tmp_path / "dataset.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for part, names in (("train", fold["train"]), ("validation", fold["val"])):
        assert [row["name"] for row in rows if row["part"] == part] == names
    assert {row["part"] for row in rows if row["synthetic"] == "1"} == {"train"}
    assert rows[2]["record"] == "case_0001.json"


def test_monai_and_our_own_training_read_the_datalist(tmp_path: Path) -> None:
    from monai.data.decathlon_datalist import load_decathlon_datalist

    write_scans(tmp_path, n=3)
    for kind in ("images", "labels"):
        (tmp_path / kind).rename(tmp_path / f"{kind}Tr")
    records = [
        ScanRecord(
            f"real_{i}",
            "copied",
            outputs=(f"imagesTr/p{i}.nii.gz", f"labelsTr/p{i}.nii.gz"),
            content_hash=str(i),
        )
        for i in range(3)
    ]
    write_lists(Parts(tuple(records[:2]), (records[2],), ()), tmp_path, model())
    for part, n in (("training", 2), ("validation", 1)):
        entries = load_decathlon_datalist(tmp_path / "datalist.json", True, part)
        assert len(entries) == n
        assert all(Path(e["image"]).is_file() and Path(e["label"]).is_file() for e in entries)
    assert len(index_cases(tmp_path).pairs) == 2
