"""`model.json`: what a model is, what it expects, what it was trained on. Reads without torch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from medgan.errors import ModelError, printable
from medgan.models.parts import AGAIN, check_part, read_part, shipped_root
from medgan.models.plain_json import parse_plain
from medgan.settings import Settings

INFO, WEIGHTS, CARD = "model.json", "weights.safetensors", "CARD.md"

Kind = Literal["restorer", "thinner", "denoiser", "synthesizer"]
ABILITIES: dict[Kind, str] = {
    "restorer": "fill slices",
    "thinner": "make thin slices of thick ones",
    "denoiser": "take away noise",
    "synthesizer": "make virtual scans",
}
"""What models of each kind can do."""
RECIPES: dict[Kind, str] = {
    "restorer": "restore/slices_faithful",
    "thinner": "restore/slices_thick",
    "denoiser": "restore/denoise",
    "synthesizer": "synthesize/dcgan_3d",
}
"""A recipe that trains one of each kind."""

MAX_INFO_BYTES = 4 * 2**20
"""A description is text; one larger than this is not a description."""
MAX_WEIGHT_BYTES = 2**31
"""No network here comes near 2 GiB; a larger file is refused before it is read."""
MAX_SETTING, N_SETTINGS = 2**31 - 1, 1000
"""Largest number in the settings of a network, and how many values they may hold."""


def _one_line(text: str) -> str:
    if printable(text) != text:
        raise ValueError("it holds control characters")
    return text


def _bounded(settings: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no network has: it is a stranger who asks for layers and widths."""
    waiting: list[Any] = [settings]
    n_values = 0
    while waiting:
        value = waiting.pop()
        n_values += 1
        if isinstance(value, dict | list | tuple):
            waiting += [*value, *value.values()] if isinstance(value, dict) else value
        elif isinstance(value, str):
            _one_line(value)
        elif value is not None and not -MAX_SETTING <= value <= MAX_SETTING:
            raise ValueError(f"a number beyond {MAX_SETTING}")
        if n_values > N_SETTINGS:
            raise ValueError(f"more than {N_SETTINGS} values")
    return settings


def _one_network(training: dict[str, Any]) -> dict[str, Any]:
    """Refuse facts that whoever reads them would stumble over, or be misled by."""
    hashes = training.get("sha256", [])
    if not isinstance(hashes, list) or not all(isinstance(each, str) for each in hashes):
        raise ValueError("sha256 is no list of hashes")
    if "blend" in training:  # said of two loaded networks, and takes the place of name and hash
        raise ValueError("a folder holds one network, no blend")
    return training


Words = Annotated[str, AfterValidator(_one_line)]


class ModelInfo(Settings):
    """Contents of `model.json`."""

    format: Literal[1] = 1
    """Version of this layout."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name it is called by in reports and provenance."""
    kind: Kind
    """What it can do."""
    architecture: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Name in the table of architectures."""
    settings: Annotated[dict[str, Any], AfterValidator(_bounded)]
    """Keyword arguments of the architecture."""
    expects: dict[str, Any] = Field(default_factory=dict)
    """What it wants of its input, or what its output is (grid, range, labels)."""
    training: Annotated[dict[str, Any], AfterValidator(_one_network)] = Field(default_factory=dict)
    """Recipe, steps, and content hashes of the scans it was trained on."""
    notice: Words = Field("", max_length=2000)
    """What whoever uses it must know; said whenever it is used. Empty: nothing."""
    licence: Words = Field("", max_length=200)
    """SPDX expression of the weights, which follow their data."""
    weights_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    """Hash of the weights file, checked at every load."""
    medgan_version: Words = Field("", max_length=64)
    """Version that wrote the folder."""


def shipped_models() -> dict[str, Path]:
    """Names and folders of the models that come with the package."""
    return {p.parent.name: p.parent for p in sorted(shipped_root().glob(f"*/{INFO}"))}


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
    if not _is_so((folder / INFO).is_file):
        folder = shipped_models().get(str(name_or_path), folder)
    if not _is_so((folder / INFO).is_file):
        raise ModelError(
            f"the folder holds no {INFO}" if _is_so(folder.is_dir) else "there is no such model",
            where=str(name_or_path),
            hint=_ways_out(kind),
        )
    # Whoever hashes or copies the weights would else wait for a pipe, or read a device.
    with contextlib.suppress(OSError):  # that it is not there, `load_model` says
        check_part(folder, WEIGHTS, MAX_WEIGHT_BYTES, folder.name)
    if kind is not None:
        check_kind(read_info(folder), kind)
    return folder


def _is_so(test: Callable[[], bool]) -> bool:
    """Ask about a path; a name that no disk can hold is that of nothing."""
    try:
        return test()
    except (OSError, ValueError):
        return False


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
    try:
        document = parse_plain(read_part(folder, INFO, MAX_INFO_BYTES, folder.name))
        return ModelInfo.model_validate(document)
    except ModelError:
        raise
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{INFO} does not describe a model: {printable(key)[:200]}: {first['msg']}",
            where=folder.name,
            hint="Use a folder made by `medgan train`.",
        ) from None
    except ValueError as error:
        raise ModelError(
            f"{INFO} cannot be read as JSON: {error}", where=folder.name, hint=AGAIN
        ) from error
