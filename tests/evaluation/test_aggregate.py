from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beattrack.evaluation.aggregate import bootstrap_interval, summarise


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_interval_holds_the_mean_and_lies_within_the_values(values):
    numbers = np.array(values)
    low, high = bootstrap_interval(numbers)
    slack = 1e-9
    assert numbers.min() - slack <= low <= numbers.mean() + slack
    assert numbers.mean() - slack <= high <= numbers.max() + slack


def test_the_interval_is_that_of_the_normal_distribution_for_many_files():
    numbers = np.random.default_rng(1).normal(0.5, 0.1, 2000)
    low, high = bootstrap_interval(numbers)
    half_width = 1.96 * numbers.std() / np.sqrt(numbers.size)
    assert low == pytest.approx(numbers.mean() - half_width, abs=half_width * 0.1)
    assert high == pytest.approx(numbers.mean() + half_width, abs=half_width * 0.1)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(generator.uniform(0, 1, 40))
        covered += low <= 0.5 <= high
    assert 180 <= covered <= 200


def test_the_same_scores_give_the_same_interval():
    numbers = np.random.default_rng(1).uniform(size=50)
    assert bootstrap_interval(numbers) == bootstrap_interval(numbers.copy())


def test_one_file_has_no_spread():
    mean = summarise([{"a": 0.25}]).means["a"]
    assert (mean.low, mean.mean, mean.high, mean.files) == (0.25, 0.25, 0.25, 1)


def test_each_metric_is_averaged_over_the_files_that_have_it():
    summary = summarise([{"a": 1.0, "b": 0.5}, {"a": 0.0}, {}])
    assert summary.files == 3
    assert (summary.means["a"].mean, summary.means["a"].files) == (0.5, 2)
    assert (summary.means["b"].mean, summary.means["b"].files) == (0.5, 1)
    assert summary.mean("c") is None
