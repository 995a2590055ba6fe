"""manifest: what describes all virtual cases together, once they are there."""

from __future__ import annotations

from medgan.errors import DataError
from medgan.pipeline.stage import Context, Done, Left, PerRun
from medgan.pipeline.stages.synthesize import resolve_model
from medgan.settings import Settings


class ManifestSettings(Settings):
    """Nothing to choose: what is written follows from `export.formats`."""


def run(done: Done, settings: ManifestSettings, context: Context) -> Left:
    """Write `manifest.csv`, and `dataset.json` for nnU-Net.

    Raises
    ------
    DataError
        If there is no virtual case.
    """
    from medgan.models.info import find_model, read_info
    from medgan.synthesis.export import write_manifest

    records = [record for record in done.records if record.status == "synthetic"]
    if not records:
        raise DataError(
            "there is no virtual case to list",
            where="manifest",
            hint="Put `synthesize` and `export` before it.",
        )
    n_rejected = sum(int(record.model.get("rejected", 0)) for record in records)
    if n_rejected:
        context.say(
            f"{n_rejected} samples came too near to a training scan and were drawn again; "
            "manifest.csv says of which cases"
        )
    formats = done.pipeline.get("export", {}).get("formats") or ["nifti"]
    model = read_info(find_model(resolve_model(done.facts["synthesize"]["model"], context)))
    return Left(tuple(write_manifest(records, context.out, formats, model)))


MANIFEST = PerRun("manifest", 1, ManifestSettings, run, reads=frozenset({"export"}), is_light=True)
