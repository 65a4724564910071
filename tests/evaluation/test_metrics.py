from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.datasets import load_dataset
from beattrack.errors import MissingExtraError
from beattrack.evaluation import metrics
from beattrack.formats.readers import beat_sequence, read_beats
from tests.evaluation_cases import items, steady

mir = pytest.importorskip("mir_eval.beat")

CASES = items()


def direct(reference, estimate, trim):
    """The scores as a user of mir_eval computes them."""
    scores = mir.evaluate(reference, estimate, min_beat_time=trim)
    return {
        "f_measure": scores["F-measure"],
        "cemgil": scores["Cemgil"],
        "cemgil_best": scores["Cemgil Best Metric Level"],
        "goto": scores["Goto"],
        "p_score": scores["P-score"],
        "cmlc": scores["Correct Metric Level Continuous"],
        "cmlt": scores["Correct Metric Level Total"],
        "amlc": scores["Any Metric Level Continuous"],
        "amlt": scores["Any Metric Level Total"],
        "information_gain": scores["Information gain"],
    }


def ours(reference, estimate, trim):
    return metrics.beat_metrics(metrics.trim(reference, trim), metrics.trim(estimate, trim))


@pytest.mark.parametrize("trim", [0.0, 5.0])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_equals_mir_eval_on_every_kind_of_error(case, trim):
    reference, estimate = case.reference.times, case.estimate.times
    assert ours(reference, estimate, trim) == pytest.approx(direct(reference, estimate, trim), abs=1e-9)


def test_equals_mir_eval_on_published_detections(shared):
    home = shared / "data" / "gtzan_dev"
    if not (home / "published_tcn2020").is_dir():
        pytest.skip("needs the published detections")
    for track in load_dataset("gtzan", data_home=home, need_audio=False).tracks:
        found = read_beats(home / "published_tcn2020" / f"{track.id}.downbeats.txt")
        raw = np.loadtxt(home / "published_tcn2020" / f"{track.id}.downbeats.txt", ndmin=2)
        annotated = np.loadtxt(home / "beats" / f"{track.id}.beats", ndmin=2)
        for trim in (0.0, 5.0):
            expected = direct(annotated[:, 0], raw[:, 0], trim)
            assert ours(track.beats, found.times, trim) == pytest.approx(expected, abs=1e-9)
            expected = direct(annotated[annotated[:, 1] == 1, 0], raw[raw[:, 1] == 1, 0], trim)
            downbeats = track.beats[track.positions == 1]
            assert ours(downbeats, found.downbeats, trim) == pytest.approx(expected, abs=1e-9)


def test_perfect_beats_score_one():
    times = steady().times
    assert metrics.beat_metrics(times, times) == pytest.approx(dict.fromkeys(metrics.BEAT_METRICS, 1.0))


@pytest.mark.parametrize("reference", [[], [1.0], [1.0, 1.004], [0.0, 5e-324], [1.0, 1.5], [1.0, 1.5, 2.0]])
@pytest.mark.parametrize("estimate", [[], [1.0], [1.0, 1.004], [2.0, 2.5]])
def test_few_beats_have_defined_scores(reference, estimate):
    scores = metrics.beat_metrics(np.array(reference), np.array(estimate))
    assert all(np.isfinite(value) for value in scores.values())
    if not reference or not estimate:
        assert set(scores.values()) == {0.0}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-5, 100, width=32), max_size=30),
    st.lists(st.floats(-5, 100, width=32), max_size=30),
    st.sampled_from([0.0, 5.0]),
)
def test_any_beats_have_finite_scores(reference, estimate, trim):
    scores = ours(beat_sequence(reference).times, beat_sequence(estimate).times, trim)
    assert tuple(scores) == metrics.BEAT_METRICS
    assert all(np.isfinite(value) and value >= 0 for value in scores.values())


def mir_eval_p_score(reference, estimate):
    """The value of mir_eval, 0 where it has none."""
    try:
        value = mir.p_score(reference, estimate)
    except ValueError:  # no interval between the steps of the reference
        return 0.0
    return value if np.isfinite(value) else 0.0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(-1, 40) | st.integers(-100, 4000).map(lambda n: n / 100), max_size=40),
    st.lists(st.floats(-1, 40) | st.integers(-100, 4000).map(lambda n: n / 100), max_size=40),
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_the_p_score_is_that_of_mir_eval_to_the_last_bit(reference, estimate):
    reference, estimate = beat_sequence(reference).times, beat_sequence(estimate).times
    assert metrics.p_score(reference, estimate) == mir_eval_p_score(reference, estimate)
    assert metrics.p_score(reference, reference) == mir_eval_p_score(reference, reference)


def test_hours_of_beats_are_scored(monkeypatch):
    def never(*_):
        raise AssertionError("the cost grows with the square of the duration")

    monkeypatch.setattr(mir, "p_score", never)
    times = np.arange(0, 29_000, 20.0)
    assert metrics.beat_metrics(times, times + 0.01)["p_score"] == 1.0


def test_trim_never_keeps_negative_times():
    times = np.array([-1.0, 0.0, 4.9, 5.0])
    assert metrics.trim(times, 0.0).tolist() == [0.0, 4.9, 5.0]
    assert metrics.trim(times, 5.0).tolist() == [5.0]


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (120.0, (1.0, 1.0)),
        (124.7, (1.0, 1.0)),
        (125.0, (0.0, 0.0)),
        (60.0, (0.0, 1.0)),
        (240.0, (0.0, 1.0)),
        (360.0, (0.0, 1.0)),
        (41.0, (0.0, 1.0)),
        (80.0, (0.0, 0.0)),
        (None, (0.0, 0.0)),
    ],
)
def test_tempo_accuracy(estimate, expected):
    assert metrics.tempo_accuracy(120.0, estimate) == expected


def test_median_tempo():
    assert metrics.median_tempo(steady(90).times) == pytest.approx(90)
    assert metrics.median_tempo(np.array([1.0])) is None


def test_names_the_extra_where_mir_eval_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "mir_eval.beat", None)
    with pytest.raises(MissingExtraError, match=r"beattrack\[eval\]"):
        metrics.require_mir_eval()
