from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.plot.columns import peaks, reduced, stride


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.integers(0, 60),
    st.integers(1, 200),
    st.integers(1, 30),
)
def test_columns_are_means_of_frames_however_these_come(
    sizes: list[int], first: int, length: int, step: int
) -> None:
    frames = np.random.default_rng(0).random((sum(sizes), 3)).astype(np.float32)
    blocks = np.split(frames, np.cumsum(sizes)[:-1])
    part = frames[first : first + length]
    expected = [part[start : start + step].mean(axis=0) for start in range(0, len(part), step)]
    columns = reduced(blocks, first, first + length, step)
    assert len(columns) == len(expected)
    if expected:
        np.testing.assert_allclose(columns, expected, rtol=1e-5)


def test_nothing_is_read_after_the_part() -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.ones((10, 2), np.float32)
        raise AssertionError

    assert reduced(blocks(), 2, 10, 3).shape == (3, 2)


@given(st.integers(1, 10**7), st.integers(1, 5000))
def test_there_are_never_too_many_columns(frames: int, most: int) -> None:
    step = stride(frames, most)
    assert -(-frames // step) <= most
    assert step == 1 or -(-frames // (step - 1)) > most


def test_no_peak_is_lost() -> None:
    values = np.zeros(103)
    values[[7, 102]] = 0.9, 0.5
    values[50] = np.nan
    columns = peaks(values, 10)
    assert columns.tolist() == [0.9, *[0] * 9, 0.5]
    assert peaks(np.zeros(0), 10).tolist() == []
