"""synthesize: list the virtual cases to make, and make them one by one from a trained generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from medgan.errors import UsageError
from medgan.pipeline.device import pick_device
from medgan.pipeline.stage import Context, Done, Item, Listed, Source, Volume, Work
from medgan.pipeline.stages.restore import files_of_model
from medgan.record import ScanRecord
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.models import Model, ModelInfo


class SynthesizeSettings(Settings):
    """Which model, how many cases, and from which seed."""

    model: str | None = None
    """Model folder; None: the one that `train` made earlier in the pipeline."""
    n: int = Field(10, ge=1)
    """How many virtual cases."""
    seed: int = Field(0, ge=0)
    """The same seed gives the same bytes on one machine."""
    first: int = Field(0, ge=0)
    """Index of the first case of that seed; with it a later run adds more."""


def list_cases(settings: SynthesizeSettings, context: Context, done: Done) -> Listed:
    """List the cases to make; the model is checked, but not loaded."""
    from medgan.models.info import read_info

    model = resolve_model(_name_of(settings, done), context)
    files = files_of_model(model, "synthesizer")
    info = read_info(files[0].parent)
    _check(info, done)
    if info.notice:
        context.say(f"note: {info.notice}")
    items = tuple(
        Item(
            id=f"case_{index + 1:04d}",
            payload=(model, index),
            facts={"index": index, "seed": settings.seed, "weights": info.weights_sha256},
            files=files,
            records=(ScanRecord(f"case_{index + 1:04d}", "synthetic"),),
        )
        for index in range(settings.first, settings.first + settings.n)
    )
    return Listed(items, facts={"model": _name_of(settings, done)})


def _check(info: ModelInfo, done: Done) -> None:
    """Refuse what cannot be made before anything is made."""
    formats = done.pipeline.get("export", {}).get("formats") or ["nifti"]
    from medgan.synthesis.export import check_formats

    check_formats(formats, info)


def open_case(
    item: Item, settings: SynthesizeSettings, context: Context, loaded: dict[str, Model]
) -> Iterator[Work]:
    """Make one virtual case."""
    from medgan.synthesis import synthesize

    name, index = item.payload
    if name not in loaded:
        loaded[name] = _load(name, context)
    model = loaded[name]
    for case in synthesize(model, 1, settings.seed, first=index):
        record = replace(item.records[0], id=case.id)
        yield Work(item.id, (Volume(None, case.image, record, case, model.info),))


def load(settings: SynthesizeSettings, context: Context) -> dict[str, Model]:
    """Load a model that is named; one that the pipeline has trained comes with the items."""
    return {} if settings.model is None else {settings.model: _load(settings.model, context)}


def _load(name: str, context: Context) -> Model:
    from medgan.models import load_model

    return load_model(name, device=pick_device(context.device), kind="synthesizer")


def resolve_model(name: str, context: Context) -> str:
    """Find a model that the pipeline has trained itself below the output folder."""
    from medgan.models.info import INFO

    inside = context.out / name
    return str(inside) if (inside / INFO).is_file() else name


def _name_of(settings: SynthesizeSettings, done: Done) -> str:
    if settings.model is not None:
        return settings.model
    trained = done.facts.get("train")
    if trained is None:
        raise UsageError(
            "there is no model to make virtual scans with",
            where="synthesize",
            hint="Set synthesize.model to a model folder, or put `train` before it.",
        )
    return str(trained["model"])


def model_files(settings: SynthesizeSettings, context: Context) -> tuple[Path, ...]:
    """Return the files of a model that is named."""
    return () if settings.model is None else files_of_model(settings.model, "synthesizer")


SYNTHESIZE: Source = Source(
    "synthesize", 1, SynthesizeSettings, list_cases, open_case, load, model_files
)
