from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.evaluation.alignment import bar_agreement, match_beats, timing_errors
from beattrack.formats.readers import beat_sequence
from tests.evaluation_cases import double, jittered, shifted_bars, steady

pytest.importorskip("mir_eval")

REFERENCE = steady()


@given(st.floats(-0.06, 0.06))
def test_a_constant_delay_is_measured_with_its_sign(delay):
    errors = timing_errors(REFERENCE.times, REFERENCE.times + delay)
    assert errors == pytest.approx(np.full(REFERENCE.times.size, delay), abs=1e-9)


def test_beats_too_far_away_are_not_matched():
    assert timing_errors(REFERENCE.times, REFERENCE.times + 0.2).size == 0


def test_each_beat_is_matched_once_and_in_order():
    estimate = double(jittered(REFERENCE, 0.01)).times
    in_reference, in_estimate = match_beats(REFERENCE.times, estimate)
    assert in_reference.tolist() == list(range(REFERENCE.times.size))
    assert (np.diff(in_estimate) > 0).all()
    assert (np.abs(estimate[in_estimate] - REFERENCE.times[in_reference]) <= 0.07).all()


@pytest.mark.parametrize("beats_per_bar", [2, 3, 4, 5])
@pytest.mark.parametrize("shift", [0, 1, 2, 4])
def test_finds_by_how_many_beats_bars_are_late(beats_per_bar, shift):
    reference = steady(beats_per_bar=beats_per_bar)
    estimate = shifted_bars(reference, shift, beats_per_bar)
    agreement = bar_agreement(reference.times, reference.positions, estimate.times, estimate.positions)
    assert agreement.shift == shift % beats_per_bar
    assert agreement.same_position == (1.0 if shift % beats_per_bar == 0 else 0.0)


def test_bars_of_another_length_have_no_shift():
    other = steady(beats_per_bar=3)
    agreement = bar_agreement(REFERENCE.times, REFERENCE.positions, other.times, other.positions)
    assert agreement.shift is None
    assert 0 < agreement.same_position < 1


def test_nothing_matched_is_no_agreement():
    away = beat_sequence([100.0, 101.0], [1, 2])
    assert bar_agreement(REFERENCE.times, REFERENCE.positions, away.times, away.positions) is None
