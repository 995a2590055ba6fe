"""Settings files, spoilt in every way: refused in one message of the right family, or read."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from medgan.errors import ConfigError, UsageError
from medgan.pipeline.recipes import read_recipe
from medgan.pipeline.settings import read_pipeline
from medgan.settings import MAX_BYTES, shipped_folder
from tests.cli.conftest import Run

SEED = 20261129
PIPELINES = sorted(shipped_folder("pipelines").rglob("*.yaml"))
RECIPES = sorted(p for p in shipped_folder("configs").rglob("*.yaml") if p.name != "splits.yaml")

HUGE, NESTED = 10**4000, [[[[[[1]]]]]]
WRONG: tuple[object, ...] = (
    *(None, "", "x" * 5000, "../../x", "\u202e", -1, 0, 10**12, 2**63 - 1, HUGE, True),
    *(float("nan"), float("inf"), 1e308, [], {}, [1, "a"], {"a": 1}, NESTED),
)


def places(document: Any, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every key path of a document."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*at, key)
            yield from places(value, (*at, key))


def spoilt(document: dict[str, Any], path: tuple[object, ...], value: object) -> dict[str, Any]:
    result: dict[str, Any] = copy.deepcopy(document)
    inner: Any = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return result


def read(path: Path) -> object:
    return read_pipeline(str(path)) if path.name.startswith("p") else read_recipe(str(path))


@pytest.mark.parametrize("shipped", [*PIPELINES, *RECIPES], ids=lambda p: p.stem)
def test_a_wrong_value_anywhere_is_one_message_or_a_setting(shipped: Path, tmp_path: Path) -> None:
    document = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    file = tmp_path / ("p.yaml" if shipped in PIPELINES else "r.yaml")
    rng = np.random.default_rng(SEED)
    refused: list[UsageError] = []
    for path in places(document):
        for at in rng.choice(len(WRONG), 4, replace=False):
            with file.open("w") as stream:
                # Python writes no number so long; it is put in as text.
                text = yaml.safe_dump(
                    spoilt(document, path, "HUGE" if WRONG[at] is HUGE else WRONG[at])
                )
                stream.write(text.replace("HUGE", "9" * 4000))
            try:
                read(file)
            except UsageError as error:
                refused.append(error)
    assert refused
    for error in refused:
        assert error.hint
        assert str(file) in error.where
        assert "\n" not in error.what
        assert len(error.what) < 6000


ALLOCATING = {
    "synthesize/dcgan_3d": [
        *("generator.latent", "generator.base_channels", "discriminator.base_channels"),
        *("batch_size", "n_workers", "sampling.calibration_samples"),
    ],
    "synthesize/template_gan": ["generator.width", "discriminator.width", "batch_size"],
    "restore/slices_natural": ["batch_size", "n_workers", "discriminator.width"],
    "restore/slices_thick": [
        *("batch_size", "n_workers", "discriminator.width", "slabs.pool", "slabs.reuse"),
    ],
    "restore/denoise": ["batch_size", "n_workers", "discriminator.width"],
}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, keys in ALLOCATING.items() for key in keys]
)
def test_no_setting_asks_for_more_than_any_machine_has(name: str, key: str) -> None:
    with pytest.raises(ConfigError, match="less than or equal"):
        read_recipe(name, [f"{key}=1000000000"])


def test_sides_and_widths_are_bounded_too() -> None:
    for name, change in (
        ("synthesize/dcgan_3d", "data.shape=[100000,100000,100000]"),
        ("synthesize/prior", "data.shape=[]"),
        ("restore/slices_faithful", "generator.widths=[1000000000,8,8]"),
        ("restore/slices_thick", "generator.widths=[1000000000,8,8]"),
        ("restore/denoise", "generator.widths=[1000000000,8,8]"),
    ):
        with pytest.raises(ConfigError, match=r"shape|widths"):
            read_recipe(name, [change])


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n"
    for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)

TEXTS: dict[str, str | bytes] = {
    "aliases of aliases": BOMB,
    "alias to itself": "name: &a [*a]\n",
    "deep": "name: " + "[" * 3000,
    "tag with code": "name: !!python/object/apply:os.system [id]\n",
    **{
        f"tag {tag}": f"name: !!{tag} x\n"
        for tag in ("timestamp", "bool", "float", "int", "binary", "set", "omap", "unknown")
    },
    "no such day": "name: 2026-13-45\n",
    "a date": "name: 2026-11-29\n",
    "digits": "name: " + "9" * 5000 + "\n",
    "hexadecimal": "name: 0x" + "f" * 5000 + "\n",
    "key twice removed": "? [a]\n: b\n",
    "two documents": "name: a\n---\nname: b\n",
    "a tab": "name:\n\t- a\n",
    "NUL": "name: \0\n",
    "UTF-16": "name: a\n".encode("utf-16"),
    "Latin-1": b"name: \xe4\n",
    "empty": "",
    "only a comment": "# a\n",
    "a list": "- a\n",
    "a text": "a\n",
    "no mapping": "stages\n",
    "a number for a key": "1: 2\n",
    "a stage twice": "name: a\nstages: [index, restore, restore]\n",
    "wrong order": "name: a\nstages: [restore, index]\n",
    "after a stage that works once": "name: a\nstages: [index, report, export]\n",
    "no stage": "name: a\nstages: []\n",
    "unknown stage": "name: a\nstages: [index, destroy]\n",
    "stages is text": "name: a\nstages: index\n",
    "stages of stages": "name: a\nstages: [[index], {a: b}]\n",
    "settings without stage": "name: a\nstages: [index]\nrestore: {}\n",
    "settings are a list": "name: a\nstages: [index]\nindex: [1]\n",
    "name leads out": "name: ../../a\nstages: [index]\n",
    "unknown fields": "".join(f"k{n}: 1\n" for n in range(3000)),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_spoilt_file_is_exit_code_2_and_nothing_is_written(
    medgan: Run, tmp_path: Path, kind: str
) -> None:
    text = TEXTS[kind]
    file, out = tmp_path / "mine.yaml", tmp_path / "out"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "in").mkdir()
    for words in (
        ("run", file, tmp_path / "in", "-o", out),
        ("train", file, "-o", out, "--data", tmp_path / "in"),
    ):
        result = medgan(*words)
        assert result.exit_code == 2, result.output
        assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
            *("error", "  where", "  try")
        ]
        assert len(result.stderr) < 4000
        assert "Traceback" not in result.output
        assert not out.exists()


def given(command: str, folder: Path) -> list[object]:
    """What a command wants beside the file."""
    return ["-o", folder / "out", *(["--data", folder] if command == "train" else [])]


def folder(path: Path) -> None:
    path.mkdir()


def hundred_megabytes(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)


def just_too_large(path: Path) -> None:
    path.write_bytes(b"name: a\n" + b"#" * MAX_BYTES)


@pytest.mark.parametrize("place", [folder, hundred_megabytes, just_too_large])
@pytest.mark.parametrize("command", ["run", "train"])
def test_what_is_no_settings_file_is_not_read(
    medgan: Run, tmp_path: Path, place: Callable[[Path], None], command: str
) -> None:
    place(tmp_path / "mine.yaml")
    result = medgan(command, tmp_path / "mine.yaml", *given(command, tmp_path))
    assert result.exit_code == 2, result.output
    assert "mine.yaml" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "../../../nowhere", "/dev/zero", "."])
@pytest.mark.parametrize("command", ["run", "train"])
def test_a_name_of_nothing_lists_what_there_is(
    medgan: Run, tmp_path: Path, name: str, command: str
) -> None:
    result = medgan(command, name, *given(command, tmp_path))
    assert result.exit_code == 2, result.output
    assert "one of: " in result.stderr


@pytest.mark.parametrize(
    "value", ["[" * 3000, "&a [*a]", "9" * 5000, ".nan", "2026-13-45", "!!timestamp x", "{a: b"]
)
def test_a_spoilt_override_is_refused_too(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_pipeline("restore_folder", [f"restore.model={value}"])
    assert caught.value.where
    assert caught.value.hint
