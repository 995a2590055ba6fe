from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tests.pipeline.fake_stages  # noqa: F401 - registers its stages

PIPELINE = """\
name: fake
description: for tests
stages: [fake_list, fake_work, fake_total]
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    file = tmp_path / "fake.yaml"
    file.write_text(PIPELINE)
    return str(file)


@pytest.fixture
def cohort(tmp_path: Path) -> Callable[..., Path]:
    """Make an input folder of texts, each saying what is to happen to it."""

    def make(**orders: str) -> Path:
        folder = tmp_path / "input"
        folder.mkdir(exist_ok=True)
        for name, order in orders.items():
            (folder / f"{name}.txt").write_text(order)
        return folder

    return make
