from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.decoding.online import OnlineBeat, OnlineDecoder, OnlineSettings, OnlineState
from beattrack.errors import ActivationError, SettingsError
from tests.dbn_cases import noise, pulse
from tests.online_cases import Tracks, clicks, joined, silence

LOCKED = 3  # beats before tempo, time and position must be right


def times(beats: list[OnlineBeat]) -> list[float]:
    return [beat.time for beat in beats]


@pytest.mark.parametrize("bpm", [75.0, 97.0, 120.0, 128.0, 150.0])
@pytest.mark.parametrize("metre", [3, 4])
def test_every_beat_of_a_click_track_is_reported_once_and_at_once(bpm: float, metre: int) -> None:
    tracks, expected = clicks(bpm, 16, metre=metre)
    beats = OnlineDecoder().process(*tracks)
    assert len(times(beats)) >= len(expected) - LOCKED
    late = [beat for beat in beats if beat.time > expected[LOCKED] - 0.1]
    np.testing.assert_allclose(times(late), expected[LOCKED:], atol=0.02)
    reported = np.array([beat.reported for beat in late])
    assert np.abs(reported - expected[LOCKED:]).max() <= 0.03
    assert [beat.bpm for beat in late[1:]] == pytest.approx([bpm] * len(late[1:]), rel=0.02)
    assert all(beat.confidence > 0.9 for beat in late[2:])


@pytest.mark.parametrize(("bpm", "beats"), [(60.0, 8), (190.0, 8)])
def test_a_tempo_far_from_the_usual_is_found_after_some_beats(bpm: float, beats: int) -> None:
    tracks, expected = clicks(bpm, 20)
    found = [t for t in times(OnlineDecoder().process(*tracks)) if t > expected[beats] - 0.1]
    np.testing.assert_allclose(found, expected[beats:], atol=0.03)


@pytest.mark.parametrize("metre", [3, 4])
def test_positions_count_the_beats_of_each_bar(metre: int) -> None:
    tracks, expected = clicks(120, 20, metre=metre)
    decoder = OnlineDecoder()
    beats = [beat for beat in decoder.process(*tracks) if beat.time > expected[2 * metre] - 0.1]
    assert [beat.position for beat in beats] == [k % metre + 1 for k in range(len(beats))]
    assert decoder.state.metre == metre
    assert decoder.state.metre_confidence > 0.9


def test_beats_are_ascending_and_reported_in_order() -> None:
    for seed in range(3):
        for activations in (pulse(40, seed=seed), noise(20, seed=seed)):
            assert activations.downbeats is not None
            beats = OnlineDecoder().process(activations.beats, activations.downbeats)
            gaps = np.diff(times(beats))
            assert (gaps > 0.12).all()
            assert (np.diff([beat.reported for beat in beats]) > 0).all()
            assert all(0 <= beat.confidence <= 1 and 50 < beat.bpm < 220 for beat in beats)
            assert all(beat.position is not None and 1 <= beat.position <= 4 for beat in beats)


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_the_result_does_not_depend_on_how_frames_are_grouped(cuts: list[int], seed: int) -> None:
    activations = pulse(4, bpm=140, seed=seed)
    assert activations.downbeats is not None
    whole, parts = OnlineDecoder(fps=100), OnlineDecoder(fps=100)
    expected = whole.process(activations.beats, activations.downbeats)
    found = []
    bounds = [0, *sorted(cuts), len(activations.beats)]
    for start, stop in pairwise(bounds):
        found += parts.process(activations.beats[start:stop], activations.downbeats[start:stop])
    assert found == expected
    assert parts.state == whole.state


def test_a_tempo_step_is_followed_within_5_s() -> None:
    before, _ = clicks(100, 30)
    after, expected = clicks(130, 20, first=0.4)
    beats = OnlineDecoder().process(*joined(before, after))
    locked = [beat for beat in beats if beat.time >= 35]
    wanted = 30 + expected[expected >= 5]
    np.testing.assert_allclose(times(locked), wanted, atol=0.03)
    assert all(beat.bpm == pytest.approx(130, rel=0.02) for beat in locked)


def test_silence_is_not_counted_and_the_beat_returns() -> None:
    before, _ = clicks(120, 12)
    after, expected = clicks(92, 10, first=0.2)
    decoder = OnlineDecoder()
    decoder.process(*before)
    assert decoder.state.confidence > 0.9
    quiet = decoder.process(*silence(10))
    assert all(beat.time < 16 for beat in quiet)
    assert decoder.state.confidence < 0.5
    beats = decoder.process(*after)
    back = 22 + expected[4:]
    found = [t for t in times(beats) if back[0] - 0.1 < t < back[-1] + 0.1]
    np.testing.assert_allclose(found, back, atol=0.03)


def test_nothing_is_reported_in_silence() -> None:
    decoder = OnlineDecoder()
    assert decoder.process(np.zeros(3000), np.zeros(3000)) == []
    assert decoder.state.confidence < 0.3


