from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from medgan.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def medgan() -> Run:
    """Run the command line in this process."""

    def run(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return run
