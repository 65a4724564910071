from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.gridding.snap import on_grid


def test_beats_lie_on_the_grid_exactly() -> None:
    exact = 0.482 + np.arange(600) * 60 / 124.003
    found = on_grid(np.round(exact, 2), 300.0)
    assert found.grid.sentence == "gridable: 124.003 BPM from 0.482 s, all beats within 5 ms"
    (piece,) = found.grid.pieces
    assert (piece.bpm, piece.start, piece.end, piece.beats) == (124.003, 0, 300, 600)
    np.testing.assert_allclose(found.times, piece.offset + np.arange(600) * 60 / piece.bpm, atol=1e-9)
    errors = np.array(found.grid.residuals, dtype=float)
    np.testing.assert_allclose(found.times + errors, np.round(exact, 2), atol=1e-5)


def test_missing_beats_are_filled_in_extra_ones_left_out_and_pauses_kept() -> None:
    exact = np.arange(200) * 0.5
    tracked = np.sort(np.append(np.delete(exact, [10, 50, 51, 52, 53, *range(120, 140)]), 40.3))
    found = on_grid(tracked, 100.0)
    assert found.times.tolist() == pytest.approx(np.delete(exact, range(120, 140)).tolist())
    assert found.times[found.tracked < 0].tolist() == pytest.approx([5, 25, 25.5, 26, 26.5])
    assert [error for error in found.grid.residuals if error is None] == [None] * 5


def test_several_pieces() -> None:
    times = np.cumsum([0.5] * 150 + [0.4] * 150)
    found = on_grid(times, 150.0)
    assert found.grid.sentence == (
        "gridable in 2 pieces: 120.000 BPM from 0.500 s, 150.000 BPM from 75.000 s, all beats within 1 ms"
    )
    assert [(piece.start, piece.end) for piece in found.grid.pieces] == [(0, 75), (75, 150)]
    np.testing.assert_allclose(found.times, times, atol=1e-6)


@pytest.mark.parametrize(("first", "second"), [(0.5, 1.0), (1.0, 0.5), (0.5, 2 / 3), (2 / 3, 3 / 7)])
def test_no_beat_is_lost_or_added_at_a_change(first: float, second: float) -> None:
    times = np.cumsum([first] * 100 + [second] * 100)
    found = on_grid(times, times[-1] + 1)
    assert len(found.grid.pieces) == 2
    np.testing.assert_allclose(found.times, times, atol=0.005)


def test_without_a_grid_the_beats_stay() -> None:
    times = np.cumsum(np.tile([0.6, 0.4], 50))
    found = on_grid(times, 60.0)
    assert not found.grid.gridable
    assert found.times is times
    assert found.tracked.tolist() == list(range(100))
    assert (found.grid.pieces, found.grid.residuals) == ((), ())


def test_most_beats() -> None:
    times = np.arange(200) * 0.5
    times[[20, 70, 120]] += 0.1
    assert on_grid(times, 100.0).grid.sentence.endswith("98 % of the beats within 25 ms")


@given(
    st.integers(8, 60),
    st.floats(0.3, 1.2),
    st.floats(0, 2),
    st.lists(st.tuples(st.integers(0, 59), st.floats(-0.02, 0.02)), max_size=20),
)
def test_the_result_is_valid_beats(
    count: int, period: float, offset: float, moved: list[tuple[int, float]]
) -> None:
    times = offset + np.arange(count) * period
    for index, seconds in moved:
        times[index % count] += seconds
    times = np.unique(times.clip(0))
    duration = float(times[-1])
    found = on_grid(times, duration)
    assert (np.diff(found.times) > 0).all()
    assert found.times[0] >= 0
    assert found.times[-1] <= duration
    assert len(found.times) == len(found.tracked)
    assert len(found.grid.residuals) in (0, len(found.times))
    assert sum(piece.beats for piece in found.grid.pieces) in (0, len(found.times))


def on_its_grid(times: np.ndarray, duration: float) -> None:
    """Check that beats of one piece lie where its tempo and offset say, inside the recording."""
    found = on_grid(times, duration)
    (piece,) = found.grid.pieces
    numbers = np.rint((found.times - piece.offset) * piece.bpm / 60)
    np.testing.assert_allclose(found.times, piece.offset + numbers * 60 / piece.bpm, atol=1e-6)
    assert numbers[0] == 0
    assert found.tracked[0] >= 0
    assert 0 <= found.times[0] <= found.times[-1] <= duration


@pytest.mark.parametrize("offset", [-0.02, -0.004, 0.0, 0.003])
def test_a_song_that_starts_on_a_beat_has_one_grid(offset: float) -> None:
    times = offset + np.arange(200) * 60 / 124
    times[0] = max(times[0], 0.0)
    on_its_grid(times, 100.0)
    first = on_grid(times, 100.0).times[0]
    assert first == pytest.approx(max(offset, 0.0) if offset > -0.005 else offset + 60 / 124, abs=1e-6)


def test_a_beat_at_the_end_stays_on_the_grid() -> None:
    times = 0.2 + np.arange(100) * 0.5
    on_its_grid(times, times[-1] - 0.01 + 0.01)
    on_its_grid(np.minimum(times, times[-1] - 0.01), times[-1] - 0.01)


def test_nothing_is_filled_in_before_the_first_tracked_beat() -> None:
    on_its_grid(np.array([0.0, *(0.4 + 0.5 * np.arange(1, 60))]), 40.0)


@given(
    offset=st.floats(-0.024, 0.5),
    period=st.floats(0.3, 0.8),
    end=st.floats(-0.02, 0.5),
    seed=st.integers(0, 99),
)
def test_a_grid_of_one_piece_is_exact(offset: float, period: float, end: float, seed: int) -> None:
    times = offset + np.arange(60) * period + np.random.default_rng(seed).normal(scale=0.003, size=60)
    duration = float(times[-1] + end)
    times = np.unique(times.clip(0, duration))
    if len(on_grid(times, duration).grid.pieces) == 1:
        on_its_grid(times, duration)
