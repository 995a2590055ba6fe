"""Parts put together are the whole, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medgan.data.share import Share

counts = st.integers(1, 6)


@given(n=counts, size=counts, step=st.integers(0, 50))
def test_parts_in_order_are_what_one_process_sees(n: int, size: int, step: int) -> None:
    parts = [Share(rank, n) for rank in range(n)]
    numbers = [number for part in parts for number in part.numbers(step, size)]
    assert numbers == list(Share().numbers(step, n * size))
    batch = list(range(n * size))
    assert [row for part in parts for row in batch[part.rows(size)]] == batch
