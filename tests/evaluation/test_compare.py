from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beattrack.evaluation.compare import compare
from beattrack.evaluation.results import ResultsError
from beattrack.evaluation.run import Inputs, RunSettings, score
from beattrack.evaluation.score import Item
from tests.evaluation_cases import items, jittered, steady

pytest.importorskip("mir_eval")


def run_of(cases, name, **settings):
    return score(Inputs(tuple(cases)), RunSettings(**settings), name=name, dataset="cases")


@pytest.fixture(scope="module")
def first():
    return run_of(items(), "first")


def better(case: Item) -> Item:
    return Item(case.id, case.reference, jittered(case.reference, 0.01), case.genre)


def test_a_run_equals_itself(first):
    comparison = compare([first, first])
    assert comparison.baseline == "first (1)"
    for pair in comparison.systems[0].overall.values():
        assert (pair.difference, pair.low, pair.high) == (0.0, 0.0, 0.0)
        assert (pair.wins, pair.losses, pair.ties) == (0, 0, pair.files)


def test_differences_are_those_of_the_files(first):
    second = run_of(map(better, items()), "second")
    pair = compare([first, second]).systems[0].overall["beats.f_measure"]
    a = np.array([file.values["beats.f_measure"] for file in first.scores])
    b = np.array([file.values["beats.f_measure"] for file in second.scores])
    assert pair.difference == pytest.approx((b - a).mean())
    assert (pair.first, pair.second) == (pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert (pair.wins, pair.ties, pair.losses) == ((b > a).sum(), (b == a).sum(), (b < a).sum())
    assert pair.low <= pair.difference <= pair.high


def test_swapping_the_runs_swaps_the_sign(first):
    second = run_of(map(better, items()), "second")
    forth = compare([first, second]).systems[0]
    back = compare([second, first]).systems[0]
    for key, pair in forth.overall.items():
        assert back.overall[key].difference == pytest.approx(-pair.difference)
        assert (back.overall[key].wins, back.overall[key].losses) == (pair.losses, pair.wins)


def test_less_error_is_better(first):
    second = run_of(map(better, items()), "second")
    pair = compare([first, second]).systems[0].overall["fault.octave"]
    assert pair.difference < 0
    assert (pair.wins, pair.losses) == (2, 0)


def test_genres_are_compared_apart(first):
    cases = [better(case) if case.genre == "rock" else case for case in items()]
    genres = compare([first, run_of(cases, "second")]).systems[0].genres
    assert genres["jazz"]["beats.f_measure"].difference == 0.0
    assert genres["rock"]["beats.f_measure"].difference > 0.0
    assert genres["rock"]["beats.f_measure"].files == 4


def test_only_shared_files_count_and_it_is_said(first):
    comparison = compare([first, run_of(items()[:5], "second")])
    assert comparison.files == 5
    assert any("3 of its files" in remark for remark in comparison.remarks)


def test_several_runs_are_compared_with_the_first(first):
    runs = [first, run_of(map(better, items()), "second"), run_of(items(), "third")]
    assert [system.name for system in compare(runs).systems] == ["second", "third"]


def test_refuses_what_cannot_be_compared(first):
    with pytest.raises(ResultsError, match="at least two"):
        compare([first])
    with pytest.raises(ResultsError, match=r"trim_s: 0\.0 and 5\.0"):
        compare([first, run_of(items(), "second", trim=5.0)])
    with pytest.raises(ResultsError, match="share no file"):
        compare([first, run_of([Item("other", steady(), steady())], "second")])
    moved = [Item(case.id, steady(start=0.31), case.estimate, case.genre) for case in items()]
    with pytest.raises(ResultsError, match="different annotations"):
        compare([first, run_of(moved, "second")])


def test_says_which_system_is_not_judged_on_its_bars(first):
    plain = [Item(c.id, c.reference, replace(c.estimate, positions=None), c.genre) for c in items()]
    remarks = compare([first, run_of(plain, "beats only")]).remarks
    assert any("beats only: estimates no downbeats" in remark for remark in remarks)
    assert compare([first, first]).remarks == ()


def test_warns_of_training_data_and_interrupted_runs(first):
    remarks = compare([first, replace(first, name="b", training_data=True, complete=False)]).remarks
    assert any("TRAINING DATA" in remark for remark in remarks)
    assert any("interrupted" in remark for remark in remarks)
