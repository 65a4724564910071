from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beattrack.evaluation.diagnosis import FAULT_LABELS, FAULT_MEANINGS, FAULTS, diagnose, level_agreement
from beattrack.formats.readers import beat_sequence
from tests.evaluation_cases import double, half, jittered, off_beat, shifted_bars, steady

pytest.importorskip("mir_eval")

TEMPI = (60.0, 85.0, 120.0, 170.0)


def triple(beats):
    numbers = np.arange((beats.times.size - 1) * 3 + 1) / 3
    return beat_sequence(np.interp(numbers, np.arange(beats.times.size), beats.times))


def third(beats):
    return beat_sequence(beats.times[1::3])


@pytest.mark.parametrize("bpm", TEMPI)
@pytest.mark.parametrize(
    ("err", "fault", "level"),
    [
        (lambda beats: beats, "none", "same"),
        (lambda beats: jittered(beats, 0.01), "none", "same"),
        (double, "octave", "double"),
        (half, "octave", "half"),
        (triple, "octave", "triple"),
        (third, "octave", "third"),
        (off_beat, "phase", "off-beat"),
        (lambda beats: half(off_beat(beats)), "octave", "half"),
    ],
)
def test_names_the_level_of_a_steady_tracker(bpm, err, fault, level):
    reference = steady(bpm)
    diagnosis = diagnose(reference.times, err(reference).times)
    assert (diagnosis.fault, diagnosis.level) == (fault, level)


@pytest.mark.parametrize("ratio", [4 / 3, 3 / 4, 2 / 3, 3 / 2])
def test_names_an_unrelated_tempo(ratio):
    diagnosis = diagnose(steady(100).times, steady(100 * ratio).times)
    assert diagnosis.fault == "tempo"
    assert f"{ratio:.2f}" in diagnosis.detail


def test_names_a_lag_that_is_no_half_beat():
    reference = steady(100)
    late = diagnose(reference.times, reference.times + 0.6 / 3)
    assert (late.fault, late.detail) == ("phase", "taps 0.33 of a beat late")
    early = diagnose(reference.times, reference.times - 0.6 / 4)
    assert (early.fault, early.detail) == ("phase", "taps 0.25 of a beat early")


def test_names_wrong_bars():
    reference = steady()
    late = shifted_bars(reference, 1)
    diagnosis = diagnose(reference.times, late.times, reference.positions, late.positions)
    assert (diagnosis.fault, diagnosis.detail) == ("metre", "bars start 1 beat late")
    waltz = steady(beats_per_bar=3)
    diagnosis = diagnose(reference.times, waltz.times, reference.positions, waltz.positions)
    assert (diagnosis.fault, diagnosis.detail) == ("metre", "bars have 3 beats instead of 4")


def test_does_not_judge_bars_that_are_unknown():
    reference = steady()
    assert diagnose(reference.times, reference.times, reference.positions, None).fault == "none"
    assert diagnose(reference.times, reference.times, None, reference.positions).fault == "none"


def test_names_loose_timing():
    reference = steady(60)
    late = beat_sequence(reference.times + 0.1)
    diagnosis = diagnose(reference.times, late.times)
    assert diagnosis.fault == "timing"
    assert "mostly late" in diagnosis.detail


def test_names_a_tracker_that_changes_its_phase():
    reference = steady(120, 60)
    half_way = reference.times.size // 2
    estimate = np.concatenate([reference.times[:half_way], off_beat(reference).times[half_way:]])
    diagnosis = diagnose(reference.times, estimate)
    assert diagnosis.fault == "drift"
    assert "on the beat" in diagnosis.detail
    assert "between the beats" in diagnosis.detail


def test_names_a_tracker_that_changes_its_tempo_slowly():
    reference = steady(120, 60)
    slower = np.cumsum(np.linspace(0.5, 0.56, 110)) - 0.2
    assert diagnose(reference.times, slower).fault in ("drift", "missed")


def test_names_noise():
    reference = steady(100)
    noise = np.sort(np.random.default_rng(3).uniform(0, 30, 40))
    assert diagnose(reference.times, noise).fault == "missed"


def test_nothing_found_is_missed():
    assert diagnose(steady().times, np.zeros(0)).fault == "missed"


@pytest.mark.parametrize("reference", [[], [1.0]])
def test_an_annotation_without_an_interval_is_not_judged(reference):
    assert diagnose(np.array(reference), steady().times).fault == "none"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 60), min_size=2, max_size=25, unique=True),
    st.lists(st.floats(0, 60), min_size=1, max_size=25, unique=True),
)
@example([0.0, 1.0], [0.0, 5e-323])
def test_any_beats_have_a_diagnosis(reference, estimate):
    diagnosis = diagnose(np.sort(reference), np.sort(estimate))
    assert diagnosis.fault in FAULTS
    assert diagnosis.detail


def test_levels_agree_between_nothing_and_all():
    levels = level_agreement(steady().times, steady().times)
    assert levels["same"] == 1.0
    assert levels["off-beat"] == 0.0
    assert all(0 <= value <= 1 for value in levels.values())


def test_every_class_has_words():
    assert set(FAULT_LABELS) == set(FAULT_MEANINGS) == set(FAULTS)
