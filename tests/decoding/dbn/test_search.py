from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.decoding.dbn.bound import Bounds
from beattrack.decoding.dbn.observation import Observation, Window, observe
from beattrack.decoding.dbn.search import bounds_pay, plan, search, search_bounded
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.viterbi import Advance, Part, Viterbi, numpy_advance
from tests.dbn_cases import pulse
from tests.plain_hmm import best_log_probability, hmm, log_probability_of

Float64 = NDArray[np.float64]

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
METRES = [(1,), (2,), (4,), (3, 4), (2, 3), (1, 2, 3)]


def activations(kind: str, frames: int, random: np.random.Generator) -> Float64:
    """Probabilities of downbeats and other beats, (2, frames)."""
    share = random.random(frames)
    if kind == "noise":
        beats = 1e-6 + 0.99 * random.random(frames) ** random.choice([1, 3, 8])
    elif kind == "pulse":
        period, first = random.uniform(3, 12), random.uniform(0, 8)
        beats = 0.02 * random.random(frames) + 1e-4
        heard = np.arange(first, frames, period).astype(int)
        beats[heard] = 0.9
        share[:] = 0.1
        share[heard[:: int(random.integers(2, 5))]] = 0.8
    elif kind == "ties":  # few values, so that many paths score the same
        beats, share = random.choice([0.0, 0.25, 0.5], frames), np.full(frames, 0.5)
    elif kind == "silence in the middle":
        beats = 0.9 * random.random(frames) ** 4
        beats[frames // 3 : 2 * frames // 3] = 0
    else:
        beats = np.full(frames, {"zero": 0.0, "one": 1.0, "constant": 0.3}[kind])
    return np.stack([beats * share, beats * (1 - share)])


@st.composite
def cases(draw: st.DrawFn, most_frames: int = 240) -> tuple[StateSpace, Observation, DBNSettings, Float64]:
    fps = draw(st.sampled_from([6.0, 8.0, 10.0, 12.5]))
    low = draw(st.floats(50, 120))
    metres = draw(st.sampled_from(METRES))
    prior = st.builds(TempoPrior, st.floats(60, 200), st.floats(0.3, 2), strength=st.floats(0.1, 5))
    options = DBNSettings(
        beats_per_bar=metres,
        min_bpm=low,
        max_bpm=draw(st.just(low) | st.floats(low, 180)),
        num_tempi=draw(st.none() | st.integers(1, 6)),
        transition_lambda=draw(st.sampled_from([0.0, 1.0, 10.0, 100.0, 200.0])),
        observation_lambda=draw(st.sampled_from([2, 4, 7.5, 24])),
        tempo_prior=draw(st.none() | prior),
        metre_change=draw(st.sampled_from([None, 1e-20, 0.1])) if len(metres) > 1 else None,
    )
    kinds = ["noise", "pulse", "ties", "silence in the middle", "zero", "one", "constant"]
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    classes = activations(draw(st.sampled_from(kinds)), draw(st.integers(1, most_frames)), random)
    if metres == (1,):
        space, classes = beat_space(options, fps), classes.sum(axis=0)[None]
    else:
        (space,) = bar_spaces(options, fps)
    return space, observe(classes, options.observation_lambda), options, classes


def assert_same(found: Viterbi, expected: Viterbi) -> None:
    """The score and the path are the same to the last bit."""
    assert found.log_probability == expected.log_probability
    if expected.log_probability == -np.inf:
        return
    left, right = found.path(), expected.path()
    np.testing.assert_array_equal(left.starts, right.starts)
    np.testing.assert_array_equal(left.places, right.places)
    np.testing.assert_array_equal(left.intervals, right.intervals)


@MANY
@given(cases())
def test_result_is_that_of_a_search_of_all_paths(
    case: tuple[StateSpace, Observation, DBNSettings, Float64],
) -> None:
    space, observation, _, _ = case
    assert_same(search_bounded(space, observation, numpy_advance), Viterbi(space, observation, numpy_advance))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(most_frames=60))
def test_best_path_is_that_of_the_plain_model(
    case: tuple[StateSpace, Observation, DBNSettings, Float64],
) -> None:
    space, observation, options, classes = case
    classes = np.clip(classes, 1e-9, 1 - 1e-9) / len(classes)  # the plain model takes logarithms of all
    observation = observe(classes, options.observation_lambda)
    model = hmm(space.metres, classes, options, space.intervals.tolist(), _fps(space, options))
    found = search_bounded(space, observation, numpy_advance)
    assert found.log_probability == pytest.approx(best_log_probability(model), abs=1e-8)
    assert log_probability_of(found.path(), space, model) == pytest.approx(found.log_probability, abs=1e-8)


