from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.pulse import beat_confidence, believable, half_are_sure, slower_by

LEAST = 0.1


def activations(frames: int = 500, *peaks: tuple[int, float]) -> Activations:
    beats = np.full(frames, 0.01, np.float32)
    for frame, probability in peaks:
        beats[frame] = probability
    return Activations(beats=beats, downbeats=None, fps=100.0)


def believed(*runs: tuple[int, float], seconds: float = 0.5) -> np.ndarray:
    """What is believed of runs of beats of one confidence each."""
    confidence = np.concatenate([np.empty(0), *(np.full(beats, value) for beats, value in runs)])
    return believable(np.arange(len(confidence)) * seconds, confidence, LEAST)


def test_confidence_is_the_peak_near_the_beat() -> None:
    around = activations(500, (100, 0.8), (202, 0.6), (303, 0.9), (400, np.nan), (499, 2.0))
    confidence = beat_confidence(np.array([1.0, 2.0, 3.0, 4.0, 4.99]), around)
    assert confidence.tolist() == [0.8, 0.6, 0.01, 0.01, 1.0]


def test_confidence_at_the_ends_and_without_frames() -> None:
    assert beat_confidence(np.array([0.0, 9.0]), activations(3, (0, 0.5), (2, 0.4))).tolist() == [0.5, 0.4]
    assert beat_confidence(np.array([]), activations(0)).tolist() == []


def test_all_or_nothing_of_a_few_beats() -> None:
    assert believed((3, 0.5), (3, 0.0)).all()
    assert not believed((2, 0.5), (4, 0.0)).any()
    assert len(believed()) == 0


def test_a_song_is_kept_whatever_the_length_of_the_noise_around_it() -> None:
    for noise in (41, 100, 1000):
        kept = believed((noise, 0.01), (60, 0.6), (noise, 0.01))
        assert np.flatnonzero(kept).tolist() == list(range(noise, noise + 60))


def test_noise_between_songs_holds_no_beats() -> None:
    kept = believed((200, 0.6), (100, 0.01), (60, 0.6))
    assert kept[:200].all()
    assert not kept[200:300].any()
    assert kept[300:].all()


def test_a_passage_without_rhythm_keeps_the_beat() -> None:
    assert believed((100, 0.6), (38, 0.01), (100, 0.6)).all()  # 19.5 s
    assert not believed((100, 0.6), (40, 0.01), (100, 0.6)).all()  # 20.5 s


def test_a_quiet_start_and_end_of_a_song_keep_the_beat() -> None:
    assert believed((30, 0.01), (100, 0.6), (30, 0.01)).all()


def test_unsure_beats_among_sure_ones_are_kept() -> None:
    confidence = np.random.default_rng(0).permutation(np.repeat([0.02, 0.5], [80, 120]))
    assert believable(np.arange(200) * 0.5, confidence, LEAST).all()


@pytest.mark.parametrize("number", [2, 3, 4])
def test_music_slower_than_the_range_is_heard_on_some_of_the_beats(number: int) -> None:
    confidence = np.zeros(10 * number)
    confidence[1::number] = 0.5
    assert slower_by(confidence, LEAST) == number
    assert believable(np.arange(len(confidence)) * 0.5, confidence, LEAST).all()


def test_a_few_sounds_or_unsure_ones_are_no_slower_music() -> None:
    assert slower_by(np.array([0.9, 0, 0, 0, 0.9, 0, 0, 0, 0.9, 0, 0, 0]), LEAST) == 0
    assert slower_by(np.tile([0.15, 0.0], 20), LEAST) == 0


def test_half_of_the_beats_are_enough() -> None:
    assert half_are_sure(np.array([0.0, 0.1, 0.2]), LEAST)
    assert not half_are_sure(np.array([0.0, 0.05, 0.9]), LEAST)
    assert half_are_sure(np.array([]), LEAST)


@given(st.lists(st.floats(0, 1), max_size=80), st.floats(0.1, 3))
def test_sure_beats_are_kept_and_no_doubt_keeps_all(values: list[float], seconds: float) -> None:
    confidence = np.array(values)
    times = np.arange(len(values)) * seconds
    assert believable(times, confidence, 0.0).all()
    assert believable(times, np.full(len(values), 0.5), LEAST).all()
    kept = believable(times, confidence, LEAST)
    assert kept.shape == confidence.shape
    if half_are_sure(confidence, LEAST) and len(values) * seconds < 20:
        assert kept.all()
