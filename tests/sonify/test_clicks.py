from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.result import Beats
from beattrack.sonify import ClickSettings, ClickTrack


def beats_at(times: list[float], positions: list[int] | None = None, duration: float = 60.0) -> Beats:
    return Beats(
        times=np.array(times),
        positions=None if positions is None else np.array(positions),
        confidence=np.ones(len(times)),
        duration=duration,
    )


beat_lists = st.lists(st.floats(0, 2, allow_subnormal=False), min_size=1, max_size=12, unique=True).map(
    sorted
)


@settings(deadline=None)
@given(beat_lists, st.sampled_from([8000.0, 44100.0, 48000.0]), st.integers(60, 5000))
def test_blocks_of_any_size_are_parts_of_the_whole(times: list[float], rate: float, size: int) -> None:
    track = ClickTrack(beats_at(times), rate)
    count = round(2.2 * rate)
    whole, envelope = track.block(0, count)
    parts = [track.block(start, min(size, count - start)) for start in range(0, count, size)]
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), whole)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), envelope)
    assert (np.abs(whole) <= envelope).all()
    assert envelope.max() == 1


@pytest.mark.parametrize("rate", [1000, 8000, 22050, 44100, 192000])
def test_a_click_starts_at_the_sample_nearest_to_its_beat(rate: int) -> None:
    times = [0.0, 0.123456, 0.5, 1.0 / 3 + 0.5, 1.5]
    clicks, envelope = ClickTrack(beats_at(times), rate).block(0, 2 * rate)
    for array in (clicks, envelope):
        sounding = array != 0
        onsets = np.flatnonzero(sounding & ~np.append(False, sounding[:-1]))
        # Inside a click of low rate a sample may be 0 by chance; the onsets are there in any case.
        assert all(np.abs(onsets - time * rate).min() <= 0.5 for time in times)
    assert not clicks[round(0.2 * rate) : round(0.49 * rate)].any()


def test_downbeats_are_higher() -> None:
    rate = 44100
    clicks, _ = ClickTrack(beats_at([0.5, 1.0], [1, 2]), rate).block(0, 2 * rate)
    pitches = [
        np.abs(np.fft.rfft(clicks[start : start + rate // 4], rate)).argmax() for start in (rate // 2, rate)
    ]
    assert pitches == [pytest.approx(1600, abs=30), pytest.approx(1000, abs=30)]


def test_without_bars_all_clicks_are_alike_and_without_beats_there_are_none() -> None:
    clicks, _ = ClickTrack(beats_at([0.5, 1.0]), 8000).block(0, 16000)
    np.testing.assert_array_equal(clicks[4000:8000], clicks[8000:12000])
    assert not ClickTrack(beats_at([]), 8000).block(0, 16000)[0].any()


def test_the_level_is_in_decibels() -> None:
    assert ClickSettings(level=0).gain == 1
    assert ClickSettings(level=-20).gain == pytest.approx(0.1)
