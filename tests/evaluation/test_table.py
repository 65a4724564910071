from __future__ import annotations

from dataclasses import replace

import pytest

from beattrack.datasets import Problem
from beattrack.evaluation.compare import compare
from beattrack.evaluation.metric_labels import BY_KEY, MAIN
from beattrack.evaluation.run import Inputs, RunSettings, score
from beattrack.evaluation.score import Item
from beattrack.evaluation.table import render, render_comparison
from beattrack.formats.readers import BeatSequence
from tests.evaluation_cases import items, steady

pytest.importorskip("mir_eval")


@pytest.fixture(scope="module")
def run():
    left_out = tuple(Problem(f"song{number}.beats", "has no prediction") for number in range(12))
    return score(Inputs(tuple(items()), left_out), RunSettings(), name="some tracker", dataset="cases")


def row(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_shows_the_means_with_their_intervals(run):
    text = render(run)
    mean = run.summary.means["beats.f_measure"]
    assert f"{mean.mean:.3f}" in row(text, "F-measure")
    assert f"{mean.low:.3f} to {mean.high:.3f}" in row(text, "F-measure")
    for label in (
        "Cemgil",
        "Goto",
        "P-score",
        "CMLc",
        "AMLt",
        "information gain",
        "accuracy 2",
        "timing bias",
    ):
        assert row(text, label)
    assert "some tracker on cases: 8 files, beats from 0 s" in text
    assert "tempo against median inter-beat interval" in text


def test_shows_genres_and_the_worst_files_with_a_reason(run):
    text = render(run, worst=4)
    assert row(text, "jazz").split()[1] == "4"
    assert "no beats were found" in row(text, "silent")
    worst = text.split("worst files")[1].split("\n\n")[0]
    assert "between the beats" in row(worst, "off")
    assert len(worst.splitlines()) == 5


def test_lists_what_was_left_out_but_not_without_end(run):
    text = render(run)
    assert "left out, 12:" in text
    assert "song0.beats: has no prediction" in text
    assert "and 4 more" in text


def test_gathers_each_note_once(run):
    assert render(run).count("estimate: no beats") == 1


def test_says_why_there_are_no_downbeats():
    beats = steady()
    plain = BeatSequence(beats.times)
    cases = ((beats, plain, "none are estimated"), (plain, beats, "none are annotated"))
    for reference, estimate, words in cases:
        one = score(Inputs((Item("a", reference, estimate),)), RunSettings(), name="x", dataset="y")
        assert words in render(one)


def test_counts_the_files_that_have_downbeats():
    beats = steady()
    cases = (Item("a", beats, beats), Item("b", BeatSequence(beats.times), beats))
    text = render(score(Inputs(cases), RunSettings(), name="x", dataset="y"))
    assert "downbeats (1 of 2 files)" in text


def test_one_file_has_a_diagnosis_and_no_interval():
    case = next(item for item in items() if item.id == "half")
    text = render(score(Inputs((case,)), RunSettings(), name="x", dataset="y"))
    assert "diagnosis: taps at half tempo" in text
    assert " to " not in row(text, "F-measure")


def test_marks_training_data_and_interruption(run):
    text = render(replace(run, training_data=True, complete=False))
    assert "TRAINING DATA" in text
    assert "INTERRUPTED" in text


def test_is_plain_ascii_for_any_terminal(run):
    assert render(run).isascii()


def test_comparison_shows_differences_and_wins(run):
    exact = tuple(Item(case.id, case.reference, case.reference, case.genre) for case in items())
    other = score(Inputs(exact), RunSettings(), name="other", dataset="cases")
    comparison = compare([run, other])
    pair = comparison.systems[0].overall["beats.f_measure"]
    text = render_comparison(comparison)
    cells = row(text, "beats, F-measure").split()
    assert cells[2:5] == [f"{pair.first:.3f}", f"{pair.second:.3f}", f"{pair.difference:+.3f}"]
    assert cells[-3:] == [str(pair.wins), str(pair.ties), str(pair.losses)]
    assert "other minus some tracker" in text
    assert row(text, "jazz")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("beats.cmlt", 0.82149, "0.821"),
        ("tempo.acc1", 0.84, "84.0 %"),
        ("timing.mean_ms", 8.64, "+8.6 ms"),
        ("timing.std_ms", 8.64, "8.6 ms"),
        ("beats.cmlt", None, "-"),
    ],
)
def test_writes_numbers_with_their_unit(key, value, text):
    assert BY_KEY[key].text(value) == text


def test_main_metrics_are_known():
    assert {metric.key for metric in MAIN} <= set(BY_KEY)
