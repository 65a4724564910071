from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.level import level_of_blocks, recording_level


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
    assert level_of_blocks(np.split(whole, sorted(cuts))) == pytest.approx(recording_level(whole), rel=1e-12)


def test_silence_and_nothing_have_level_zero() -> None:
    assert recording_level(np.zeros((10, 73), np.float32)) == 0
    assert recording_level(np.zeros((0, 73), np.float32)) == 0
    assert level_of_blocks([]) == 0
