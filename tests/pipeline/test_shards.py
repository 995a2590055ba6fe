from __future__ import annotations

import pytest

from medgan.errors import UsageError
from medgan.pipeline.options import RunOptions
from medgan.pipeline.shards import Shard

COVERS = ("options",)

UNITS = [f"restore_folder/index/sub-{n:03d}/anat/scan" for n in range(1000)]


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_every_unit_belongs_to_one_shard_and_shards_are_of_a_size(count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    assert all(sum(shard.holds(unit) for shard in shards) == 1 for unit in UNITS)
    sizes = [sum(map(shard.holds, UNITS)) for shard in shards]
    # Binomial: five standard deviations around the mean.
    spread = 5 * (len(UNITS) / count) ** 0.5
    assert all(abs(size - len(UNITS) / count) < spread for size in sizes)


def test_a_unit_stays_in_its_shard_on_every_machine() -> None:
    # The first 8 bytes of sha256 of "a", as any other program prints them.
    assert Shard(0xCA978112CA1BBDCA % 4 + 1, 4).holds("a")


def test_names_are_those_of_files_and_of_the_option() -> None:
    shard = Shard.parse(" 2/16 ")
    assert (shard, shard.name, str(shard)) == (Shard(2, 16), "shard-2-of-16", "2/16")


@pytest.mark.parametrize("text", ["", "2", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2", "1.0/4"])
def test_what_is_no_shard_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="such as 2/4"):
        Shard.parse(text)


def test_a_shard_cannot_merge() -> None:
    with pytest.raises(UsageError, match="a merge does none"):
        RunOptions(shard=Shard(1, 2), only="merge")
