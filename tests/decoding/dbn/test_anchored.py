from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.anchored import best_anchored_path, with_beats_held
from beattrack.decoding.dbn.observation import Window, observe
from beattrack.decoding.dbn.state_space import bar_spaces
from beattrack.decoding.dbn.viterbi import Viterbi, numpy_advance
from beattrack.decoding.dbn.windows import AnchorWindow
from beattrack.errors import SettingsError
from tests.decoding.dbn.test_windows import windows_within
from tests.plain_hmm import best_log_probability, hmm

FPS = 10.0
BEATS = np.array([50, 100, 150, 200, 1000])


def held(*windows: Window) -> list[tuple[int, int, int | None]]:
    found = with_beats_held(BEATS, windows, 100.0)
    return [(window.start, window.stop, window.position) for window in found]


def test_a_beat_in_a_window_stays_and_takes_its_position() -> None:
    expected = [(50, 51, None), (100, 101, 3), (150, 151, None), (200, 201, None), (1000, 1001, None)]
    for window in (Window(93, 108, 3), Window(86, 101, 3), Window(100, 115, 3)):
        assert held(window) == expected


def test_a_beat_beside_a_window_moves_into_it() -> None:
    for window in (Window(105, 112, 1), Window(90, 96, 1)):
        assert (window.start, window.stop, 1) in held(window)
        assert [row[0] for row in held(window)] == sorted([50, 150, 200, 1000, window.start])


def test_beats_around_an_anchor_between_them_may_change() -> None:
    assert held(Window(120, 131, 1)) == [(120, 131, 1), (1000, 1001, None)]
    # The beat of another anchor stays.
    assert held(Window(120, 131, 1), Window(199, 202, 2)) == [
        (120, 131, 1),
        (200, 201, 2),
        (1000, 1001, None),
    ]


def test_a_beat_of_an_anchor_stays_near_another_without_a_beat() -> None:
    rows = held(Window(120, 131), Window(150, 152))
    assert rows == [(120, 131, None), (150, 151, None), (1000, 1001, None)]


def test_a_beat_is_that_of_one_anchor() -> None:
    rows = held(Window(98, 101, 1), Window(101, 104, 2))
    assert rows == [(100, 101, 1), (101, 104, 2), (1000, 1001, None)]


def test_without_beats_the_windows_are_left() -> None:
    windows = [Window(3, 5, 1), Window(50, 60)]
    assert with_beats_held(np.empty(0, dtype=np.int64), windows, 100.0) == windows


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_beats_and_metre_are_kept_if_a_path_allows_it(data: st.DataObject) -> None:
    options = DBNSettings(
        beats_per_bar=data.draw(st.sampled_from([(2, 3), (3, 1), (2,)])),
        min_bpm=60 * FPS / 5.5,
        max_bpm=60 * FPS / 4.5,
        transition_lambda=data.draw(st.sampled_from([1.0, 10.0])),
        observation_lambda=4,
        metre_change=data.draw(st.none() | st.just(0.01)),
    )
    frames = data.draw(st.integers(1, 40))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    classes = 1e-6 + 0.49 * random.random((2, frames)) ** 3
    spaces = bar_spaces(options, FPS)
    windows = data.draw(windows_within(frames, spaces[0].shortest, 3))
    observation = observe(classes, 4)
    intervals = spaces[0].intervals.tolist()
    model = hmm(options.beats_per_bar, classes, options, intervals, FPS)
    path = Viterbi(spaces[0], observation, numpy_advance).path()
    metres = set(spaces[0].metre[path.places].tolist())
    kept = with_beats_held(path.starts[path.starts >= 0], windows, FPS)
    expected = -np.inf
    if any(window.position for window in windows):
        if len(metres) == 1:
            only = hmm(tuple(metres), classes, options, intervals, FPS)
            expected = best_log_probability(only, kept)
        if expected == -np.inf:
            expected = best_log_probability(model, kept)
    if expected == -np.inf:
        expected = best_log_probability(model, windows)
    anchors = [AnchorWindow(window.start / FPS, window) for window in windows]
    if expected == -np.inf:
        with pytest.raises(SettingsError):
            best_anchored_path(spaces, observation, anchors, numpy_advance, options, FPS)
        return
    space, found, score = best_anchored_path(spaces, observation, anchors, numpy_advance, options, FPS)
    assert score == pytest.approx(expected, abs=1e-9)
    for window in windows:
        inside = (found.starts >= window.start) & (found.starts < window.stop)
        assert inside.sum() == 1
        if window.position is not None:
            assert space.number[found.places[inside]] == window.position - 1
