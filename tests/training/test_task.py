"""The tasks of both capabilities are what the loop expects, by name."""

from __future__ import annotations

import inspect

import pytest

from medgan.restoration.task import RestorerTask
from medgan.synthesis.task import SynthesisTask
from medgan.training import Task
from tests.training.toy import ToyTask

METHODS = [name for name, member in inspect.getmembers(Task, inspect.isfunction) if name[0] != "_"]


@pytest.mark.parametrize("task", [RestorerTask, SynthesisTask, ToyTask])
@pytest.mark.parametrize("method", METHODS)
def test_same_arguments(task: type, method: str) -> None:
    expected = list(inspect.signature(getattr(Task, method)).parameters)
    assert list(inspect.signature(getattr(task, method)).parameters) == expected
