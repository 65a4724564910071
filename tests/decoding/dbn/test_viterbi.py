from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.decoding.dbn.observation import Observation, observe
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.viterbi import MakeAdvance, Path, Viterbi, numpy_advance

Float64 = NDArray[np.float64]

FEW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Hmm:
    """The model as a plain hidden Markov model, with one state for each beat of a bar, interval and frame."""

    states: list[tuple[int, int, int]]  # (beat of the bar, interval in frames, frame of the beat)
    initial: float
    transitions: Float64  # (from, to)
    densities: Float64  # (frames, states)


def hmm(metre: int, classes: Float64, options: DBNSettings, intervals: list[int], fps: float) -> Hmm:
    """Written out from the model's description, without regard to speed."""
    states = [(b, n, k) for b in range(metre) for n in intervals for k in range(n)]
    transitions = np.full((len(states), len(states)), -np.inf)
    for row, (b, n, k) in enumerate(states):
        if k < n - 1:
            transitions[row, states.index((b, n, k + 1))] = 0.0
            continue
        weights = np.array([np.exp(-options.transition_lambda * abs(m / n - 1.0)) for m in intervals])
        weights[weights <= np.spacing(1)] = 0
        for m, weight in zip(intervals, weights / weights.sum(), strict=True):
            if weight > 0:
                transitions[row, states.index(((b + 1) % metre, m, 0))] = np.log(weight)
    densities = np.array([[_density(state, frame, options, fps) for state in states] for frame in classes.T])
    return Hmm(states, -np.log(len(states)), transitions, densities)


def _density(state: tuple[int, int, int], frame: Float64, options: DBNSettings, fps: float) -> float:
    beat, interval, step = state
    # As the model does: the position of the state within the bar, rounded to double precision.
    in_region = (step * (1.0 / interval) + beat) % 1 < 1 / options.observation_lambda
    if in_region:
        density = np.log(frame[0 if beat == 0 else 1])
    else:
        density = np.log((1 - frame.sum()) / (options.observation_lambda - 1))
    if options.tempo_prior is not None:
        prior = options.tempo_prior
        octaves_off = np.log2(60 * fps / interval / prior.bpm)
        beats_a_frame = prior.bpm / (60 * fps)
        density -= prior.strength * beats_a_frame * (octaves_off / prior.octaves) ** 2 / 2
    return float(density)


def best_log_probability(model: Hmm) -> float:
    scores = np.full(len(model.states), model.initial)
    for densities in model.densities:
        scores = (scores[:, None] + model.transitions).max(axis=0) + densities
    return float(scores.max())


def log_probability_of(path: Path, space: StateSpace, model: Hmm) -> float:
    """Of the states that a path of beats passes, the one before frame 0 included."""
    frames = np.arange(-1, len(model.densities))
    beats = np.searchsorted(path.starts, frames, side="right") - 1
    score, before = model.initial, -1
    for frame, beat in zip(frames, beats, strict=True):
        number = int(space.number[path.places[beat]])
        interval = int(space.intervals[path.intervals[beat]])
        state = model.states.index((number, interval, int(frame - path.starts[beat])))
        if before >= 0:
            score += model.transitions[before, state] + model.densities[frame, state]
        before = state
    return float(score)


def decode(
    space: StateSpace, observation: Observation, *, segment_bytes: int = 2**20
) -> tuple[Path, float, Path, float]:
    whole = Viterbi(space, observation, numpy_advance)
    pieces = Viterbi(space, observation, numpy_advance, segment_bytes=segment_bytes)
    return whole.path(), whole.log_probability, pieces.path(), pieces.log_probability


@st.composite
def cases(draw: st.DrawFn) -> tuple[DBNSettings, float, int, Float64]:
    fps = draw(st.sampled_from([6.0, 8.0, 10.0, 12.5]))
    low = draw(st.floats(55, 120))
    high = draw(st.floats(low, 180))
    prior = draw(
        st.none() | st.builds(TempoPrior, st.floats(60, 200), st.floats(0.3, 2), strength=st.floats(0.1, 5))
    )
    options = DBNSettings(
        min_bpm=low,
        max_bpm=high,
        num_tempi=draw(st.none() | st.integers(1, 4)),
        transition_lambda=draw(st.sampled_from([0.0, 1.0, 10.0, 100.0])),
        observation_lambda=draw(st.sampled_from([2, 4, 7.5, 16])),
        tempo_prior=prior,
    )
    frames = draw(st.integers(1, 40))
    metre = draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    power = draw(st.sampled_from([1, 3, 8]))
    beats = 1e-6 + 0.99 * random.random(frames) ** power
    share = random.random(frames)
    classes = np.stack([beats * share, beats * (1 - share)]) if metre > 1 else beats[None]
    return options, fps, metre, classes


@FEW
@given(cases())
def test_best_path_is_that_of_the_plain_model(case: tuple[DBNSettings, float, int, Float64]) -> None:
    options, fps, metre, classes = case
    space = beat_space(options, fps) if metre == 1 else _bar_space(options, metre, fps)
    model = hmm(metre, classes, options, space.intervals.tolist(), fps)
    path, score, _, _ = decode(space, observe(classes, options.observation_lambda))
    assert score == pytest.approx(best_log_probability(model), abs=1e-9)
    assert log_probability_of(path, space, model) == pytest.approx(score, abs=1e-9)


