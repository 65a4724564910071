from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.network.input_level import (
    EDGE,
    LEAST_LEVEL,
    RunningLevel,
    frame_levels,
    is_steady,
    over_running_level,
    overall_level,
    recording_level,
    silences,
)


@pytest.fixture
def music() -> np.ndarray:
    return np.random.default_rng(0).exponential(size=(500, 73)).astype(np.float32)


def test_level_of_an_even_spectrogram_is_its_magnitude() -> None:
    assert recording_level(np.full((10, 73), 0.25, np.float32)) == pytest.approx(0.25)


def test_silence_counts_nothing(music: np.ndarray) -> None:
    padded = np.concatenate([np.zeros((3000, 73), np.float32), music])
    assert recording_level(padded) == pytest.approx(recording_level(music), rel=1e-12)


def test_level_follows_gain(music: np.ndarray) -> None:
    assert recording_level(music * np.float32(0.01)) == pytest.approx(0.01 * recording_level(music), rel=1e-6)


@given(cuts=st.lists(st.integers(0, 500), max_size=5))
def test_blocks_do_not_matter(cuts: list[int]) -> None:
    whole = np.random.default_rng(1).exponential(size=(500, 73)).astype(np.float32)
    assert overall_level(frame_levels(np.split(whole, sorted(cuts)))) == pytest.approx(
        recording_level(whole), rel=1e-12
    )


def test_silence_and_nothing_have_level_zero() -> None:
    assert recording_level(np.zeros((10, 73), np.float32)) == 0
    assert recording_level(np.zeros((0, 73), np.float32)) == 0
    assert overall_level(frame_levels([])) == 0


@given(cuts=st.lists(st.integers(0, 500), max_size=5))
def test_levels_of_frames(cuts: list[int]) -> None:
    whole = np.random.default_rng(1).exponential(size=(500, 73)).astype(np.float32)
    assert frame_levels(np.split(whole, sorted(cuts))) == pytest.approx(whole.mean(axis=1))
    assert frame_levels([]).shape == (0,)


def test_silences_are_runs_of_frames() -> None:
    levels = np.array([0, 1e-9, 1, 0, 0, 0.5, 1e-5, 0])
    expected = [[0, 2], [3, 5], [6, 8]]
    assert silences(levels, 1.0).tolist() == expected
    assert silences(levels * 1e-3, 1e-3).tolist() == expected
    assert silences(np.zeros(8), 1.0).tolist() == [[0, 8]]
    assert silences(np.ones(8), 1.0).shape == silences(np.zeros(0), 1.0).shape == (0, 2)


@given(st.lists(st.booleans(), max_size=40))
def test_silences_hold_all_silent_frames_and_no_other(sounds: list[bool]) -> None:
    silent = np.zeros(len(sounds), dtype=bool)
    for start, stop in silences(np.array(sounds, dtype=float), 1.0):
        silent[start:stop] = True
    assert silent.tolist() == [not sound for sound in sounds]


def test_what_never_changes_is_steady(music: np.ndarray) -> None:
    steady = np.full(100, 0.3)
    steady[:EDGE] = [0.1, 0.2, 0.9, 0.4, 0.5]
    assert is_steady(steady)
    steady[50] *= 1.02
    assert not is_steady(steady)
    assert not is_steady(frame_levels([music]))
    assert all(is_steady(frame_levels([music[:frames]])) for frames in range(2 * EDGE + 1))


def test_the_running_level_of_even_sound_is_its_level() -> None:
    assert RunningLevel(100)(np.full(500, 0.25)) == pytest.approx(np.full(500, 0.25))


def test_the_running_level_keeps_through_hours_of_silence() -> None:
    level = RunningLevel(10)
    level(np.full(100, 0.5))
    assert level(np.zeros(200_000))[-1] == pytest.approx(0.5)
    assert level(np.full(1000, 0.01))[-1] == pytest.approx(0.01)


def test_silence_at_the_start_has_the_least_level() -> None:
    assert RunningLevel(100)(np.zeros(3)).tolist() == [LEAST_LEVEL] * 3


@given(cuts=st.lists(st.integers(0, 500), max_size=5))
def test_the_running_level_depends_on_the_past_only(cuts: list[int]) -> None:
    levels = np.random.default_rng(1).exponential(size=500)
    whole, grouped = RunningLevel(100)(levels), RunningLevel(100)
    assert np.array_equal(np.concatenate([grouped(part) for part in np.split(levels, sorted(cuts))]), whole)


def test_gain_does_not_matter_over_the_running_level(music: np.ndarray) -> None:
    np.testing.assert_allclose(
        over_running_level(music * np.float32(0.01), 100), over_running_level(music, 100), rtol=1e-5
    )
