from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.decoding.dbn import DBNSettings, TempoPrior
from beattrack.decoding.dbn.state_space import (
    bar_spaces,
    beat_intervals,
    beat_space,
    region_lengths,
    tempo_scores,
    transition_probabilities,
)
from beattrack.errors import SettingsError


def test_intervals_are_every_whole_number_of_frames() -> None:
    intervals = beat_intervals((55.0, 215.0), None, 100.0)
    assert intervals.tolist() == list(range(28, 110))


def test_num_tempi_spaces_intervals_logarithmically() -> None:
    intervals = beat_intervals((55.0, 215.0), 30, 100.0)
    assert len(intervals) == 30
    assert (intervals[0], intervals[-1]) == (28, 109)
    ratios = intervals[1:] / intervals[:-1]
    assert ratios.max() < 1.08
    assert beat_intervals((55.0, 215.0), 500, 100.0).tolist() == list(range(28, 110))


@pytest.mark.parametrize(
    ("bpm_range", "expected"),
    [
        ((128.0, 128.0), [46, 47]),
        ((127.0, 129.0), [46, 47, 48]),
        ((120.0, 120.0), [49, 50, 51]),
        ((119.5, 120.5), [49, 50, 51]),
        ((100.0, 101.0), [59, 60, 61]),
        ((240.0, 240.0), [24, 25, 26]),
        ((40.0, 40.0), [149, 150, 151]),
    ],
)
def test_a_narrow_range_holds_the_whole_intervals_around_it(
    bpm_range: tuple[float, float], expected: list[int]
) -> None:
    assert beat_intervals(bpm_range, None, 100.0).tolist() == expected
    assert beat_intervals(bpm_range, 60, 100.0).tolist() == expected


@given(low=st.floats(10, 200), width=st.floats(1, 5), fps=st.sampled_from([50.0, 86.1328125, 100.0, 200.0]))
def test_every_tempo_of_a_range_lies_between_two_intervals(low: float, width: float, fps: float) -> None:
    intervals = beat_intervals((low, low * width), None, fps)
    longest, shortest = 60 * fps / low, 60 * fps / (low * width)
    assert intervals[0] <= max(shortest, 2)
    assert intervals[-1] >= longest
    assert intervals[0] > shortest - 2
    assert intervals[-1] < longest + 2
    assert (np.diff(intervals) == 1).all()
    if width < 1.9:
        assert intervals[0] < shortest
        assert intervals[-1] > longest


@pytest.mark.parametrize("fps", [50.0, 86.1328125, 100.0])
def test_ranges_of_an_octave_or_more_that_end_on_frames_and_the_default_are_madmoms(fps: float) -> None:
    for low, high in ((55.0, 215.0), (60 * fps / 90, 60 * fps / 30)):
        rounded = np.arange(round(60 * fps / high), round(60 * fps / low) + 1)
        assert beat_intervals((low, high), None, fps).tolist() == rounded.tolist()


def test_log_spaced_intervals_reach_the_ends_of_the_range() -> None:
    intervals = beat_intervals((55.0, 140.0), 20, 100.0)
    assert (intervals[0], intervals[-1], len(intervals)) == (42, 110, 20)


def test_too_few_frames_for_the_tempo_are_refused() -> None:
    with pytest.raises(SettingsError, match="215"):
        beat_intervals((55.0, 215.0), None, 5.0)


@pytest.mark.parametrize("fps", [1000.0, 400.0])
def test_too_many_states_are_refused_before_they_take_memory(fps: float) -> None:
    slow = DBNSettings(beats_per_bar=(2, 3, 4, 5), min_bpm=10.0)
    for make in (beat_space, bar_spaces):
        assert make(slow, 100.0)
    with pytest.raises(SettingsError, match=r"million states.*; raise min_bpm"):
        bar_spaces(slow, fps)
    assert bar_spaces(DBNSettings(beats_per_bar=(2, 3, 4, 5), min_bpm=10.0, num_tempi=30), fps)


def test_transitions_are_normalised_and_sparse() -> None:
    intervals = np.arange(28, 110)
    probabilities = transition_probabilities(intervals, 100.0)  # (from, to)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    ratios = intervals[None, :] / intervals[:, None]
    np.testing.assert_array_equal(probabilities > 0, np.exp(-100 * np.abs(ratios - 1)) > np.spacing(1))
    assert 0.4 < (probabilities > 0).mean() < 0.6


@given(
    fps=st.floats(20, 200),
    low=st.floats(30, 100),
    width=st.floats(1.05, 4),
    num_tempi=st.none() | st.integers(1, 40),
    transition_lambda=st.floats(0, 300),
)
def test_step_scores_are_the_log_transitions(
    fps: float, low: float, width: float, num_tempi: int | None, transition_lambda: float
) -> None:
    settings = DBNSettings(
        min_bpm=low, max_bpm=low * width, num_tempi=num_tempi, transition_lambda=transition_lambda
    )
    space = beat_space(settings, fps)
    with np.errstate(divide="ignore"):
        expected = np.log(transition_probabilities(space.intervals, transition_lambda)).T
    np.testing.assert_array_equal(np.isfinite(space.step_scores), np.isfinite(expected))
    finite = np.isfinite(expected)
    np.testing.assert_allclose(space.step_scores[finite], expected[finite], atol=1e-11)


