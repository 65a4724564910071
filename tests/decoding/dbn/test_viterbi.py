from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.decoding.dbn.observation import Observation, observe
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces, beat_space
from beattrack.decoding.dbn.viterbi import MakeAdvance, Path, Viterbi, numpy_advance
from tests.plain_hmm import best_log_probability, hmm, log_probability_of

Float64 = NDArray[np.float64]

FEW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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
    model = hmm((metre,), classes, options, space.intervals.tolist(), fps)
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


@FEW
@given(cases(), st.sampled_from([(2, 3), (3, 1), (1, 2, 3)]), st.sampled_from([1e-9, 0.01, 0.5, 0.99]))
def test_best_path_with_metre_changes_is_that_of_the_plain_model(
    case: tuple[DBNSettings, float, int, Float64], metres: tuple[int, ...], change: float
) -> None:
    options, fps, _, classes = case
    classes = classes if len(classes) == 2 else np.stack([classes[0] / 3, classes[0] / 2])
    options = replace(options, beats_per_bar=metres, metre_change=change)
    (space,) = bar_spaces(options, fps)
    model = hmm(metres, classes, options, space.intervals.tolist(), fps)
    path, score, pieced_path, pieced_score = decode(
        space, observe(classes, options.observation_lambda), segment_bytes=1
    )
    assert score == pytest.approx(best_log_probability(model), abs=1e-9)
    assert log_probability_of(path, space, model) == pytest.approx(score, abs=1e-9)
    assert score == pieced_score
    _assert_same_path(path, pieced_path)


def test_a_change_of_metre_is_followed() -> None:
    random = np.random.default_rng(0)
    bars = [4, 4, 4, 4, 3, 3, 3, 3, 4, 4, 4, 4]
    numbers = [number for bar in bars for number in range(bar)][2:]  # it begins on the third beat
    downbeats, beats = (0.005 * random.random(50 * len(numbers)) + 1e-4 for _ in range(2))
    for index, number in enumerate(numbers):
        (downbeats if number == 0 else beats)[20 + 50 * index] = 0.8
    options = DBNSettings(beats_per_bar=(3, 4), metre_change=1e-3)
    (space,) = bar_spaces(options, 100.0)
    path, _ = _run(space, observe(np.stack([downbeats, beats]), 24), numpy_advance)
    assert space.number[path.places[1:]].tolist() == numbers
    assert space.metre[path.places[1:]].tolist() == [bar for bar in bars for _ in range(bar)][2:]


@pytest.mark.parametrize("num_tempi", [None, 60, 7])
@pytest.mark.parametrize("prior", [None, TempoPrior(100.0, 0.5)])
@pytest.mark.parametrize("change", [None, 0.01])
def test_compiled_form_agrees_to_the_last_bit(
    num_tempi: int | None, prior: TempoPrior | None, change: float | None
) -> None:
    pytest.importorskip("numba")
    from beattrack.decoding.dbn.viterbi_numba import numba_advance

    options = DBNSettings(
        beats_per_bar=(2, 3, 4), num_tempi=num_tempi, tempo_prior=prior, metre_change=change
    )
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
    return replace(options, beats_per_bar=metres)


def _run(space: StateSpace, observation: Observation, make_advance: MakeAdvance) -> tuple[Path, float]:
    viterbi = Viterbi(space, observation, make_advance)
    return viterbi.path(), viterbi.log_probability


def _assert_same_path(left: Path, right: Path) -> None:
    np.testing.assert_array_equal(left.starts, right.starts)
    np.testing.assert_array_equal(left.places, right.places)
    np.testing.assert_array_equal(left.intervals, right.intervals)
