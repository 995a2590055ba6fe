"""House rules that no linter knows: tests mirror modules, links live, YAML loads, help is light.

Everything is found by walking, nothing by a list that could be forgotten. A module has its test
file at the mirrored place, or is named in `COVERS = ("dicom_stack", ...)` of a test file beside
that place which tests several at once. `UNMIRRORED` holds those without; it may only shrink.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from medgan import errors

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "medgan", ROOT / "tests"
DOORS = {"__init__.py", "__main__.py"}

UNMIRRORED: frozenset[str] = frozenset()


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.name not in DOORS)


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def mirror(module: Path) -> Path:
    """Where the test file of a module has to be."""
    inside = module.relative_to(PACKAGE)
    return TESTS / inside.with_name(f"test_{inside.name}")


# Benchmarks, which no other test imports


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=short)
def test_what_benchmarks_import_is_there(script: Path) -> None:
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("medgan"):
            module = importlib.import_module(node.module or "")
            for name in node.names:
                assert hasattr(module, name.name) or importlib.util.find_spec(
                    f"{node.module}.{name.name}"
                ), f"{node.module} has no {name.name}"


# Tests beside modules


def covered() -> set[Path]:
    """Mirrored places that a test file stands at, or that one beside them covers."""
    found = set[Path]()
    for path in TESTS.rglob("test_*.py"):
        found.add(path)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COVERS":
                found |= {path.with_name(f"test_{n}.py") for n in ast.literal_eval(node.value)}
    return found


def test_every_module_has_a_test_file() -> None:
    tested = covered()
    without = {short(m) for m in modules() if mirror(m) not in tested}
    assert without <= UNMIRRORED, f"no test file for {sorted(without - UNMIRRORED)}"
    assert without >= UNMIRRORED, f"take off the list: {sorted(UNMIRRORED - without)}"


def test_nothing_is_covered_that_is_not_there() -> None:
    places = {mirror(m) for m in modules()}
    stray = {p for p in covered() if p not in places and not p.is_file()}
    assert sorted(short(p) for p in stray) == []


def test_every_folder_of_tests_is_a_package() -> None:
    # Two rooms may hold a test_settings.py; without packages pytest would take one for the other.
    folders = {p.parent for p in TESTS.rglob("test_*.py")}
    assert [short(f) for f in sorted(folders) if not (f / "__init__.py").is_file()] == []


# Names and docstrings


def undocumented(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [n for n in tree.body if isinstance(n, named) and not n.name.startswith("_")]
    if ast.get_docstring(tree) is None:
        yield "the module"
    for node in public:
        if ast.get_docstring(node) is None and not is_overload(node):
            yield node.name


def is_overload(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in decorators)


def test_every_public_name_says_what_it_is() -> None:
    found = [f"{short(p)}: {name}" for p in modules() for name in undocumented(p)]
    assert found == []


def without_hint(path: Path) -> Iterator[str]:
    """Places where an error is raised that names no way out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        family = getattr(errors, ast.unparse(node.exc.func), None)
        is_ours = isinstance(family, type) and issubclass(family, errors.MedganError)
        told = {keyword.arg for keyword in node.exc.keywords}
        # What is not as it was written has one way out for all: `pipeline/unit.py` names it.
        if is_ours and family is not errors.ValidationError and "hint" not in told:
            yield f"line {node.lineno}"


def test_every_error_says_what_to_do() -> None:
    assert [f"{short(p)}: {place}" for p in modules() for place in without_hint(p)] == []


@pytest.mark.parametrize(
    "room", sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py")), ids=str
)
def test_every_room_says_what_lives_in_it(room: str) -> None:
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    assert len(ast.get_docstring(tree) or "") > 60


# Documentation


LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|(?:src|href)=\"([^\"]+)\"")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = [first or second for first, second in LINK.findall(text)]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """Ids that headings get on the usual renderers."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", pages(), ids=short)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / unquote(name)).resolve() if name else page
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_below_docs_can_be_reached_from_the_start_page() -> None:
    start = ROOT / "docs" / "index.md"
    seen, waiting = set[Path](), [start]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [
            (page.parent / unquote(link.partition("#")[0])).resolve() for link in links(page)
        ]
        waiting += [t for t in targets if t.suffix == ".md" and t.is_file()]
    assert [short(p) for p in pages() if "docs" in p.parts and p not in seen] == []


BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown_commands() -> list[str]:
    """Lines of `sh` blocks that call medgan or make, comments cut off."""
    lines = [
        line.partition("#")[0].strip()
        for page in pages()
        for block in BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in block.splitlines()
    ]
    return sorted({line for line in lines if line.startswith(("medgan ", "make "))})


@pytest.mark.parametrize("line", [c for c in shown_commands() if c.startswith("medgan ")])
def test_every_medgan_command_in_the_docs_exists_with_its_options(line: str) -> None:
    from typer.main import get_command

    from medgan.cli.app import app

    command, words = get_command(app), shlex.split(line)[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {"-h", "--help"}
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert options <= known
    assert not getattr(command, "commands", {}) or options, f"no command in {line!r}"


@pytest.mark.parametrize("line", [c for c in shown_commands() if c.startswith("make ")])
def test_every_make_target_in_the_docs_exists(line: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert {word for word in shlex.split(line)[1:] if "=" not in word} <= set(targets)


# Settings


def recipes(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.yaml"))


@pytest.mark.parametrize("path", recipes("pipelines"), ids=short)
def test_every_pipeline_loads(path: Path) -> None:
    from medgan.pipeline.settings import read_pipeline

    pipeline = read_pipeline(str(path))
    assert pipeline.name == path.stem


@pytest.mark.parametrize("path", recipes("configs"), ids=short)
def test_every_config_loads(path: Path) -> None:
    if path.name == "splits.yaml":
        from medgan.data.splits import SplitFile
        from medgan.settings import parse, read_yaml

        parse(SplitFile, read_yaml(path), str(path))
        return
    from medgan.pipeline.recipes import read_recipe

    recipe = read_recipe(str(path))
    assert type(recipe).model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize("path", recipes("configs"), ids=short)
def test_every_config_says_what_it_is_for(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")


# Import weight


HEAVY = ("torch", "monai", "scipy", "cv2", "SimpleITK", "highdicom", "matplotlib")


@pytest.mark.parametrize(
    "line",
    [
        "import medgan",
        "import medgan.cli.app",
        "from typer.testing import CliRunner; from medgan.cli.app import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0",
    ],
    ids=["import", "commands", "help"],
)
def test_help_and_import_are_light(line: str) -> None:
    code = f"import sys, json; {line}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert [name for name in HEAVY if name in loaded] == []


# What ships


def test_nothing_of_one_machine_is_written_down() -> None:
    marks = re.compile(r"/(?:work|home|root|Users)/\w+")
    tracked = [
        p for room in ("medgan", "configs", "pipelines", "docs") for p in (ROOT / room).rglob("*")
    ]
    texts = [p for p in tracked if p.suffix in {".py", ".md", ".yaml", ".json", ".toml"}]
    assert [short(p) for p in texts if marks.search(p.read_text(encoding="utf-8"))] == []
