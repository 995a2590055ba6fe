"""real: list the labelled scans of the input that stand beside virtual ones in one data set.

They are called `real_0001`, ... in the order of their names, which tell of people and go no further
than the record of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medgan.errors import ConfigError, UsageError
from medgan.pipeline.inputs import files_of_scans, resolve_model
from medgan.pipeline.stage import Context, Done, Item, Listed, Source, Volume, Work
from medgan.pipeline.stages.index import record_of
from medgan.scans import Scan, name_below
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.data import Case
    from medgan.synthesis import Output


class RealSettings(Settings):
    """Nothing to choose: there is a data set where `export.formats` holds `nnunet`."""


def list_cases(settings: RealSettings, context: Context, done: Done) -> Listed:
    """List the cases that have labels and the modality of the virtual ones.

    Raises
    ------
    UsageError
        If nothing before it makes virtual cases and writes them, or there is no input.
    ConfigError
        If virtual cases are made for given label maps: these may be those of validation cases.
    """
    is_made = "synthesize" in done.facts and "export" in done.pipeline
    if not is_made or context.input is None:
        raise UsageError(
            "there is nothing for real cases to stand beside",
            where="real",
            hint="It needs an input of labelled scans, and `synthesize` and `export` before it.",
        )
    if "nnunet" not in done.pipeline["export"]["formats"]:
        return Listed(())
    making = done.pipeline["synthesize"]
    if making["labels_from"] is not None:
        raise ConfigError(
            "virtual cases for given label maps may show the anatomy of validation cases",
            where="synthesize.labels_from",
            hint="Leave it out, or make such cases with the pipeline synthesize_cases.",
        )
    from medgan.data import index_cases
    from medgan.models.info import find_model, read_info
    from medgan.synthesis.output import output_of_wanted

    info = read_info(find_model(resolve_model(done.facts["synthesize"]["model"], context)))
    output, _ = output_of_wanted(info, making["wanted"])
    if output.space.spatial_dims == 2:
        context.say("virtual cases are slices: real volumes do not go beside them")
        return Listed(())
    cases = index_cases(context.input)
    named = [(f"real_{n:04d}", case) for n, case in enumerate(cases.pairs, start=1)]
    faults = {case.id: _fault(case, output) for _, case in named}
    notes = [(one.path, one.reason) for one in cases.unpaired]
    notes += [(name, reason) for name, reason in faults.items() if reason]
    return Listed(
        tuple(
            _item(name, case, output, context.input) for name, case in named if not faults[case.id]
        ),
        notes=tuple({"files": [file], "reason": reason} for file, reason in notes),
    )


def _fault(case: Case, output: Output) -> str:
    """Why a case is no case of this data set; empty if it is."""
    if case.label is None:
        return "an image without a label map"
    if case.image.modality != output.space.modality:
        return f"{case.image.modality} beside virtual cases of {output.space.modality}"
    return ""


def _item(name: str, case: Case, output: Output, root: Path) -> Item:
    assert case.label is not None  # else it is left out
    found, label = case.image, case.label
    files = tuple(dict.fromkeys(files_of_scans([found]) + files_of_scans([label])))
    sources = tuple(name_below(root, file) for file in files)
    record = replace(record_of(found, root), id=name, sources=sources)
    values = output.space.label_values
    shown = [found.as_json(), label.as_json()]
    return Item(name, (case, values), {"found": shown, "values": values}, files, (record,))


def open_case(item: Item, settings: RealSettings, context: Context, loaded: None) -> Iterator[Work]:
    """Read one case: the image, and its labels numbered as those of the virtual cases are.

    Raises
    ------
    DataError
        If slices are missing, or the label map does not fit the image.
    """
    from medgan.data.survey import load_case

    case, values = item.payload
    read = load_case(case.image, case.label, item.id)
    assert read.label is not None  # an item has one
    labels, notes = _numbered(read.label, values, item.id)
    record = item.records[0]
    record = replace(record, content_hash=read.sha256, notes=(*record.notes, *notes))
    image = Volume(read.image, read.image, record)
    yield Work(item.id, (image, Volume(labels, labels, record, is_label=True)))


def _numbered(label: Scan, values: tuple[int, ...], where: str) -> tuple[Scan, tuple[str, ...]]:
    """Return a label map with classes 1, 2, ..., and what was changed in it."""
    from medgan.data.survey import label_values
    from medgan.synthesis.nnunet import consecutive

    there = label_values(label, where)
    numbers = consecutive(np.rint(label.values).astype(np.uint8), values)
    notes = [
        f"label value {value} is written as {number}"
        for number, value in enumerate(values, start=1)
        if value != number and value in there
    ]
    notes += [
        f"label value {value} is no class of the model, and is written as background"
        for value in there
        if value not in values
    ]
    plain = np.ones_like(label.slope), np.zeros_like(label.intercept)
    return replace(label, stored=numbers, slope=plain[0], intercept=plain[1]), tuple(notes)


REAL: Source = Source("real", 1, RealSettings, list_cases, open_case)
