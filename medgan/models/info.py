"""`model.json`: what a model is, what it expects, what it was trained on. Reads without torch."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from medgan.errors import ModelError
from medgan.settings import Settings

INFO, WEIGHTS, CARD = "model.json", "weights.safetensors", "CARD.md"

MAX_INFO_BYTES = 4 * 2**20
"""A description is text; one larger than this is not a description."""


class ModelInfo(Settings):
    """Contents of `model.json`."""

    format: Literal[1] = 1
    """Version of this layout."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name it is called by in reports and provenance."""
    kind: Literal["restorer", "synthesizer"]
    """What it can do."""
    architecture: str
    """Name in the table of architectures."""
    settings: dict[str, Any]
    """Keyword arguments of the architecture."""
    expects: dict[str, Any] = Field(default_factory=dict)
    """What it wants of its input, or what its output is (grid, range, labels)."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Recipe, steps, and content hashes of the scans it was trained on."""
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


def find_model(name_or_path: str | Path) -> Path:
    """Find a model folder by path or by the name of a shipped one.

    Raises
    ------
    ModelError
        If there is neither; names the shipped ones.
    """
    folder = Path(name_or_path)
    if (folder / INFO).is_file():
        return folder
    shipped = shipped_models()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    fact = f"the folder holds no {INFO}" if folder.is_dir() else "there is no such model"
    raise ModelError(
        fact,
        where=str(name_or_path),
        hint=f"Give a folder made by `medgan train`, or one of: {', '.join(shipped) or 'none'}",
    )


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


def file_sha256(path: Path) -> str:
    """sha256 of a file: hex, 64 digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
