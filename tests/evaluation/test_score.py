from __future__ import annotations

import pickle

import numpy as np
import pytest

from beattrack.errors import SettingsError
from beattrack.evaluation.metrics import BEAT_METRICS, beat_metrics
from beattrack.evaluation.score import Item, ScoreSettings, score_item
from beattrack.formats.readers import BeatSequence, beat_sequence
from tests.evaluation_cases import double, items, jittered, shifted_bars, steady

pytest.importorskip("mir_eval")

REFERENCE = steady()


def score(estimate, reference=REFERENCE, **settings):
    return score_item(Item("song", reference, estimate), ScoreSettings(**settings))


def test_holds_every_metric_of_beats_and_downbeats():
    estimate = jittered(REFERENCE, 0.02)
    values = score(estimate).values
    for name, value in beat_metrics(REFERENCE.times, estimate.times).items():
        assert values[f"beats.{name}"] == value
    for name, value in beat_metrics(REFERENCE.downbeats, estimate.downbeats).items():
        assert values[f"downbeats.{name}"] == value
    assert len(BEAT_METRICS) == 10


@pytest.mark.parametrize("trim", [0.0, 5.0, 12.5])
def test_trims_times_and_positions_alike(trim):
    estimate = jittered(REFERENCE, 0.02)
    values = score(estimate, trim=trim).values
    late = REFERENCE.times >= trim
    downbeats = REFERENCE.times[late & (REFERENCE.positions == 1)]
    expected = beat_metrics(downbeats, estimate.downbeats[estimate.downbeats >= trim])
    assert {name: values[f"downbeats.{name}"] for name in BEAT_METRICS} == expected


def test_an_annotation_without_beats_is_not_scored_and_said():
    result = score(REFERENCE, reference=beat_sequence([], []))
    assert result.values == {}
    assert "reference: no beats" in result.notes


def test_ends_far_apart_are_told():
    assert score(steady(seconds=240)).notes == ("the reference ends at 30 s, the estimate at 240 s",)
    assert score(steady(seconds=40)).notes == ()
    assert score(beat_sequence([1.0, 1.5, 2.0], [1, 2, 3])).notes == ()  # too few to tell


def test_an_annotation_without_downbeats_scores_beats_only():
    times_only = BeatSequence(REFERENCE.times)
    none_marked = BeatSequence(REFERENCE.times, np.full(REFERENCE.times.size, 2))
    for reference in (times_only, none_marked):
        values = score(REFERENCE, reference=reference).values
        assert values["beats.f_measure"] == 1.0
        assert not [name for name in values if name.startswith(("downbeats.", "bars."))]
    assert "reference: bars are annotated, but no downbeat" in score(REFERENCE, reference=none_marked).notes


def test_a_tracker_without_downbeats_is_not_scored_on_them():
    values = score(BeatSequence(REFERENCE.times), downbeats=False).values
    assert not [name for name in values if name.startswith(("downbeats.", "bars."))]


def test_a_file_without_downbeats_counts_as_none_found_where_the_tracker_gives_them():
    values = score(BeatSequence(REFERENCE.times), downbeats=True).values
    assert values["beats.f_measure"] == 1.0
    assert values["downbeats.f_measure"] == 0.0


def test_nothing_found_scores_zero():
    result = score(beat_sequence([], []))
    assert {
        result.values[f"{group}.{name}"] for group in ("beats", "downbeats") for name in BEAT_METRICS
    } == {0.0}
    assert result.values["tempo.acc1"] == 0.0
    assert "timing.mean_ms" not in result.values
    assert result.diagnosis.fault == "missed"
    assert "estimate: no beats" in result.notes


def test_tempo_is_compared_with_the_annotated_one_or_the_intervals():
    reference = BeatSequence(REFERENCE.times, REFERENCE.positions, tempo=60.0)
    assert score(REFERENCE, reference=reference, annotated_tempo=True).values["tempo.acc1"] == 0.0
    assert score(REFERENCE, reference=reference, annotated_tempo=True).values["tempo.acc2"] == 1.0
    assert score(REFERENCE, reference=reference, annotated_tempo=False).values["tempo.acc1"] == 1.0
    assert "tempo.acc1" not in score(REFERENCE, annotated_tempo=True).values


def test_the_tempo_that_the_tracker_states_is_taken():
    stated = BeatSequence(REFERENCE.times, REFERENCE.positions, tempo=240.0)
    values = score(stated).values
    assert (values["tempo.estimate"], values["tempo.acc1"], values["tempo.acc2"]) == (240.0, 0.0, 1.0)


def test_what_a_listener_notices():
    late = score(jittered(REFERENCE, 0.0, shift=0.02)).values
    assert late["timing.mean_ms"] == pytest.approx(20)
    assert late["timing.std_ms"] == pytest.approx(0, abs=1e-6)
    assert (late["bars.metre"], late["bars.phase"]) == (1.0, 1.0)
    bars = score(shifted_bars(REFERENCE, 2)).values
    assert (bars["bars.metre"], bars["bars.phase"], bars["fault.metre"]) == (1.0, 0.0, 1.0)
    waltz = score(steady(beats_per_bar=3)).values
    assert waltz["bars.metre"] == 0.0
    assert "bars.phase" not in waltz
    fast = score(double(REFERENCE)).values
    assert (fast["fault.octave"], fast["octave.double"], fast["octave.half"]) == (1.0, 1.0, 0.0)
    assert "bars.phase" not in fast


def test_scores_survive_the_way_between_processes():
    result = score(jittered(REFERENCE, 0.02))
    assert pickle.loads(pickle.dumps(result)).values == result.values


def test_the_worst_comes_first():
    scores = {item.id: score_item(item, ScoreSettings()) for item in items()}
    order = sorted(scores, key=lambda name: scores[name].badness())
    assert set(order[:2]) == {"silent", "off"}
    assert order.index("double") < order.index("bars") < order.index("jitter")


@pytest.mark.parametrize("trim", [-1.0, float("nan"), float("inf")])
def test_refuses_an_impossible_trim(trim):
    with pytest.raises(SettingsError, match="trim"):
        ScoreSettings(trim=trim)
