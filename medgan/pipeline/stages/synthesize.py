"""synthesize: list the virtual cases to make, and make them one by one from a trained generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from medgan.errors import UsageError
from medgan.pipeline.device import pick_device
from medgan.pipeline.inputs import files_of_model, files_of_scans, resolve_model
from medgan.pipeline.stage import Context, Done, Item, Listed, Source, Volume, Work
from medgan.record import ScanRecord
from medgan.scans import name_below
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.models import Model, ModelInfo
    from medgan.scans import Found
    from medgan.synthesis import CopyGuard
    from medgan.synthesis.from_labels import GivenLabels


class SynthesizeSettings(Settings):
    """Which model, how many cases, and from which seed."""

    model: str | None = None
    """Model folder; None: the one that `train` made earlier in the pipeline."""
    n: int = Field(10, ge=1, le=1_000_000)
    """How many virtual cases."""
    seed: int = Field(0, ge=0)
    """The same seed gives the same bytes on one machine."""
    first: int = Field(0, ge=0, le=1_000_000_000)
    """Index of the first case of that seed; with it a later run adds more."""
    no_copies_of: str | None = None
    """Folder of the scans that the model was trained on: samples that come too near to one of them
    are drawn again. None: none is."""
    wanted: dict[str, str] = Field(default_factory=dict)
    """Values of the model's conditions, e.g. `{age: "60"}`; the others are left free."""
    labels_from: str | None = None
    """Folder of label maps that images are made for, in turn; None: labels are made too."""


@dataclass(frozen=True)
class Loaded:
    """A model, and what knows its training scans where copies are not wanted."""

    model: Model
    guard: CopyGuard | None


def list_cases(settings: SynthesizeSettings, context: Context, done: Done) -> Listed:
    """List the cases to make; the model is checked, but not loaded."""
    from medgan.models.info import read_info

    model = resolve_model(_name_of(settings, done), context)
    files = files_of_model(model, "synthesizer")
    info = read_info(files[0].parent)
    _check(info, settings, done)
    if info.notice:
        context.say(f"note: {info.notice}")
    maps = _label_maps(settings)
    numbers = range(settings.first, settings.first + settings.n)
    items = tuple(
        Item(
            id=f"case_{index + 1:04d}",
            payload=(model, index, found),
            facts={
                "index": index,
                "seed": settings.seed,
                "weights": info.weights_sha256,
                "wanted": settings.wanted,
                "guarded": settings.no_copies_of is not None,
                "labels": found and found.as_json(),
            },
            files=(*files, *(files_of_scans([found]) if found else ())),
            records=(ScanRecord(f"case_{index + 1:04d}", "synthetic"),),
        )
        for index, found in ((index, maps[index % len(maps)]) for index in numbers)
    )
    return Listed(items, facts={"model": _name_of(settings, done)})


def _check(info: ModelInfo, settings: SynthesizeSettings, done: Done) -> None:
    """Refuse what cannot be made before anything is made."""
    formats = done.pipeline.get("export", {}).get("formats") or ["nifti"]
    from medgan.synthesis.export import check_formats
    from medgan.synthesis.output import output_of_wanted

    check_formats(formats, info)
    if settings.labels_from is not None:
        from medgan.synthesis.from_labels import check_can_be_bent

        check_can_be_bent(info)
    output_of_wanted(info, settings.wanted)


def open_case(
    item: Item, settings: SynthesizeSettings, context: Context, loaded: dict[str, Loaded]
) -> Iterator[Work]:
    """Make one virtual case."""
    from medgan.synthesis import synthesize

    name, index, found = item.payload
    if name not in loaded:
        loaded[name] = _load(name, settings, context)
    model = loaded[name].model
    cases = synthesize(
        model,
        1,
        settings.seed,
        first=index,
        guard=loaded[name].guard,
        wanted=settings.wanted,
        label_maps=() if found is None else (_given(found, settings, model),),
    )
    for case in cases:
        record = replace(item.records[0], id=case.id)
        yield Work(item.id, (Volume(None, case.image, record, case, model.info),))


def _label_maps(settings: SynthesizeSettings) -> Sequence[Found | None]:
    """List the label maps that images are wanted for; one None where labels are made too."""
    if settings.labels_from is None:
        return (None,)
    from medgan.synthesis.from_labels import find_label_maps

    return find_label_maps(Path(settings.labels_from))


def _given(found: Found, settings: SynthesizeSettings, model: Model) -> GivenLabels:
    from medgan.synthesis.from_labels import given_labels
    from medgan.synthesis.output import output_of

    assert settings.labels_from is not None  # where the map was found
    root = Path(settings.labels_from)
    names = [name_below(root, file) for file in files_of_scans([found])]
    return given_labels(found, output_of(model.info).space, names)


def load(settings: SynthesizeSettings, context: Context) -> dict[str, Loaded]:
    """Load a model that is named; one that the pipeline has trained comes with the items."""
    name = settings.model
    return {} if name is None else {name: _load(name, settings, context)}


def _load(name: str, settings: SynthesizeSettings, context: Context) -> Loaded:
    from medgan.models import load_model

    model = load_model(name, device=pick_device(context.device), kind="synthesizer")
    if settings.no_copies_of is None:
        return Loaded(model, None)
    from medgan.synthesis.copy_guard import CopyGuard

    return Loaded(model, CopyGuard.of_folder(Path(settings.no_copies_of), model.info))


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
    "synthesize", 3, SynthesizeSettings, list_cases, open_case, load, model_files
)
