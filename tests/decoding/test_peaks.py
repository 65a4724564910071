from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.peaks import (
    PeakDecoder,
    PeakSettings,
    commonest_metre,
    count_bars,
    fine_times,
    local_maxima,
    parabola_tops,
    snap,
    thin_out,
)
from beattrack.errors import SettingsError


def spikes(frames: int, **heights: float) -> NDArray[np.float64]:
    """Zeros but at the frames named, as in f10=0.5."""
    values = np.zeros(frames)
    for name, height in heights.items():
        values[int(name[1:])] = height
    return values


def test_beats_on_peaks_are_placed_between_frames_and_others_stay() -> None:
    frames = np.arange(400)
    tops = np.array([50.3, 149.8, 251.0])
    values = np.exp(-0.5 * ((frames[:, None] - tops) / 1.4) ** 2).max(axis=1)
    activations = Activations(values, None, 100.0)
    fine = fine_times(np.array([0.5, 1.0, 1.5, 2.51, 3.333]), activations)
    np.testing.assert_allclose(fine, [0.503, 1.0, 1.498, 2.51, 3.333], atol=4e-4)
    assert fine_times(np.array([0.0, 3.99]), activations).tolist() == [0.0, 3.99]
    assert fine_times(np.array([]), activations).tolist() == []
    flat = Activations(np.full(10, 0.5), None, 100.0)
    assert fine_times(np.array([0.05]), flat).tolist() == [0.05]


def test_local_maxima_reach_the_threshold_and_top_their_window() -> None:
    values = spikes(30, f0=0.5, f5=0.3, f6=0.4, f9=0.2, f15=0.05, f29=0.1)
    assert local_maxima(values, 2, 0.1).tolist() == [0, 6, 9, 29]
    assert local_maxima(values, 3, 0.1).tolist() == [0, 6, 29]


def test_of_a_plateau_the_first_frame_counts() -> None:
    assert local_maxima(np.array([0.1, 0.5, 0.5, 0.5, 0.1]), 2, 0.1).tolist() == [1]
    assert local_maxima(np.ones(50), 3, 0.1).tolist() == [0]


def test_of_near_peaks_the_higher_stays() -> None:
    values = spikes(40, f5=0.5, f10=0.6, f15=0.5, f30=0.3, f33=0.3)
    peaks = np.array([5, 10, 15, 30, 33])
    assert thin_out(peaks, values, 6).tolist() == [10, 30]
    assert thin_out(peaks, values, 5).tolist() == [5, 10, 15, 30]
    assert thin_out(peaks, values, 1).tolist() == peaks.tolist()


def test_parabola_finds_the_top_between_frames() -> None:
    frames = np.arange(20)
    values = 1 - 0.01 * (frames - 7.3) ** 2
    np.testing.assert_allclose(parabola_tops(values, np.array([7])), [7.3])
    np.testing.assert_array_equal(parabola_tops(values, np.array([0, 19])), [0, 19])


def test_snap_takes_the_nearest_beat_within_reach() -> None:
    beats = np.array([10, 60, 110])
    assert snap(np.array([12, 58, 95]), beats, 5).tolist() == [0, 1]
    assert snap(np.array([35]), beats, 25).tolist() == [0]  # halfway: the earlier
    assert snap(np.array([9, 11]), beats, 5).tolist() == [0]
    assert snap(np.array([3]), np.empty(0, dtype=np.int64), 5).tolist() == []


def test_commonest_metre() -> None:
    assert commonest_metre(np.array([0, 3, 6, 10])) == 3
    assert commonest_metre(np.array([0, 3, 7])) == 3  # of equals the lower
    assert commonest_metre(np.array([5])) == 4


def test_bars_are_counted_up_from_downbeats_and_back_from_the_first() -> None:
    assert count_bars(np.array([2, 5, 9]), 11, 3).tolist() == [2, 3, 1, 2, 3, 1, 2, 3, 4, 1, 2]
    assert count_bars(np.array([5]), 6, 4).tolist() == [4, 1, 2, 3, 4, 1]


def test_decodes_beats_and_downbeats() -> None:
    frames = np.arange(20, 800, 40)
    beats, downbeats = np.full(800, 0.01), np.full(800, 0.01)
    beats[frames], downbeats[frames[1::3] + 2] = 0.9, 0.6
    found = PeakDecoder()(Activations(beats, downbeats, 100.0))
    np.testing.assert_allclose(found.times, frames / 100)
    assert found.positions is not None
    assert found.positions[:5].tolist() == [3, 1, 2, 3, 1]
    assert found.beats_per_bar == 3
    assert found.log_probability is None
    assert PeakDecoder()(Activations(beats, None, 100.0)).positions is None


def test_without_a_downbeat_no_beat_has_a_position() -> None:
    beats = np.zeros(300)
    beats[50::50] = 0.9
    found = PeakDecoder()(Activations(beats, np.zeros(300), 100.0))
    assert len(found.times) == 5
    assert found.positions is None
    assert found.beats_per_bar is None


@pytest.mark.parametrize("values", [np.empty(0), np.zeros(1), np.zeros(400), np.full(400, np.nan)])
def test_nothing_in_nothing_out(values: NDArray[np.float64]) -> None:
    found = PeakDecoder()(Activations(values, values, 100.0))
    assert len(found.times) == 0
    assert found.positions is not None
    assert len(PeakDecoder()(Activations(values, None, 100.0)).times) == 0


def test_refined_times_lie_between_frames() -> None:
    frames = np.arange(300)
    beats = sum(np.exp(-0.5 * ((frames - centre) / 2) ** 2) for centre in (50.4, 120.2, 200.7))
    coarse = PeakDecoder()(Activations(beats, None, 100.0)).times
    fine = PeakDecoder(PeakSettings(refine=True))(Activations(beats, None, 100.0)).times
    np.testing.assert_allclose(coarse, [0.5, 1.2, 2.01])
    np.testing.assert_allclose(fine, [0.504, 1.202, 2.007], atol=5e-4)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    frames=st.integers(1, 500),
    fps=st.sampled_from([10.0, 50.0, 100.0]),
    refine=st.booleans(),
    min_distance=st.floats(0, 0.5),
    single=st.booleans(),
)
def test_beats_are_lawful(
    seed: int, frames: int, fps: float, refine: bool, min_distance: float, single: bool
) -> None:
    random = np.random.default_rng(seed)
    beats, downbeats = random.random((2, frames)).astype(np.float32 if single else np.float64)
    decoder = PeakDecoder(PeakSettings(refine=refine, min_distance=min_distance))
    found = decoder(Activations(beats, downbeats, fps))
    assert (np.diff(found.times) > 0).all()
    assert ((found.times >= 0) & (found.times < frames / fps)).all()
    slack = 1 if refine else 0
    assert (np.diff(found.times) * fps >= round(min_distance * fps) - slack - 1e-6).all()
    if found.positions is not None and len(found.times):
        steps = found.positions[1:]
        assert ((steps == 1) | (steps == found.positions[:-1] + 1)).all()
        assert (found.positions >= 1).all()


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.0},
        {"threshold": 1.1},
        {"threshold": float("nan")},
        {"downbeat_threshold": -1.0},
        {"window": -0.1},
        {"min_distance": float("inf")},
        {"snap": float("nan")},
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(options))):
        PeakSettings(**options)