def test_the_state_tells_tempo_position_and_the_next_beat() -> None:
    tracks, expected = clicks(96, 20.0, metre=3)
    decoder = OnlineDecoder()
    for start in range(0, 2000, 37):
        beats, downbeats = tracks
        decoder.process(beats[start : start + 37], downbeats[start : start + 37])
        now = min(start + 37, 2000) / 100 - 0.01
        if now < 8:
            continue
        state = decoder.state
        coming = expected[expected > now - 0.02]
        assert state.bpm == pytest.approx(96, rel=0.02)
        assert state.metre == 3
        assert state.next_beat is not None
        assert min(abs(state.next_beat - coming), default=0.0) < 0.03 or now > expected[-1]
        begun = int((expected <= now).sum()) - 1
        if 0.1 < state.phase < 0.9:
            assert state.phase == pytest.approx((now - expected[begun]) * 96 / 60, abs=0.05)
            assert state.position == begun % 3 + 1
        assert state.confidence > 0.9


def test_before_the_first_frame_nothing_is_known() -> None:
    decoder = OnlineDecoder()
    nothing = OnlineState(
        bpm=None, metre=None, position=None, phase=0, next_beat=None, confidence=0, metre_confidence=0
    )
    assert decoder.state == nothing
    assert decoder.process(np.empty(0), np.empty(0)) == []
    assert decoder.state == nothing


def test_reset_starts_a_new_stream() -> None:
    tracks, _ = clicks(110, 6)
    decoder = OnlineDecoder()
    first = decoder.process(*tracks)
    state = decoder.state
    decoder.reset()
    assert decoder.state.bpm is None
    assert decoder.process(*tracks) == first
    assert decoder.state == state


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -3.0, 7.0])
def test_invalid_activations_do_not_poison_the_state(bad: float) -> None:
    (beats, downbeats), expected = clicks(120, 16)
    beats[300:350] = bad
    downbeats[320:420] = bad
    decoder = OnlineDecoder()
    found = decoder.process(beats, downbeats)
    late = [t for t in times(found) if t > 8]
    np.testing.assert_allclose(late, expected[expected > 8], atol=0.03)
    assert decoder.state.confidence > 0.9


def test_nan_counts_as_0() -> None:
    (beats, downbeats), _ = clicks(120, 10)
    gap = slice(400, 500)
    zeroed: Tracks = (beats.copy(), downbeats.copy())
    for array in zeroed:
        array[gap] = 0
    beats[gap] = downbeats[gap] = np.nan
    assert OnlineDecoder().process(beats, downbeats) == OnlineDecoder().process(*zeroed)


def test_beats_alone_have_no_positions() -> None:
    (beats, _), expected = clicks(120, 10)
    decoder = OnlineDecoder(bars=False)
    found = decoder.process(beats)
    assert {beat.position for beat in found} == {None}
    np.testing.assert_allclose(times(found)[-8:], expected[-8:], atol=0.02)
    assert (decoder.state.metre, decoder.state.position) == (None, None)
    assert decoder.state.bpm == pytest.approx(120, rel=0.02)


@pytest.mark.parametrize("fps", [50.0, 86.1328125, 200.0])
def test_other_frame_rates(fps: float) -> None:
    tracks, expected = clicks(120, 12, fps=fps)
    found = OnlineDecoder(fps=fps).process(*tracks)
    late = [t for t in times(found) if t > expected[4] - 0.1]
    np.testing.assert_allclose(late, expected[4:], atol=0.04)


def test_memory_does_not_grow() -> None:
    tracks, _ = clicks(120, 5)
    decoder = OnlineDecoder()
    decoder.process(*tracks)
    _ = decoder.state
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(8):
            decoder.process(*tracks)
            _ = decoder.state
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


@pytest.mark.parametrize(
    ("beats", "downbeats", "message"),
    [
        (np.zeros(3), np.zeros(2), "same length, not 3 and 2"),
        (np.zeros(3), None, "downbeat activations"),
        (np.zeros((3, 1)), np.zeros(3), "beats must be a one-dimensional"),
        (np.zeros(3), np.zeros(3, dtype=int), "downbeats must be a one-dimensional"),
    ],
)
def test_wrong_activations_are_refused(beats: np.ndarray, downbeats: np.ndarray | None, message: str) -> None:
    decoder = OnlineDecoder()
    with pytest.raises(ActivationError, match=message):
        decoder.process(beats, downbeats)
    assert decoder.process(np.zeros(1), np.zeros(1)) == []


def test_too_few_frames_per_second_for_the_tempo() -> None:
    with pytest.raises(SettingsError, match="too few for a max_bpm of 215"):
        OnlineDecoder(fps=4)
    with pytest.raises(SettingsError, match="fps"):
        OnlineDecoder(fps=0)
    with pytest.raises(SettingsError, match="settings"):
        OnlineDecoder("fast")  # type: ignore[arg-type]


def test_the_tempo_range_is_kept() -> None:
    tracks, _ = clicks(160, 12)
    slow = OnlineDecoder(OnlineSettings(min_bpm=55, max_bpm=110)).process(*tracks)
    assert all(beat.bpm <= 111 for beat in slow)
    assert slow[-1].bpm == pytest.approx(80, rel=0.02)