def _fps(space: StateSpace, options: DBNSettings) -> float:
    """The frame rate of a space, of which the plain model needs only the tempo prior's."""
    for fps in (6.0, 8.0, 10.0, 12.5):
        make = beat_space(options, fps) if space.metres == (1,) else bar_spaces(options, fps)[0]
        if make is space:
            return fps
    raise AssertionError


@MANY
@given(cases(), st.lists(st.tuples(st.integers(0, 230), st.integers(0, 4)), max_size=4), st.integers(0, 3))
def test_anchors_change_nothing(
    case: tuple[StateSpace, Observation, DBNSettings, Float64], anchors: list[tuple[int, int]], width: int
) -> None:
    space, observation, _, _ = case
    windows: list[Window] = []
    for start, position in sorted(anchors):
        stop = min(start + 1 + min(width, space.shortest - 1), observation.frames)
        if start < stop and (not windows or windows[-1].stop <= start):
            windows.append(Window(start, stop, position if 0 < position <= max(space.metres) else None))
    observation = replace(observation, windows=tuple(windows))
    assert_same(search_bounded(space, observation, numpy_advance), Viterbi(space, observation, numpy_advance))


@pytest.mark.parametrize("num_tempi", [None, 60])
@pytest.mark.parametrize("change", [None, 1e-20])
@pytest.mark.parametrize("bpm", [70.0, 110.0, 190.0])
def test_usual_settings(num_tempi: int | None, change: float | None, bpm: float) -> None:
    found = pulse(40.0, seed=3, bpm=bpm)
    assert found.downbeats is not None
    (space,) = bar_spaces(DBNSettings(num_tempi=num_tempi, metre_change=change), 100.0)
    observation = observe(np.stack([found.downbeats, found.beats - found.downbeats]), 24)
    assert_same(search(space, observation, numpy_advance), Viterbi(space, observation, numpy_advance))


def test_few_intervals_are_searched_in_steady_music() -> None:
    classes = np.full((2, 6000), 0.01)
    classes[0, ::200] = classes[1, 50::200] = classes[1, 100::200] = classes[1, 150::200] = 0.8
    (space,) = bar_spaces(DBNSettings(), 100.0)
    sizes: list[int] = []

    def make_advance(narrowed: StateSpace) -> Advance:
        sizes.append(len(narrowed.intervals))
        return numpy_advance(narrowed)

    search(space, observe(classes, 24), make_advance)
    assert max(sizes) < len(space.intervals) / 3


def test_bounds_pay_for_songs_with_bars() -> None:
    (bars,) = bar_spaces(DBNSettings(), 100.0)
    assert bounds_pay(bars, 18_000)
    assert not bounds_pay(bars, 500)
    assert not bounds_pay(bars, 360_000)
    assert not bounds_pay(beat_space(DBNSettings(), 100.0), 18_000)


def test_plan_covers_the_input_with_the_beats_that_reach_the_threshold() -> None:
    scores = np.full((6, 5), -100.0)
    scores[[1, 2, 2, 3, 3], range(5)] = 0.0
    bound = Bounds(scores, first=-18, chunk=10, best=0.0, rounding=0.0)
    parts = plan(bound, -1.0, 32)
    assert parts[0].start == 0
    assert parts[-1].stop == 32
    assert all(one.stop == other.start for one, other in itertools.pairwise(parts))
    assert min(part.low for part in parts) == 1
    assert max(part.high for part in parts) == 4


def test_plan_is_empty_if_no_path_reaches_the_threshold() -> None:
    bound = Bounds(np.full((6, 4), -100.0), first=-10, chunk=10, best=-100.0, rounding=0.0)
    assert plan(bound, -1.0, 30) == []


def test_parts_with_all_intervals_change_nothing() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    observation = observe(np.random.default_rng(2).random((2, 2500)) * 0.49, 24)
    count = len(space.intervals)
    parts = [Part(0, 400, 0, count), Part(400, 1234, 0, count), Part(1234, 2500, 0, count)]
    for segment_bytes in (1, 2**20, 2**27):
        found = Viterbi(space, observation, numpy_advance, parts=parts, segment_bytes=segment_bytes)
        assert_same(found, Viterbi(space, observation, numpy_advance))
