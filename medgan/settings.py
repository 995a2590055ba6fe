"""YAML files to frozen settings, `--set a.b=c`, and where `configs/` and `pipelines/` are found."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from medgan.errors import ConfigError

Room = Literal["configs", "pipelines"]
T = TypeVar("T", bound=BaseModel)


class Settings(BaseModel):
    """Base of all settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def find(name: str, room: Room) -> Path:
    """Find a settings file by path or by name, from anywhere.

    Parameters
    ----------
    name
        A path to a file, or a name like `restore_folder` or `synthesize/dcgan_3d` below `room`.
    room
        Which shipped folder to look in: `configs` or `pipelines`.

    Raises
    ------
    ConfigError
        If there is no such file; names the ones there are.
    """
    given = Path(name)
    if given.is_file():
        return given
    shipped = shipped_folder(room)
    stem = given.with_suffix("") if given.suffix in {".yaml", ".yml"} else given
    parts = stem.parts[1:] if stem.parts[:1] == (room,) else stem.parts
    candidate = shipped.joinpath(*parts).with_suffix(".yaml") if parts else shipped
    if candidate.is_file() and ".." not in parts and not stem.is_absolute():
        return candidate
    files = shipped.rglob("*.yaml")
    known = sorted(p.relative_to(shipped).with_suffix("").as_posix() for p in files)
    raise ConfigError(
        f"there is no file or shipped {room[:-1]} of that name",
        where=name,
        hint=f"Give a path to a YAML file, or one of: {', '.join(known)}",
    )


def shipped_folder(room: Room) -> Path:
    """Return the folder of a room: inside the wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("medgan")))
    inside = package / room
    return inside if inside.is_dir() else package.parent / room


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping (safe loader).

    Raises
    ------
    ConfigError
        If the file cannot be read, is no YAML, or is not a mapping.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the settings file cannot be read as text", where=str(path), hint="Check the path."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"not valid YAML: {' '.join(str(error).split())}",
            where=str(path),
            hint="Compare it with a shipped file; `medgan run --help` shows where they are.",
        ) from error
    if not isinstance(document, dict):
        raise ConfigError(
            f"expected a mapping of settings, found {type(document).__name__}",
            where=str(path),
            hint="Start from one of the shipped files.",
        )
    try:
        json.dumps(document)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "it holds a date, an alias to itself, or another value that is no setting",
            where=str(path),
            hint="Put quotes around dates, and write values out instead of using aliases.",
        ) from error
    return document


def override(document: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return the document with `a.b=c` assignments applied; values are parsed as YAML."""
    result: dict[str, Any] = json.loads(json.dumps(document))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise ConfigError(
                "expected KEY=VALUE", where=f"--set {assignment}", hint="Example: --set steps=100"
            )
        *parents, leaf = key.split(".")
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise ConfigError(
                    f"{parent} is a value, not a group",
                    where=f"--set {assignment}",
                    hint=f"Set {parent} itself, or correct the key.",
                )
        try:
            inner[leaf] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(
                "the value is not valid YAML",
                where=f"--set {assignment}",
                hint="Put quotes around a value that holds brackets, braces or colons.",
            ) from error
    return result


def assignment(key: str, value: object) -> str:
    """Return the `a.b=c` that sets a value of JSON type; `override` reads it back unchanged."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return f"{key}={text.strip().removesuffix('...').rstrip()}"


def parse(model: type[T], document: dict[str, Any], where: str) -> T:
    """Turn a mapping into settings, and every fault into one message.

    Raises
    ------
    ConfigError
        Naming each faulty key with what was expected.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {_reason(fault, model)}"
            for fault in error.errors()
        )
        raise ConfigError(faults, where=where, hint="Correct or remove these keys.") from None


def _reason(fault: Any, model: type[BaseModel]) -> str:
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"])
    if len(fault["loc"]) == 1:
        return f"unknown key; known are {', '.join(sorted(model.model_fields))}"
    return "unknown key"


def digest(settings: BaseModel | dict[str, Any]) -> str:
    """sha256 of settings in canonical JSON: hex, 64 digits."""
    document = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
