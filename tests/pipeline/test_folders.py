from __future__ import annotations

from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.pipeline.folders import no_trace_of_nothing
from medgan.pipeline.stage import Context


@pytest.mark.parametrize("part", ["", "shard-1-of-2"])
def test_a_run_that_came_to_nothing_leaves_nothing_but_what_other_shards_made(
    tmp_path: Path, part: str
) -> None:
    context = Context(None, tmp_path / "out", part=part)

    def begin_and_end() -> None:
        with no_trace_of_nothing(context):
            context.state.mkdir(parents=True)
            raise UsageError("no")

    with pytest.raises(UsageError):
        begin_and_end()
    assert context.state.exists() == bool(part)
