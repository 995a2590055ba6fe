"""What is chosen from given figures; the figures themselves are the machine's."""

from __future__ import annotations

import pytest
import torch

from medgan.pipeline import speed


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "BUDGET_S", 0.0)
    monkeypatch.setattr(speed, "LEAST_ROUNDS", 1)
    monkeypatch.setattr(speed, "PLANE", 16)


def test_every_way_is_timed_and_the_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    filled, trained = speed.fill_seconds(), speed.train_seconds("cpu")
    assert torch.get_num_threads() == before
    assert 1 in filled
    assert {*trained} == {
        f"{precision} {layout}"
        for precision in ("float32", "bfloat16")
        for layout in ("contiguous", "channels_last")
    }
    assert all(0 < took < 60 for took in (*filled.values(), *trained.values()))


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({1: 1.0}, 1),
        ({1: 1.0, 2: 0.5, 4: 0.3}, 4),
        ({1: 1.0, 2: 0.5, 4: 0.49, 8: 0.6}, 2),
        ({1: 1.0, 2: 0.97, 4: 2.0}, 1),
    ],
)
def test_the_fewest_threads_that_are_about_as_fast(seconds: dict[int, float], best: int) -> None:
    assert speed.best_threads(seconds) == best


@pytest.mark.parametrize(("low", "best"), [(0.5, "bfloat16"), (0.95, "float32"), (3, "float32")])
def test_another_number_format_only_if_it_is_clearly_faster(low: float, best: str) -> None:
    seconds = {"float32 contiguous": 1.0, "bfloat16 contiguous": low}
    assert speed.best_precision(seconds) == best


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed.shutil, "which", lambda name: None)
    assert speed.compiled_gain("cpu") is None


def test_a_compiler_that_fails_is_no_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(network: object) -> object:
        def fail(images: object) -> None:
            raise RuntimeError("no")

        return fail

    monkeypatch.setattr(speed.shutil, "which", lambda name: "/bin/g++")
    monkeypatch.setattr(torch, "compile", broken)
    assert speed.compiled_gain("cpu") is None
