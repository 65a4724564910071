from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.gridding.fit import drift, fit_grid, lacks_beats, passes


def changing(*parts: tuple[int, float], jitter: float = 0.003, seed: int = 0) -> np.ndarray:
    """Beats of several tempi: numbers of beats and BPM."""
    periods = np.concatenate([np.full(count, 60 / bpm) for count, bpm in parts])
    times = 0.5 + np.cumsum(periods) - periods[0]
    return np.asarray(times + np.random.default_rng(seed).normal(0, jitter, len(times)))


@given(st.floats(60, 200), st.integers(0, 10_000))
def test_the_tempo_is_exact_to_a_thousandth(bpm: float, seed: int) -> None:
    # The standard error is bpm^2 / 60 * jitter * sqrt(12) / beats^1.5: 0.0002 BPM at 200 BPM.
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, 5) + np.arange(800) * 60 / bpm + rng.normal(0, 0.002, 800)
    (piece,) = fit_grid(times)
    assert piece.bpm == pytest.approx(bpm, abs=0.0015)  # half of it is rounding
    assert piece.numbers.tolist() == list(range(800))


def test_whole_frames_are_no_obstacle() -> None:
    times = np.round(0.482 + np.arange(600) * 60 / 124.003, 2)
    (piece,) = fit_grid(times)
    assert piece.bpm == 124.003
    assert piece.line.offset == pytest.approx(0.482, abs=0.001)


@pytest.mark.parametrize(("first", "second"), [(120, 128), (128, 120), (100, 150), (120, 60), (174, 87)])
def test_a_change_of_tempo_is_found_at_its_beat(first: float, second: float) -> None:
    pieces = fit_grid(changing((150, first), (150, second)))
    assert [piece.bpm for piece in pieces] == pytest.approx([first, second], abs=0.02)
    assert pieces[1].beats[0] == 149  # the last of the first tempo is the first of the second


@given(st.integers(0, 10_000))
def test_several_changes_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(80, 150, 3)
    bpm = 100 * np.cumprod(rng.choice([0.8, 0.9, 1.12, 1.3], 3))
    pieces = fit_grid(changing(*zip(counts.tolist(), bpm.tolist(), strict=True), seed=seed))
    assert [piece.bpm for piece in pieces] == pytest.approx(bpm.tolist(), rel=1e-3)
    starts = [int(piece.beats[0]) for piece in pieces]
    np.testing.assert_allclose(starts[1:], np.cumsum(counts)[:-1] - 1, atol=1)


def test_a_cut_begins_a_piece_of_the_same_tempo() -> None:
    times = np.arange(300) * 0.5
    times[170:] += 0.21
    pieces = fit_grid(times)
    assert [(piece.bpm, int(piece.beats[0])) for piece in pieces] == [(120, 0), (120, 170)]


def test_a_pause_of_whole_beats_is_bridged() -> None:
    times = np.arange(300) * 0.5
    times[170:] += 40 * 0.5
    (piece,) = fit_grid(times)
    assert piece.numbers[-1] == 339


NO_GRID = {
    "swing": np.cumsum(np.tile([0.55, 0.45], 150)),
    "rubato": np.cumsum(0.5 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 300)))),
    "a live band": np.cumsum(0.5 + 0.01 * np.sin(np.arange(600) / 40)),
    "accelerando": np.cumsum(0.5 - 0.0002 * np.arange(600)),
    "random": np.sort(np.random.default_rng(4).uniform(0, 200, 300)),
    "few": np.arange(7) * 0.5,
    "none": np.zeros(0),
}


@pytest.mark.parametrize("name", NO_GRID)
def test_what_has_no_grid(name: str) -> None:
    times = NO_GRID[name]
    assert fit_grid(times) == []
    assert drift(times).startswith("not gridable: ")


def test_the_reason_names_what_is_wrong() -> None:
    assert drift(NO_GRID["few"]) == "not gridable: there are fewer than 8 beats"
    assert drift(NO_GRID["swing"]) == "not gridable: the beats are not evenly spaced, at about 120.0 BPM"
    assert drift(NO_GRID["accelerando"]).startswith("not gridable: the tempo drifts between 120.")


def test_the_limits() -> None:
    errors = np.zeros(100)
    errors[:5] = [0.2, -0.2, np.inf, 0.1, np.inf]
    errors[5:] = 0.0
    assert passes(np.random.default_rng(0).permutation(errors))
    errors[5] = 0.03
    assert not passes(errors)
    assert not passes(np.linspace(-0.024, 0.024, 100))  # a drift within 25 ms
    assert not lacks_beats(np.delete(np.arange(100), [3, 50, 51, 52, *range(70, 80)]))  # the last are a pause
    assert lacks_beats(np.arange(0, 100, 2))


@given(st.lists(st.floats(0.05, 3), min_size=1, max_size=80))
def test_any_beats_have_pieces_in_order_or_none(intervals: list[float]) -> None:
    times = np.cumsum(intervals)
    pieces = fit_grid(times)
    indices = np.concatenate([np.empty(0, int), *(piece.beats for piece in pieces)])
    assert (np.diff(indices) > 0).all()
    for piece in pieces:
        assert (np.diff(piece.numbers) > 0).all()
        assert piece.numbers[0] == 0
