"""A lack of memory is told from other faults, and a network comes back to where it was."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from medgan.models.memory import is_on_gpu, is_out_of_memory, on_cpu, or_on_cpu, release


def caught(work: object) -> BaseException:
    try:
        work()  # type: ignore[operator]
    except BaseException as error:
        return error
    raise AssertionError("there was enough memory")


def test_what_numpy_and_torch_raise_is_known_for_what_it_is() -> None:
    assert is_out_of_memory(caught(lambda: np.empty(2**60, np.uint8)))
    assert is_out_of_memory(caught(lambda: torch.empty(2**60, dtype=torch.uint8)))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    ],
)
def test_so_is_what_a_gpu_says(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("out of memory"), cv2.error("bad argument")]
)
def test_other_faults_are_not(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_a_network_is_moved_and_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Linear(1, 1)
    assert not is_on_gpu(network)
    moves: list[object] = []
    monkeypatch.setattr(network, "to", moves.append)
    with pytest.raises(KeyError), on_cpu(network):
        raise KeyError
    assert moves == ["cpu", torch.device("cpu")]
    assert is_on_gpu(nn.Linear(1, 1, device="meta"))


def test_the_cpu_is_tried_where_a_gpu_lacks_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [MemoryError(), "made"]

    def work() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    network = nn.Linear(1, 1)
    with pytest.raises(MemoryError):
        or_on_cpu(network, work)
    answers.insert(0, MemoryError())
    monkeypatch.setattr("medgan.models.memory.is_on_gpu", lambda network: True)
    assert or_on_cpu(network, work) == ("made", True)
    answers.append("at once")
    assert or_on_cpu(network, work) == ("at once", False)


def test_it_loads_no_torch() -> None:
    code = (
        "import sys, medgan.models.memory as m; m.release(); "
        "assert m.is_out_of_memory(MemoryError()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    release()
