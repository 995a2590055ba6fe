"""The script for SLURM, run by a stand-in for sbatch; and options that clash."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medgan.cli.how import run_options
from medgan.pipeline import RunOptions, Shard
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan
from tests.pipeline.conftest import PIPELINE
from tests.pipeline.fake_run import ROOT

SBATCH = """\
#!{python}
# Runs what it is given at once: an array one by one, as SLURM would with one slot.
import os, re, subprocess, sys
words, script = sys.argv[1:], sys.stdin.read()
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
env = dict(os.environ)
given = "".join(word for word in words if word.startswith("--export=ALL,"))
env.update(re.findall(r"(\\w+)=([^,]*)", given.removeprefix("--export=ALL,")))
array = [w for w in words if w.startswith("--array=")]
first, last = array[0].removeprefix("--array=").split("-") if array else (0, 0)
for task in range(int(first), int(last) + 1):
    print("task", task, file=sys.stderr, flush=True)
    env["SLURM_ARRAY_TASK_ID"] = str(task)
    subprocess.run(["bash"], input=script, text=True, env=env, stdout=2)
print(41 if array else 42)
"""


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_the_script_does_all_shards_and_then_the_merge(medgan: Run, tmp_path: Path) -> None:
    source, out, pipeline = tmp_path / "my scans", tmp_path / "out", tmp_path / "fake.yaml"
    pipeline.write_text(PIPELINE)
    source.mkdir()
    for name in "abcdef":
        (source / f"{name}.txt").write_text("ok")
    words = ("run", pipeline, source, "-o", out, "--workers", 0)
    result = medgan(*words, "--print-slurm", "--shards", 2, "--memory", 3)
    assert result.exit_code == 0, result.output
    assert not out.exists()

    log, programs = tmp_path / "sbatch.log", tmp_path / "bin"
    programs.mkdir()
    write_program(programs / "sbatch", SBATCH.format(python=sys.executable, log=str(log)))
    fake = f'#!/bin/sh\ncd "{ROOT}" && exec {sys.executable} -m tests.pipeline.fake_run "$@"\n'
    write_program(programs / "medgan", fake)
    done = subprocess.run(
        ["bash"],
        input=result.stdout,
        text=True,
        capture_output=True,
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "42\n"
    array, merge = log.read_text().splitlines()
    assert "--array=1-2" in array
    assert "--mem=5G" in array
    assert "--dependency=afterany:41" in merge
    assert sorted(p.name for p in out.glob("*.out")) == [f"{name}.out" for name in "abcdef"]
    assert (out / "total.txt").read_text().count("complete") == 6
    # Each was done by the shard it belongs to: the merge did none.
    for number in (1, 2):
        own = [n for n in "abcdef" if Shard(number, 2).holds(f"fake/fake_list/{n}")]
        for name in "abcdef":
            line = rf"\] {name}  complete" if len(own) > 1 else rf"^{name}  complete"
            found = re.search(line, shard_output(done.stderr, number), re.M)
            assert bool(found) == (name in own)


def shard_output(text: str, number: int) -> str:
    """What the stand-in ran for one shard."""
    return text.split(f"task {number}\n")[1].split("task ")[0]


def test_paths_and_settings_stand_there_as_they_were_given(medgan: Run) -> None:
    words = ("run", "restore_folder", "in put", "-o", "o/ut", "--set", "restore.model=none")
    script = medgan(*words, "--set", "index.take=all", "--print-slurm").stdout
    command = (
        "exec medgan run restore_folder 'in put' --output o/ut --set restore.model=none "
        "--set index.take=all"
    )
    assert f'{command} --workers "$cpus" --memory "$memory_gb" --shard ' in script
    assert f"{command} --workers 1 --merge" in script
    assert "shards=8\n" in script
    assert "logs=o/ut_logs" in script


@pytest.mark.parametrize("option", [("--merge",), ("--shard", "1/2"), ("--retry-failed",)])
def test_what_the_script_says_itself_is_refused(medgan: Run, option: tuple[str, ...]) -> None:
    result = medgan("restore", "in", "-o", "out", "--print-slurm", *option)
    assert result.exit_code == 2
    assert f"cannot be combined with {option[0]}" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shard", "3/2"), "such as 2/4"),
        (("--shard", "1/2", "--merge"), "a merge does none"),
        (("--retry-failed", "--merge"), "cannot retry"),
        (("--memory", "0"), "0.1"),
        (("--max-failures", "0"), "1"),
    ],
)
@pytest.mark.parametrize("command", [("run", "restore_folder"), ("restore",)])
def test_options_that_make_no_sense_are_exit_2(
    medgan: Run, tmp_path: Path, command: tuple[str, ...], options: tuple[str, ...], said: str
) -> None:
    result = medgan(*command, tmp_path, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out").exists()


def test_events_and_a_bound_of_memory_from_the_command_line(medgan: Run, tmp_path: Path) -> None:
    source, out = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent, tmp_path / "out"
    events = tmp_path / "events.jsonl"
    words = ("run", "restore_folder", source, "-o", out, "--set", "restore.model=none")
    result = medgan(*words, "--workers", 2, "--memory", 2, "--events", events)
    assert result.exit_code == 0, result.output
    assert "1 of 2 workers started: 2.0 GB allow no more" in result.stdout
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [line["event"] for line in told][-1] == "end"
    assert any(line["event"] == "note" and "--memory" in line["text"] for line in told)


def test_a_dash_for_events_is_stderr(medgan: Run, tmp_path: Path) -> None:
    source, out = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent, tmp_path / "out"
    words = ("run", "restore_folder", source, "-o", out, "--set", "restore.model=none")
    result = medgan(*words, "--workers", 0, "--events", "-")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stderr.splitlines()[-1])["event"] == "end"
    assert '"event"' not in result.stdout


def test_every_option_reaches_the_runner() -> None:
    options = run_options(
        workers=3,
        device="cpu",
        time_limit=7.0,
        memory=5.0,
        max_failures=2,
        retry_failed=True,
        shard="2/4",
        salt_file=Path("my.salt"),
    )
    assert options == RunOptions(
        workers=3,
        device="cpu",
        time_limit_s=7.0,
        memory_gb=5.0,
        max_failures=2,
        only="failed",
        shard=Shard(2, 4),
        salt_file=Path("my.salt"),
    )
    assert run_options() == RunOptions()
    assert run_options(merge=True).only == "merge"
