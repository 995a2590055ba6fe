from pathlib import Path

import pytest
from pydantic import Field

from medgan.errors import ConfigError
from medgan.settings import (
    Settings,
    assignment,
    digest,
    find,
    override,
    parse,
    read_yaml,
    shipped_folder,
)


class Inner(Settings):
    """Inner settings of a test."""

    rate: float = Field(0.1, gt=0)


class Outer(Settings):
    """Outer settings of a test."""

    steps: int = 10
    inner: Inner = Inner()


def test_a_file_is_found_by_path_by_name_and_with_its_folder(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("steps: 1\n")
    shipped = shipped_folder("configs") / "synthesize" / "dcgan_3d.yaml"
    assert find(str(own), "configs") == own
    assert find("synthesize/dcgan_3d", "configs") == shipped
    assert find("configs/synthesize/dcgan_3d.yaml", "configs").samefile(shipped)


@pytest.mark.parametrize("name", ["nothing", "../pyproject", "/etc/hostname_", ""])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(name, "configs")
    assert caught.value.where == name
    assert "synthesize/dcgan_3d" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"- a\n", "expected a mapping of settings, found list"),
        (b"a: [1\n", "not valid YAML"),
        (b"a: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"a: &a [*a]\n", "an alias to itself"),
        (b"a: 2020-01-01\n", "a date"),
        (b"2020-01-01: a\n", "a date"),
    ],
    ids=["list", "broken", "code", "binary", "cycle", "date", "date key"],
)
def test_what_is_no_settings_file_is_named(tmp_path: Path, text: bytes, what: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert what in caught.value.what
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(tmp_path / "gone.yaml")
    assert "gone.yaml" in caught.value.where


def test_assignments_override_and_leave_the_document_alone() -> None:
    document = {"steps": 1, "inner": {"rate": 0.5}}
    changed = override(
        document, ["steps=20", "inner.rate=1e-3", "inner.name=a b", "new.key=[1, 2]"]
    )
    assert changed["steps"] == 20
    assert float(changed["inner"]["rate"]) == 1e-3
    assert changed["inner"]["name"] == "a b"
    assert changed["new"] == {"key": [1, 2]}
    assert document == {"steps": 1, "inner": {"rate": 0.5}}


@pytest.mark.parametrize(
    "value",
    [
        "none",
        "",
        "2024",
        "yes",
        "a: b",
        "run #3",
        "[x",
        "it's",
        "~",
        "C:\\x",
        "ünï",
        "...",
        "abc...",
        True,
        1.5,
        None,
        "a" * 300 + " b" * 200,
        [],
        [1, 2],
        ["nifti", "dicom"],
    ],
)
def test_what_is_assigned_is_read_back_unchanged(value: object) -> None:
    assert override({}, [assignment("a.b", value)]) == {"a": {"b": value}}


@pytest.mark.parametrize("wrong", ["steps", "=3", "steps.a=1", "steps=[1"])
def test_a_wrong_assignment_is_named(wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override({"steps": 1}, [wrong])
    assert wrong in caught.value.where


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Outer, {"step": 1, "inner": {"rate": -1, "x": 2}}, "a.yaml")
    assert "step: unknown key; known are inner, steps" in caught.value.what
    assert "inner.rate:" in caught.value.what
    assert "inner.x: unknown key" in caught.value.what
    assert caught.value.where == "a.yaml"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Outer().steps = 3  # type: ignore[misc]


def test_a_digest_depends_on_content_not_on_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(Outer()) == digest(Outer(steps=10))
    assert digest(Outer()) != digest(Outer(steps=11))
