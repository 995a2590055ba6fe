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

MAX_BYTES = 4 * 2**20
"""A settings file is text; one larger than this is something else."""
MAX_VALUES = 100_000
"""Values of a file, those of an alias counted wherever it is used: a few lines of aliases of
aliases stand for more of them than there is memory."""
MAX_WHOLE = 2**63 - 1
"""Largest whole number of a setting."""
MAX_FAULTS = 8
"""Faults told of one file; who has more has the wrong file."""


class Settings(BaseModel):
    """Base of all settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


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
    if _is_file(given):
        return given
    shipped = shipped_folder(room)
    stem = given.with_suffix("") if given.suffix in {".yaml", ".yml"} else given
    parts = stem.parts[1:] if stem.parts[:1] == (room,) else stem.parts
    candidate = shipped.joinpath(*parts).with_suffix(".yaml") if parts else shipped
    if _is_file(candidate) and ".." not in parts and not stem.is_absolute():
        return candidate
    files = shipped.rglob("*.yaml")
    known = sorted(p.relative_to(shipped).with_suffix("").as_posix() for p in files)
    raise ConfigError(
        f"there is no file or shipped {room[:-1]} of that name",
        where=name,
        hint=f"Give a path to a YAML file, or one of: {', '.join(known)}",
    )


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no disk can hold is that of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


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
        If the file cannot be read, is too large, is no YAML, or is not a mapping of plain values.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the settings file cannot be read as text", where=str(path), hint="Check the path."
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"the file is larger than {MAX_BYTES} bytes, which no settings file is",
            where=str(path),
            hint="Check the path.",
        )
    document = _plain(
        text,
        str(path),
        "Compare it with a shipped file; `medgan run --help` shows where they are.",
    )
    if not isinstance(document, dict):
        raise ConfigError(
            f"expected a mapping of settings, found {type(document).__name__}",
            where=str(path),
            hint="Start from one of the shipped files.",
        )
    return document


_FALLS = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)
"""How PyYAML's constructors fall over a tag, date or number that does not fit its text."""


def _plain(text: str, where: str, hint: str) -> Any:
    """Read YAML that holds nothing but what JSON can hold, in bounded number.

    Raises
    ------
    ConfigError
        With `hint` if it is no YAML, else with how to write the value that is no setting.
    """
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, *_FALLS) as error:
        reason = " ".join(str(error).split())[:500]
        raise ConfigError(f"not valid YAML: {reason}", where=where, hint=hint) from error
    try:
        _check_bounded(value)
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            "it holds a date, an alias to itself or of very many values, a number that is not "
            "finite or too large, or another value that is no setting",
            where=where,
            hint="Put quotes around dates, and write values out instead of using aliases.",
        ) from error
    return value


def _check_bounded(value: Any) -> None:
    """Count values, an alias wherever it is used, and stop where there are too many."""
    waiting, n_values = [value], 0
    while waiting:
        one = waiting.pop()
        n_values += 1
        if n_values > MAX_VALUES:
            raise ValueError("too many values")
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
        elif isinstance(one, int) and abs(one) > MAX_WHOLE:
            raise ValueError("a number beyond 64 bits")


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
        inner[leaf] = _plain(
            text,
            f"--set {assignment}",
            "Put quotes around a value that holds brackets, braces or colons.",
        )
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
        found = error.errors()
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {_reason(fault, model)}"
            for fault in found[:MAX_FAULTS]
        )
        if len(found) > MAX_FAULTS:
            faults += f"; and {len(found) - MAX_FAULTS} more"
        raise ConfigError(faults, where=where, hint="Correct or remove these keys.") from None


def _reason(fault: Any, model: type[BaseModel]) -> str:
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"]).removeprefix("Value error, ")
    if len(fault["loc"]) == 1:
        return f"unknown key; known are {', '.join(sorted(model.model_fields))}"
    return "unknown key"


def digest(settings: BaseModel | dict[str, Any]) -> str:
    """sha256 of settings in canonical JSON: hex, 64 digits."""
    document = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