@given(
    observation_lambda=st.floats(2, 32),
    shortest=st.integers(2, 60),
    count=st.integers(1, 60),
    beats=st.integers(1, 7),
)
def test_region_is_the_first_part_of_each_beat(
    observation_lambda: float, shortest: int, count: int, beats: int
) -> None:
    intervals = np.arange(shortest, shortest + count)
    lengths = region_lengths(intervals, beats, observation_lambda)
    assert lengths.shape == (count, beats)
    border = 1 / observation_lambda
    for length, row in zip(intervals, lengths, strict=True):
        positions = np.linspace(0, 1, length, endpoint=False)
        assert row.tolist() == [int(((positions + beat) % 1 < border).sum()) for beat in range(beats)]
    assert (lengths >= 1).all()
    assert (lengths < intervals[:, None]).all()


def test_places_lie_metre_after_metre() -> None:
    (space,) = bar_spaces(DBNSettings(beats_per_bar=(3, 4)), 100.0)
    assert space.places == 7
    assert space.number.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert space.metre.tolist() == [3, 3, 3, 4, 4, 4, 4]
    assert space.previous.tolist() == [2, 0, 1, 6, 3, 4, 5]
    assert space.observation_class.tolist() == [0, 1, 1, 0, 1, 1, 1]
    states = space.intervals.sum()
    np.testing.assert_allclose(np.exp(space.log_initial) * states * space.metre, 1)


def test_metres_of_other_ranges_have_their_own_space() -> None:
    settings = DBNSettings(beats_per_bar=(3, 4, 5), min_bpm=(60.0, 50.0, 60.0))
    spaces = bar_spaces(settings, 100.0)
    assert [space.metres for space in spaces] == [(3, 5), (4,)]
    assert [space.longest for space in spaces] == [100, 120]


def test_beats_alone_take_the_widest_range() -> None:
    space = beat_space(DBNSettings(min_bpm=(60.0, 50.0), max_bpm=(150.0, 200.0)), 100.0)
    assert (space.shortest, space.longest, space.metres) == (30, 120, (1,))


def test_tempo_prior_prefers_its_tempo_and_treats_octaves_alike() -> None:
    scores = tempo_scores(np.array([25, 50, 100]), TempoPrior(120.0, 1.0, strength=2.0), 100.0)
    # An octave off costs half a unit of strength for every 50 frames, the prior's own beat.
    np.testing.assert_allclose(scores * 50, [-1.0, 0.0, -1.0])
    assert not tempo_scores(np.array([25, 50]), None, 100.0).any()


def test_a_path_stays_in_its_metre_unless_changes_are_allowed() -> None:
    (space,) = bar_spaces(DBNSettings(beats_per_bar=(3, 4)), 100.0)
    assert space.predecessors.tolist() == space.previous[:, None].tolist()
    assert not space.predecessor_scores.any()


@given(
    metres=st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True),
    change=st.floats(1e-12, 1, exclude_max=True),
)
def test_steps_between_places_are_probabilities(metres: list[int], change: float) -> None:
    (space,) = bar_spaces(DBNSettings(beats_per_bar=tuple(metres), metre_change=change), 100.0)
    steps = np.zeros((space.places, space.places))  # (from, to)
    for to in range(space.places):
        for before, score in zip(space.predecessors[to], space.predecessor_scores[to], strict=True):
            steps[before, to] += np.exp(score)
    np.testing.assert_allclose(steps.sum(axis=1), 1)
    np.testing.assert_array_equal(space.predecessors[:, 0], space.previous)
    for before, to in np.argwhere(steps > 0):
        same = space.metre[before] == space.metre[to]
        ends_bar = space.number[before] == space.metre[before] - 1
        assert space.number[to] == (0 if ends_bar else space.number[before] + 1)
        assert same or ends_bar
        if len(metres) > 1 and ends_bar:
            assert steps[before, to] == pytest.approx(1 - change if same else change / (len(metres) - 1))


def test_between_keeps_the_scores_of_steps() -> None:
    (space,) = bar_spaces(DBNSettings(tempo_prior=TempoPrior(100.0, 0.5)), 100.0)
    few = space.between(10, 31)
    np.testing.assert_array_equal(few.intervals, space.intervals[10:31])
    np.testing.assert_array_equal(few.step_scores, space.step_scores[10:31, 10:31])
    np.testing.assert_array_equal(few.region_lengths, space.region_lengths[10:31])
    assert space.between(0, len(space.intervals)) is space
