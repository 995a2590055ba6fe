"""Results of one input, and what another may do in their folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.pipeline.owner import OWNER, claim
from medgan.pipeline.stage import Context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    context = Context(tmp_path / "in", tmp_path / "out")
    context.state.mkdir(parents=True)
    claim(context, [])
    return context


@pytest.fixture
def other(context: Context) -> Context:
    return dataclasses.replace(context, input=context.out.parent / "other")


def test_the_same_input_may_replace_its_own(context: Context) -> None:
    claim(context, ["a"])


def test_another_input_may_not_and_the_folder_stays_with_the_first(
    context: Context, other: Context
) -> None:
    with pytest.raises(UsageError, match="results of another input, for a and 1 more"):
        claim(other, ["a", "b"])
    claim(context, ["a"])


def test_another_input_that_replaces_nothing_may_come(context: Context, other: Context) -> None:
    claim(other, [])
    claim(other, ["a"])
    with pytest.raises(UsageError):
        claim(context, ["a"])


def test_the_path_itself_is_not_written_down(context: Context) -> None:
    assert str(context.input) not in (context.state / OWNER).read_text()
