from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import medgan as package
from medgan.cli.app import app
from medgan.errors import ConfigError
from medgan.models import read_info, shipped_models
from medgan.settings import shipped_folder
from tests.cli.conftest import Run

COVERS = ("voice", "reading")

COMMANDS = (
    "inspect",
    "detect",
    "restore",
    "export",
    "validate",
    "train",
    "synthesize",
    "evaluate",
    "run",
    "status",
    "doctor",
    "demo",
    "pull",
    "push",
)


def test_help_names_every_command_and_teaches_by_example(medgan: Run) -> None:
    result = medgan("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"  {command} " in result.output
        assert "medgan" in medgan(command, "--help").output
    for command in ("inspect", "restore", "train", "synthesize", "run", "status"):
        assert "For example:" in medgan(command, "--help").output


def test_help_names_what_can_be_named(medgan: Run) -> None:
    said = "".join(medgan("run", "--help").output.split())  # names are broken over lines
    for path in shipped_folder("pipelines").glob("*.yaml"):
        assert path.stem in said
    of_restore = ("restorer", "thinner", "denoiser")
    for command, kinds in (("restore", of_restore), ("synthesize", ("synthesizer",))):
        said = "".join(medgan(command, "--help").output.split())
        for name, folder in shipped_models().items():
            assert (name in said) == (read_info(folder).kind in kinds)
    assert "none:classical" in "".join(medgan("restore", "--help").output.split())


def test_version(medgan: Run) -> None:
    result = medgan("--version")
    assert (result.exit_code, result.output) == (0, f"medgan {package.__version__}\n")


@pytest.mark.parametrize("words", [["--help"], ["restore", "--help"], ["--version"]])
def test_help_imports_neither_torch_nor_monai_nor_the_readers(words: list[str]) -> None:
    code = (
        "import sys; from medgan.cli.app import app\n"
        f"try: app({words!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'monai', 'numpy', 'pydicom', 'nibabel', 'SimpleITK'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "heavy: []"


def test_importing_medgan_loads_nothing_heavy_and_its_doors_open() -> None:
    code = (
        "import sys, medgan\n"
        "print(sorted({'torch', 'monai', 'numpy'} & set(sys.modules)))\n"
        "print(medgan.Scan.__name__, medgan.inspect.__name__, medgan.load.__name__)\n"
        "print(sorted({'torch', 'monai'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["[]", "Scan inspect load", "[]"]


def test_there_is_no_door_of_another_name() -> None:
    with pytest.raises(AttributeError, match="repair"):
        package.repair  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "words",
    [
        ["restore"],
        ["restore", "x"],
        ["nonsense"],
        ["inspect", "x", "--nonsense"],
        ["inspect", "x", "--axis", "7"],
        ["synthesize", "x", "-n", "0", "-o", "y"],
    ],
)
def test_wrong_use_is_exit_2(medgan: Run, words: list[str]) -> None:
    result = medgan(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_python_m_medgan_is_the_same_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "medgan", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"medgan {package.__version__}\n"


def _break(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def discover(*args: object) -> None:
        raise error

    monkeypatch.setattr("medgan.scans.discover", discover)


def test_an_unforeseen_fault_is_one_line_with_a_way_to_report_it(
    medgan: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _break(monkeypatch, RuntimeError("secret name"))
    result = medgan("inspect", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: internal error (RuntimeError): this is a fault of the program",
        "  try: Run it again with -v, and report the traceback file that it names. "
        "A traceback may quote file names and headers: look through it before you send it.",
    ]
    result = medgan("inspect", tmp_path, "-v")
    assert "look through it before you send it" in result.stderr
    trace = Path(result.stderr.splitlines()[-1].removeprefix("  trace: "))
    assert "secret name" in trace.read_text()
    trace.unlink()


def test_our_errors_say_what_where_and_what_to_try(
    medgan: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _break(monkeypatch, ConfigError("it is wrong", where="a.yaml", hint="Mend it."))
    result = medgan("inspect", tmp_path, "--json")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: it is wrong",
        "  where: a.yaml",
        "  try: Mend it.",
    ]
    assert json.loads(result.stdout) == {
        "error": {"what": "it is wrong", "where": "a.yaml", "hint": "Mend it."}
    }


def test_ctrl_c_is_exit_130_without_a_trace(
    medgan: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _break(monkeypatch, KeyboardInterrupt())
    result = medgan("inspect", tmp_path)
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted: the same command goes on from here"


def test_the_app_has_no_command_without_a_test() -> None:
    names = {command.name for command in app.registered_commands}
    names |= {group.typer_instance.info.name for group in app.registered_groups}
    assert names == set(COMMANDS)
