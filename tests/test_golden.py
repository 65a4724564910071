"""The shipped model on made-up music whose beats are known exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from beattrack import Beats, BeatTracker
from tests.synth import band_clip, drum_clip

mir_eval = pytest.importorskip("mir_eval")

FIRST_BEAT = 0.05  # so early that there is no room for one before it


def f_measure(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(mir_eval.beat.f_measure(reference, estimate))


@pytest.fixture(scope="module")
def tracker() -> BeatTracker:
    return BeatTracker()


@pytest.mark.parametrize("metre", [3, 4])
@pytest.mark.parametrize("tempo", [100, (120, 132), (150, 138, 150)])
def test_all_beats_of_drums_are_found_in_time(
    tracker: BeatTracker, tempo: float | Sequence[float], metre: int
) -> None:
    samples, times, _ = drum_clip(tempo, beats_per_bar=metre, duration=40, first_beat=FIRST_BEAT)
    beats = tracker.track(samples, sample_rate=22050)
    assert f_measure(times, beats.times) == 1.0
    assert abs((beats.times - times[: len(beats)]).mean()) < 0.010


@pytest.mark.parametrize("tempo", [100, 128, (120, 132), (150, 138, 150)])
def test_downbeats_of_a_band_in_four_are_found(tracker: BeatTracker, tempo: float | Sequence[float]) -> None:
    assert_exact(tracker, tempo, 4)


@pytest.mark.parametrize("tempo", [90, 110, (126, 138)])
def test_downbeats_of_a_band_in_three_are_found_when_the_metre_is_given(
    tempo: float | Sequence[float],
) -> None:
    assert_exact(BeatTracker(beats_per_bar=(3,)), tempo, 3)


def assert_exact(tracker: BeatTracker, tempo: float | Sequence[float], metre: int) -> None:
    samples, times, positions = band_clip(tempo, beats_per_bar=metre, duration=40, first_beat=FIRST_BEAT)
    beats: Beats = tracker.track(samples, sample_rate=22050)
    assert f_measure(times, beats.times) == 1.0
    assert f_measure(times[positions == 1], beats.downbeats) == 1.0
    assert beats.metre == metre
