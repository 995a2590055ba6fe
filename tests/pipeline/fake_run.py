"""The command line with the fake stages: `python -m tests.pipeline.fake_run run ...`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from medgan.cli.app import app
from medgan.pipeline import workers
from tests.pipeline import fake_stages

ROOT = Path(__file__).parents[2]
CHILD_MB = 300.0
"""A child with fake stages is small: so many may start in little memory."""


def command(*words: object) -> list[str]:
    """Return the words that run the command line with fake stages; from `ROOT`."""
    return [sys.executable, "-m", "tests.pipeline.fake_run", *map(str, words)]


def start(*words: object) -> subprocess.Popen[str]:
    """Start it, and go on."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command(*words), cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


if __name__ == "__main__":
    assert fake_stages.STAGES
    workers.CHILD_MEMORY_MB = CHILD_MB
    app(prog_name="medgan")
