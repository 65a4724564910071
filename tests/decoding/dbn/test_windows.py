from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.anchors import Anchors
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.observation import Window, observe
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces
from beattrack.decoding.dbn.viterbi import Path, Viterbi, numpy_advance
from beattrack.decoding.dbn.windows import anchor_windows
from beattrack.errors import SettingsError
from tests.plain_hmm import best_log_probability, enumerated_log_probability, hmm, log_probability_of

Float64 = NDArray[np.float64]

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def windows_within(draw: st.DrawFn, frames: int, shortest: int, positions: int) -> tuple[Window, ...]:
    """Windows without overlap, not longer than the shortest interval."""
    windows: list[Window] = []
    start = draw(st.integers(0, max(frames - 1, 0)))
    while start < frames and len(windows) < 4:
        width = draw(st.integers(1, shortest))
        position = draw(st.none() | st.integers(1, positions))
        windows.append(Window(start, min(start + width, frames), position))
        start = windows[-1].stop + draw(st.integers(0, 3 * shortest))
    return tuple(windows)


Case = tuple[DBNSettings, StateSpace, Float64, tuple[Window, ...]]


@st.composite
def cases(draw: st.DrawFn, most_frames: int = 40, most_intervals: int = 4) -> Case:
    fps = 10.0
    metres = draw(st.sampled_from([(2,), (3,), (2, 3), (3, 2), (1, 3)]))
    shortest = draw(st.integers(3, 6))
    options = DBNSettings(
        beats_per_bar=metres,
        # Half a frame inside, because the ends of a range are rounded outwards.
        min_bpm=60 * fps / (shortest + draw(st.integers(1, most_intervals - 1)) - 0.5),
        max_bpm=60 * fps / (shortest + 0.5),
        transition_lambda=draw(st.sampled_from([0.0, 1.0, 10.0])),
        observation_lambda=draw(st.sampled_from([2, 4])),
        metre_change=draw(st.none() | st.sampled_from([1e-4, 0.3])),
    )
    (space,) = bar_spaces(options, fps)
    frames = draw(st.integers(1, most_frames))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    classes = 1e-6 + 0.49 * random.random((2, frames)) ** draw(st.sampled_from([1, 3, 8]))
    windows = draw(windows_within(frames, space.shortest, max(metres) + draw(st.integers(0, 1))))
    return options, space, classes, windows


def assert_meets(path: Path, space: StateSpace, windows: tuple[Window, ...]) -> None:
    for window in windows:
        inside = (path.starts >= window.start) & (path.starts < window.stop)
        assert inside.sum() == 1
        if window.position is not None:
            assert space.number[path.places[inside]].tolist() == [window.position - 1]


@MANY
@given(cases(), st.sampled_from([1, 2000, 2**20]))
def test_best_path_through_windows_is_that_of_the_plain_model(case: Case, segment_bytes: int) -> None:
    options, space, classes, windows = case
    model = hmm(space.metres, classes, options, space.intervals.tolist(), 10.0)
    expected = best_log_probability(model, windows)
    observation = observe(classes, options.observation_lambda, windows)
    viterbi = Viterbi(space, observation, numpy_advance, segment_bytes=segment_bytes)
    if expected == -np.inf:
        assert viterbi.log_probability == -np.inf
        return
    assert viterbi.log_probability == pytest.approx(expected, abs=1e-9)
    path = viterbi.path()
    assert_meets(path, space, windows)
    assert log_probability_of(path, space, model) == pytest.approx(expected, abs=1e-9)


@MANY
@given(cases(most_frames=9, most_intervals=2))
def test_best_path_through_windows_is_the_best_of_all_paths(case: Case) -> None:
    options, space, classes, windows = case
    model = hmm(space.metres, classes, options, space.intervals.tolist(), 10.0)
    expected = enumerated_log_probability(model, windows)
    assert best_log_probability(model, windows) == pytest.approx(expected, abs=1e-9)
    observation = observe(classes, options.observation_lambda, windows)
    found = Viterbi(space, observation, numpy_advance).log_probability
    assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(cases(most_frames=200), st.sampled_from([1, 2**20]))
def test_compiled_form_agrees_to_the_last_bit(case: Case, segment_bytes: int) -> None:
    pytest.importorskip("numba")
    from beattrack.decoding.dbn.viterbi_numba import numba_advance

    options, space, classes, windows = case
    observation = observe(classes, options.observation_lambda, windows)
    one = Viterbi(space, observation, numpy_advance)
    other = Viterbi(space, observation, numba_advance, segment_bytes=segment_bytes)
    assert one.log_probability == other.log_probability
    if one.log_probability > -np.inf:
        for name in ("starts", "places", "intervals"):
            np.testing.assert_array_equal(getattr(one.path(), name), getattr(other.path(), name))


