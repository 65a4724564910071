from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.dbn.state_space import bar_spaces
from beattrack.decoding.dbn.tempo_head import LEAST_SHARE, head_scores, listen
from beattrack.errors import SettingsError

BINS = 300


def head(bpm: float) -> np.ndarray:
    tempo = np.zeros(BINS, np.float32)
    tempo[round(bpm)] = 1.0
    return tempo


def ambiguous(tempo: np.ndarray | None) -> Activations:
    """Twenty seconds at 200 BPM in which every second beat is a little higher."""
    beats = np.full(2000, 0.02, np.float32)
    beats[15::30] = 0.55
    beats[15::60] = 0.65
    downbeats = np.full(2000, 0.01, np.float32)
    downbeats[15::240] = 0.4
    return Activations(beats, downbeats, 100, tempo)


def decoded_bpm(activations: Activations, strength: float) -> float:
    decoding = DBNDecoder(DBNSettings(tempo_head=strength))(activations)
    return 60 / float(np.median(np.diff(decoding.times)))


def test_the_head_settles_the_octave() -> None:
    assert decoded_bpm(ambiguous(head(100)), 0.0) == pytest.approx(200, rel=0.02)
    assert decoded_bpm(ambiguous(head(100)), 1.0) == pytest.approx(100, rel=0.02)
    assert decoded_bpm(ambiguous(head(200)), 1.0) == pytest.approx(200, rel=0.02)


def test_without_a_head_nothing_changes() -> None:
    spaces = bar_spaces(DBNSettings(), 100)
    assert listen(spaces, ambiguous(None), 1.0) is spaces
    assert listen(spaces, ambiguous(head(100)), 0.0) is spaces


def test_scores_are_charged_by_time_on_top_of_those_that_are_there() -> None:
    spaces = bar_spaces(DBNSettings(), 100)
    heard = listen(spaces, ambiguous(head(100)), 2.0)
    added = heard[0].frame_scores - spaces[0].frame_scores
    expected = 2 * 110 / 6000 * head_scores(head(100), 6000 / spaces[0].intervals)
    np.testing.assert_allclose(added, expected)
    assert spaces[0].frame_scores.max() == 0  # the shared space is left as it was


@given(bpm=st.integers(40, 250))
def test_the_likeliest_tempo_is_free_and_the_others_cost_a_bounded_amount(bpm: int) -> None:
    grid = np.arange(30.0, 299.0)
    scores = head_scores(head(bpm), grid)
    assert grid[scores.argmax()] == bpm
    assert scores.max() == pytest.approx(0, abs=2 * LEAST_SHARE)
    assert scores.min() >= np.log(LEAST_SHARE)
    assert scores[np.abs(np.log2(grid / bpm)) > 0.5].max() < np.log(LEAST_SHARE) + 0.1


def test_a_head_without_an_opinion_has_no_say() -> None:
    np.testing.assert_array_equal(head_scores(np.zeros(BINS, np.float32), np.array([60.0, 120.0])), 0)


def test_numbers_that_are_no_probabilities_are_read_as_such() -> None:
    odd = head(100)
    odd[[50, 60, 70]] = (np.nan, -3.0, -np.inf)
    np.testing.assert_array_equal(
        head_scores(odd, np.arange(30.0, 299.0)), head_scores(head(100), np.arange(30.0, 299.0))
    )


def test_a_flat_head_leaves_the_octave_nearly_alone() -> None:
    scores = head_scores(np.full(BINS, 1 / BINS, np.float32), np.array([70.0, 140.0]))
    assert abs(scores[0] - scores[1]) < 1


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf")])
def test_a_strength_that_is_none_is_refused(strength: float) -> None:
    with pytest.raises(SettingsError, match="tempo_head"):
        DBNSettings(tempo_head=strength)