@FEW
@given(cases(), st.integers(1, 4000))
def test_segments_do_not_change_a_bit(
    case: tuple[DBNSettings, float, int, Float64], segment_bytes: int
) -> None:
    options, fps, metre, classes = case
    space = beat_space(options, fps) if metre == 1 else _bar_space(options, metre, fps)
    path, score, pieced_path, pieced_score = decode(
        space, observe(classes, options.observation_lambda), segment_bytes=segment_bytes
    )
    assert score == pieced_score
    _assert_same_path(path, pieced_path)


@FEW
@given(cases())
def test_metres_together_are_the_better_of_both_alone(case: tuple[DBNSettings, float, int, Float64]) -> None:
    options, fps, _, classes = case
    classes = classes if len(classes) == 2 else np.stack([classes[0] / 3, classes[0] / 2])
    observation = observe(classes, options.observation_lambda)
    (both,) = bar_spaces(_with_metres(options, (2, 3)), fps)
    alone = [Viterbi(_bar_space(options, metre, fps), observation, numpy_advance) for metre in (2, 3)]
    scores = [viterbi.log_probability for viterbi in alone]
    viterbi = Viterbi(both, observation, numpy_advance)
    path = viterbi.path()
    assert viterbi.log_probability == max(scores)
    assert len(set(both.metre[path.places].tolist())) == 1
    assert scores[int(both.metre[path.places[0]]) - 2] == max(scores)


@pytest.mark.parametrize("num_tempi", [None, 60, 7])
@pytest.mark.parametrize("prior", [None, TempoPrior(100.0, 0.5)])
def test_compiled_form_agrees_to_the_last_bit(num_tempi: int | None, prior: TempoPrior | None) -> None:
    pytest.importorskip("numba")
    from beattrack.decoding.dbn.viterbi_numba import numba_advance

    options = DBNSettings(num_tempi=num_tempi, tempo_prior=prior)
    (space,) = bar_spaces(options, 100.0)
    random = np.random.default_rng(3)
    beats = random.random(1501) ** 4 * 0.99
    share = random.random(1501)
    observation = observe(np.stack([beats * share, beats * (1 - share)]), 16)
    expected, score = _run(space, observation, numpy_advance)
    path, compiled_score = _run(space, observation, numba_advance)
    assert compiled_score == score
    _assert_same_path(path, expected)


def test_paths_run_without_gaps_over_the_whole_input() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    random = np.random.default_rng(5)
    observation = observe(random.random((2, 3000)) * 0.49, 16)
    path, _ = _run(space, observation, numpy_advance)
    lengths = space.intervals[path.intervals]
    np.testing.assert_array_equal(np.diff(path.starts), lengths[:-1])
    np.testing.assert_array_equal(space.previous[path.places[1:]], path.places[:-1])
    assert path.starts[0] < 0 <= path.starts[1]
    assert path.starts[-1] < 3000 <= path.starts[-1] + lengths[-1]
    assert (space.step_scores[path.intervals[1:], path.intervals[:-1]] > -np.inf).all()


def test_path_can_be_asked_for_again() -> None:
    space = beat_space(DBNSettings(), 100.0)
    observation = observe(np.random.default_rng(1).random((1, 2000)) * 0.9, 16)
    viterbi = Viterbi(space, observation, numpy_advance, segment_bytes=2**18)
    _assert_same_path(viterbi.path(), viterbi.path())


@pytest.mark.parametrize(
    ("options", "frames", "segment_bytes"),
    [(DBNSettings(), 60_000, 2**20), (DBNSettings(min_bpm=10.0, num_tempi=40), 150_000, 2**16)],
    ids=["usual", "long beats"],
)
def test_memory_is_bounded(options: DBNSettings, frames: int, segment_bytes: int) -> None:
    space = beat_space(options, 100.0)
    observation = observe(np.random.default_rng(0).random((1, frames)) * 0.9, 16)
    whole = 8 * len(space.intervals) * frames
    tracemalloc.start()
    Viterbi(space, observation, numpy_advance, segment_bytes=segment_bytes).path()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < whole / 4


def _bar_space(options: DBNSettings, metre: int, fps: float) -> StateSpace:
    (space,) = bar_spaces(_with_metres(options, (metre,)), fps)
    return space


def _with_metres(options: DBNSettings, metres: tuple[int, ...]) -> DBNSettings:
    return DBNSettings(**{**vars(options), "beats_per_bar": metres})


def _run(space: StateSpace, observation: Observation, make_advance: MakeAdvance) -> tuple[Path, float]:
    viterbi = Viterbi(space, observation, make_advance)
    return viterbi.path(), viterbi.log_probability


def _assert_same_path(left: Path, right: Path) -> None:
    np.testing.assert_array_equal(left.starts, right.starts)
    np.testing.assert_array_equal(left.places, right.places)
    np.testing.assert_array_equal(left.intervals, right.intervals)
