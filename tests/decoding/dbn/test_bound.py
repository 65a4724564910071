from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.dbn.bound import bounds
from beattrack.decoding.dbn.observation import Observation
from beattrack.decoding.dbn.state_space import StateSpace, bar_spaces
from beattrack.decoding.dbn.viterbi import Path, Viterbi, numpy_advance
from tests.decoding.dbn.test_search import cases

Float64 = NDArray[np.float64]


@settings(max_examples=200, deadline=None)
@given(cases())
def test_bounds_of_the_best_path_reach_its_score(
    case: tuple[StateSpace, Observation, DBNSettings, Float64],
) -> None:
    space, observation, _, _ = case
    viterbi = Viterbi(space, observation, numpy_advance)
    _assert_reached(space, observation, viterbi.path(), viterbi.score)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_bounds_of_the_best_path_of_a_few_intervals_reach_its_score(
    case: tuple[StateSpace, Observation, DBNSettings, Float64], seed: int
) -> None:
    # The best path of some intervals is a path of all, and is usually not the best of these.
    space, observation, _, _ = case
    interval = int(np.random.default_rng(seed).integers(len(space.intervals)))
    few = space.between(interval, interval + 1)
    viterbi = Viterbi(few, observation, numpy_advance)
    difference = float((space.log_initial - few.log_initial).max())
    path = viterbi.path()
    path = Path(path.starts, path.places, path.intervals + interval)
    _assert_reached(space, observation, path, viterbi.score + difference)


def _assert_reached(space: StateSpace, observation: Observation, path: Path, score: float) -> None:
    found = bounds(space, observation)
    chunks = (path.starts - found.first) // found.chunk
    least = score - found.rounding - 1e-9
    assert found.best >= least
    assert (found.scores[path.intervals, chunks] >= least).all()


def test_last_chunk_ends_with_the_input() -> None:
    (space,) = bar_spaces(DBNSettings(), 100.0)
    for frames in (1, 111, 112, 113, 5000, 60_000):
        scores = np.random.default_rng(0).standard_normal((2, frames))
        found = bounds(space, Observation(0.0, scores))
        assert found.first + found.scores.shape[1] * found.chunk == frames
        assert found.first <= -space.longest
        assert found.chunk >= space.longest


def test_bounds_are_close_for_a_steady_pulse() -> None:
    (space,) = bar_spaces(DBNSettings(beats_per_bar=(4,)), 100.0)
    scores = np.full((2, 12_000), -3.0)
    scores[0, ::200] = 5.0
    scores[1, 50::200] = scores[1, 100::200] = scores[1, 150::200] = 5.0
    observation = Observation(0.0, scores)
    best = Viterbi(space, observation, numpy_advance).score
    found = bounds(space, observation)
    assert 0 <= found.best - best < 5
    reached = (found.scores >= best - found.rounding).mean(axis=1)
    assert reached[space.intervals == 50] > 0.95
    assert reached[np.abs(space.intervals - 50) > 5].max() == 0
