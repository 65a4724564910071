from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from beattrack.cluster.chunks import CHUNK_SECONDS, MOST_ITEMS, Chunks

WEIGHTS = st.lists(st.floats(0, 1e5), max_size=60)


def all_chunks(chunks: Chunks, workers: int, speed: float) -> list[list[int]]:
    """Take all chunks, each of which is finished at a speed before the next is taken."""
    taken = []
    while chunks:
        taken.append(chunks.take(workers))
        chunks.finished(taken[-1], sum(chunks._weights[i] for i in taken[-1]) / speed)
    return taken


@given(WEIGHTS, st.integers(0, 50), st.floats(0.1, 1e5))
def test_every_item_is_taken_once_and_the_heaviest_first(
    weights: list[float], workers: int, speed: float
) -> None:
    taken = [index for chunk in all_chunks(Chunks(weights), workers, speed) for index in chunk]
    assert sorted(taken) == list(range(len(weights)))
    assert [max(weights[i], 1e-3) for i in taken] == sorted((max(w, 1e-3) for w in weights), reverse=True)


def test_the_first_chunk_is_one_item_as_no_speed_is_known() -> None:
    assert Chunks([1.0, 3.0, 2.0]).take(1) == [1]


def test_a_chunk_lasts_as_long_as_it_should() -> None:
    chunks = Chunks([10.0] * 10_000)
    chunks.finished(chunks.take(2), 0.1)  # 100 units of work a second
    assert len(chunks.take(2)) == CHUNK_SECONDS * 100 / 10


def test_chunks_become_small_at_the_end() -> None:
    sizes = [len(chunk) for chunk in all_chunks(Chunks([1.0] * 1000), 4, 1e6)]
    assert sizes[1] > 100
    assert sizes[-4:] == [1] * 4
    assert sizes[1:] == sorted(sizes[1:], reverse=True)


def test_a_chunk_of_tiny_items_has_a_largest_size() -> None:
    chunks = Chunks([0.0] * 5 * MOST_ITEMS)
    chunks.finished(chunks.take(1), 1e-9)
    assert len(chunks.take(1)) == MOST_ITEMS
