"""A damaged state is one message, and nothing in it is ever run."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from medgan.errors import ModelError
from medgan.training.checkpoint import STATE, load_state, save_state


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("__import__('pathlib').Path('sprung').touch()",))


def test_round_trip_and_absence(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    save_state(tmp_path, {"step": 3, "w": torch.arange(4.0)})
    state = load_state(tmp_path)
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["w"], torch.arange(4.0))


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(Trap(), protocol=2)])
def test_a_damaged_or_hostile_state_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        load_state(tmp_path)
    assert not (tmp_path / "sprung").exists()
