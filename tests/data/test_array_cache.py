"""What is kept comes back bit for bit, is what numpy reads, and is made again when damaged."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from medgan.data.array_cache import ArrayCache, Made
from medgan.errors import WriteError

VALUES = np.random.default_rng(0).standard_normal((5, 7, 3)).astype(np.float32)
FACTS = {"range": [-1000.5, 3.0]}


def make() -> Made:
    return VALUES, FACTS


def no_need() -> Made:
    raise AssertionError("made again")


def test_bit_for_bit_with_its_facts_and_readable_by_numpy(tmp_path: Path) -> None:
    ArrayCache(tmp_path / "new").get("key", make)
    values, facts = ArrayCache(tmp_path / "new").get("key", no_need)
    assert np.array_equal(values, VALUES)
    assert facts == FACTS
    assert np.array_equal(np.load(tmp_path / "new" / "key.npy"), VALUES)


def test_any_memory_layout(tmp_path: Path) -> None:
    values, _ = ArrayCache(tmp_path).get("key", lambda: (VALUES.transpose(2, 0, 1), {}))
    assert np.array_equal(values, VALUES.transpose(2, 0, 1))


@pytest.mark.parametrize("cut", [0, 5, 100, 400, -3])
def test_a_short_file_is_made_again(tmp_path: Path, cut: int) -> None:
    ArrayCache(tmp_path).get("key", make)
    file = tmp_path / "key.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:cut])
    assert np.array_equal(ArrayCache(tmp_path).get("key", make)[0], VALUES)
    assert file.read_bytes() == whole


@pytest.mark.parametrize("place", [3, 40, 300])
def test_a_damaged_file_is_made_again(tmp_path: Path, place: int) -> None:
    ArrayCache(tmp_path).get("key", make)
    file = tmp_path / "key.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert np.array_equal(ArrayCache(tmp_path).get("key", make)[0], VALUES)
    assert file.read_bytes() == whole


def test_more_arrays_than_open_files(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 128), hard))
    try:
        kept = [cache.get(str(n), make)[0] for n in range(150)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert all(np.array_equal(values, VALUES) for values in kept)


def test_without_a_folder_nothing_is_kept() -> None:
    assert ArrayCache(None).get("key", make)[0] is VALUES


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot be written"):
        ArrayCache(tmp_path / "file" / "cache").get("key", make)