def test_windows_around_the_beats_of_the_best_path_do_not_change_it() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    observation = observe(np.random.default_rng(4).random((2, 3000)) * 0.49, 16)
    free = Viterbi(space, observation, numpy_advance)
    path = free.path()
    numbers = space.number[path.places]
    windows = tuple(
        Window(max(start - 5, 0), min(start + 6, 3000), int(number) + 1)
        for start, number in zip(path.starts, numbers, strict=True)
        if start >= 0
    )
    held = Viterbi(space, replace(observation, windows=windows), numpy_advance)
    assert held.log_probability == free.log_probability
    np.testing.assert_array_equal(held.path().starts, path.starts)


def test_windows_that_no_path_meets_leave_no_path() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    classes = np.random.default_rng(4).random((2, 500)) * 0.49
    for windows in (
        (Window(100, 101), Window(110, 111)),  # closer than the shortest interval
        (Window(100, 101, 5),),  # beyond the end of every bar
        (Window(100, 101, 1), Window(130, 131, 4)),  # the next beat is the second
    ):
        assert Viterbi(space, observe(classes, 16, windows), numpy_advance).log_probability == -np.inf


def spans(anchors: Anchors, *, shortest: int = 28, frames: int = 1000) -> list[tuple[int, int]]:
    found = anchor_windows(anchors, fps=100.0, frames=frames, shortest=shortest)
    return [(anchor.window.start, anchor.window.stop - 1) for anchor in found]


def test_windows_hold_the_frames_within_the_tolerance() -> None:
    assert spans(Anchors((5.0,))) == [(493, 507)]
    assert spans(Anchors((5.004,))) == [(494, 507)]  # 4.934 s to 5.074 s
    assert spans(Anchors((5.004,), tolerance=0)) == spans(Anchors((5.004,), tolerance=0.003)) == [(500, 500)]
    assert spans(Anchors((5.0,), tolerance=1.0)) == [(487, 513)]  # the shortest interval has 28 frames
    assert spans(Anchors((0.02, 9.99))) == [(0, 9), (992, 999)]
    assert spans(Anchors((10.0,), tolerance=0)) == [(999, 999)]


def test_windows_of_a_part_begin_at_its_first_frame() -> None:
    (found,) = anchor_windows(Anchors((5.0,)), fps=100.0, frames=200, shortest=28, start=4.0)
    assert (found.time, found.window) == (5.0, Window(93, 108))
    assert found.moved(-90).window == Window(3, 18)


def test_close_anchors_share_the_frames_between_them() -> None:
    assert spans(Anchors((5.0, 5.1))) == [(493, 505), (506, 517)]
    assert spans(Anchors((5.0, 5.01))) == [(493, 500), (501, 508)]


def test_anchors_on_one_frame_are_one_beat() -> None:
    (found,) = anchor_windows(Anchors((5.0, 5.001, 5.002), (None, 3, 3)), fps=100.0, frames=999, shortest=28)
    assert found.window == Window(493, 508, 3)
    with pytest.raises(SettingsError, match=r"5\.000 s and 5\.001 s are one beat with different positions"):
        anchor_windows(Anchors((5.0, 5.001), (1, 3)), fps=100.0, frames=999, shortest=28)


@given(
    st.lists(st.tuples(st.floats(0, 10), st.none() | st.just(2)), min_size=1, max_size=30),
    st.floats(0, 1),
    st.integers(2, 60),
)
def test_windows_are_apart_and_contain_their_anchors(
    rows: list[tuple[float, int | None]], tolerance: float, shortest: int
) -> None:
    anchors = Anchors(tuple(time for time, _ in rows), tuple(place for _, place in rows), tolerance)
    found = anchor_windows(anchors, fps=100.0, frames=1000, shortest=shortest)
    frames = sorted(set(anchors.frames(100.0, 1000).tolist()))
    assert len(found) == len(frames)
    for anchor, frame in zip(found, frames, strict=True):
        window = anchor.window
        assert window.start <= frame < window.stop <= window.start + shortest
        reach = max(tolerance, 0.005) + 0.011  # anchors on one frame share the window of the first
        assert anchor.time - reach <= window.start / 100
        assert (window.stop - 1) / 100 <= anchor.time + reach
    for one, other in pairwise(found):
        assert one.window.stop <= other.window.start
