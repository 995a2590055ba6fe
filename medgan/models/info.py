"""`model.json`: what a model is, what it expects, what it was trained on. Reads without torch."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from medgan.errors import ModelError
from medgan.settings import Settings

INFO, WEIGHTS, CARD = "model.json", "weights.safetensors", "CARD.md"

Kind = Literal["restorer", "synthesizer"]
ABILITIES: dict[Kind, str] = {"restorer": "fill slices", "synthesizer": "make virtual scans"}
"""What models of each kind can do."""
RECIPES: dict[Kind, str] = {
    "restorer": "restore/slices_faithful",
    "synthesizer": "synthesize/dcgan_3d",
}
"""A recipe that trains one of each kind."""

MAX_INFO_BYTES = 4 * 2**20
"""A description is text; one larger than this is not a description."""


class ModelInfo(Settings):
    """Contents of `model.json`."""

    format: Literal[1] = 1
    """Version of this layout."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name it is called by in reports and provenance."""
    kind: Kind
    """What it can do."""
    architecture: str
    """Name in the table of architectures."""
    settings: dict[str, Any]
    """Keyword arguments of the architecture."""
    expects: dict[str, Any] = Field(default_factory=dict)
    """What it wants of its input, or what its output is (grid, range, labels)."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Recipe, steps, and content hashes of the scans it was trained on."""
    notice: str = ""
    """What whoever uses it must know; said whenever it is used. Empty: nothing."""
    licence: str = ""
    """SPDX expression of the weights, which follow their data."""
    weights_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    """Hash of the weights file, checked at every load."""
    medgan_version: str = ""
    """Version that wrote the folder."""


def shipped_models() -> dict[str, Path]:
    """Names and folders of the models that come with the package."""
    root = Path(str(resources.files("medgan"))) / "models" / "shipped"
    return {p.parent.name: p.parent for p in sorted(root.glob(f"*/{INFO}"))}


def find_model(name_or_path: str | Path, kind: Kind | None = None) -> Path:
    """Find a model folder by path or by the name of a shipped one.

    Parameters
    ----------
    kind
        What it has to be able to do; None: anything.

    Raises
    ------
    ModelError
        If there is neither, or it is of another kind; names what would do.
    """
    folder = Path(name_or_path)
    if not (folder / INFO).is_file():
        folder = shipped_models().get(str(name_or_path), folder)
    if not (folder / INFO).is_file():
        raise ModelError(
            f"the folder holds no {INFO}" if folder.is_dir() else "there is no such model",
            where=str(name_or_path),
            hint=_ways_out(kind),
        )
    if kind is not None:
        check_kind(read_info(folder), kind)
    return folder


def check_kind(info: ModelInfo, kind: Kind) -> None:
    """Raise ModelError unless a model can do what is wanted of it."""
    if info.kind != kind:
        raise ModelError(
            f"a {info.kind} cannot {ABILITIES[kind]}", where=info.name, hint=_ways_out(kind)
        )


def _ways_out(kind: Kind | None) -> str:
    """Say which models would do."""
    train = f"medgan train {RECIPES[kind]}" if kind else "medgan train"
    names = [
        name for name, folder in shipped_models().items() if kind in (None, read_info(folder).kind)
    ]
    shipped = f", or one of: {', '.join(names)}" if names else ""
    return f"Give a folder made by `{train}`{shipped}."


def read_info(folder: Path) -> ModelInfo:
    """Read and check `model.json`.

    Raises
    ------
    ModelError
        If it is too large, no JSON, or does not describe a model.
    """
    path = folder / INFO
    try:
        if path.stat().st_size > MAX_INFO_BYTES:
            raise ModelError(
                f"{INFO} is larger than {MAX_INFO_BYTES} bytes",
                where=folder.name,
                hint="Use a folder made by `medgan train`.",
            )
        return ModelInfo.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ModelError(
            f"{INFO} cannot be read as JSON", where=folder.name, hint="Copy the folder again."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{INFO} does not describe a model: {key}: {first['msg']}",
            where=folder.name,
            hint="Use a folder made by `medgan train`.",
        ) from None
