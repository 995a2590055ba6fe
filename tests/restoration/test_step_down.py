"""Memory that runs out costs time and is told, and changes nothing that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgan.interpolation import Filler, classical_fillers
from medgan.models import Model
from medgan.networks.slice_net import SliceInputs
from medgan.record import ScanRecord
from medgan.restoration import RestoreSettings, restore_scan, within_memory
from medgan.restoration.net_filler import NetFiller
from medgan.restoration.step_down import EASES
from medgan.scans import Scan
from tests.restoration.phantom import make_holes, make_scan
from tests.restoration.test_net_filler import model

PLANE = 40 * 44
ERRORS = (
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
)


class Narrow(nn.Module):
    """A network on a machine that has room for so many pixels at once, or for so many calls."""

    def __init__(self, inner: nn.Module, error: BaseException, room: int, n_calls: int) -> None:
        super().__init__()
        self.inner, self.error, self.room, self.n_calls = inner, error, room, n_calls

    def forward(self, inputs: SliceInputs) -> Tensor:
        n, _, h, w = inputs.neighbours.shape
        self.n_calls -= 1
        if n * h * w > self.room or self.n_calls < 0:
            raise self.error
        answer: Tensor = self.inner(inputs)
        return answer


def narrow(error: BaseException, room: int = PLANE, n_calls: int = 10**6) -> tuple[Filler, ...]:
    whole = model(trained=True)
    network = Narrow(whole.network, error, room, n_calls).eval()
    return (*classical_fillers(), NetFiller(Model(whole.info, network), 2))


def restore(fillers: Sequence[Filler]) -> tuple[Scan, ScanRecord]:
    return restore_scan(holed(), RestoreSettings(), fillers)


def holed() -> Scan:
    return make_holes(make_scan(20, (40, 44)), [8, 9, 10])


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    eases = tuple(replace(ease, chunk_pixels=PLANE) for ease in EASES)
    monkeypatch.setattr("medgan.restoration.step_down.EASES", eases)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_it_goes_on_in_smaller_pieces_and_says_so(error: BaseException) -> None:
    found, record = within_memory(restore, narrow(error))
    assert record.notes[-1] == (
        "memory ran out: the network was run again in smaller pieces, which may change last digits"
    )
    expected, told = restore((*classical_fillers(), NetFiller(model(trained=True), 2)))
    assert record.notes[:-1] == told.notes
    assert record.measured_hashes == told.measured_hashes
    present = holed().present
    np.testing.assert_array_equal(found.stored[..., present], holed().stored[..., present])
    np.testing.assert_allclose(found.stored, expected.stored, atol=1)


def test_then_from_one_view_for_the_whole_scan() -> None:
    seen = []

    def work(fillers: Sequence[Filler]) -> tuple[Scan, ScanRecord]:
        seen.append([f.averaging for f in fillers if isinstance(f, NetFiller)])
        if len(seen) < 3:
            raise MemoryError
        return restore(fillers)

    _, record = within_memory(work, narrow(MemoryError(), room=10**6))
    assert seen == [[2], [2], [1]]
    assert "from one view" in record.notes[-1]


def test_what_runs_out_every_time_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MemoryError):
        within_memory(restore, narrow(MemoryError(), room=0))


def test_other_faults_and_enough_memory_pass_through() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"):
        within_memory(restore, narrow(RuntimeError("shapes differ"), room=0))
    _, record = within_memory(restore, narrow(MemoryError(), room=10**6))
    assert not any("memory" in note for note in record.notes)


def test_without_a_network_there_is_one_attempt() -> None:
    calls = []

    def work(fillers: Sequence[Filler]) -> tuple[Scan, ScanRecord]:
        calls.append(1)
        raise MemoryError

    with pytest.raises(MemoryError):
        within_memory(work, classical_fillers())
    assert len(calls) == 1


def test_the_last_resort_is_the_cpu_and_the_gpu_is_taken_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fillers, moves = narrow(MemoryError(), room=10**6), []
    monkeypatch.setattr("medgan.restoration.step_down.is_on_gpu", lambda network: True)
    network = fillers[-1].model.network  # type: ignore[attr-defined]
    monkeypatch.setattr(network, "to", lambda *to, **form: moves.extend(to))
    attempts = []

    def work(some: Sequence[Filler]) -> tuple[Scan, ScanRecord]:
        attempts.append(list(moves))
        if len(attempts) <= len(EASES):
            raise MemoryError
        return restore(some)

    _, record = within_memory(work, fillers)
    assert "on the CPU" in record.notes[-1]
    assert attempts[-1] == ["cpu"]
    assert moves == ["cpu", torch.device("cpu")]  # where it was before
