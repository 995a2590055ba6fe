"""manifest: what describes all cases together, once they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medgan.errors import DataError
from medgan.pipeline.inputs import resolve_model
from medgan.pipeline.stage import Context, Done, Left, PerRun
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.synthesis.augmented import Parts


class ManifestSettings(Settings):
    """Nothing to choose: what is written follows from `export.formats` and `real`."""


def run(done: Done, settings: ManifestSettings, context: Context) -> Left:
    """Write `manifest.csv`, `dataset.json` for nnU-Net, and the split where there are real cases.

    Raises
    ------
    DataError
        If there is no virtual case, or no real case that may validate.
    """
    from medgan.models.info import find_model, read_info
    from medgan.synthesis.augmented import split, write_lists
    from medgan.synthesis.export import write_manifest

    virtual = [record for record in done.records if record.status == "synthetic"]
    # Of what was copied, a content hash is in the records of `real` alone.
    real = [record for record in done.records if record.status == "copied" and record.content_hash]
    if not virtual:
        raise DataError(
            "there is no virtual case to list",
            where="manifest",
            hint="Put `synthesize` and `export` before it.",
        )
    n_rejected = sum(int(record.model.get("rejected", 0)) for record in virtual)
    if n_rejected:
        context.say(
            f"{n_rejected} samples came too near to a training scan and were drawn again; "
            "manifest.csv says of which cases"
        )
    formats = done.pipeline.get("export", {}).get("formats") or ["nifti"]
    model = read_info(find_model(resolve_model(done.facts["synthesize"]["model"], context)))
    parts = split(real, virtual, model) if real else None
    written = write_manifest(virtual, context.out, formats, model, real=real)
    if parts is None:
        return Left(tuple(written))
    written += write_lists(parts, context.out, model)
    return Left(tuple(written), {"data_set": _told(parts)})


def _told(parts: Parts) -> dict[str, list[str]]:
    """Say for the report which cases are where."""
    from medgan.synthesis.nnunet import case_name

    return {
        "real_train": list(map(case_name, parts.real_train)),
        "virtual": list(map(case_name, parts.virtual)),
        "validation": list(map(case_name, parts.validation)),
    }


MANIFEST = PerRun("manifest", 2, ManifestSettings, run, reads=frozenset({"export"}), is_light=True)
