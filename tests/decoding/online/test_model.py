from __future__ import annotations

import numpy as np
import pytest

from beattrack.decoding.dbn import TempoPrior
from beattrack.decoding.online import OnlineSettings
from beattrack.decoding.online.model import online_model


def test_all_distributions_add_up_to_1() -> None:
    model = online_model(OnlineSettings(beats_per_bar=(2, 3, 4), bar_change=0.2), 100.0, bars=True)
    np.testing.assert_allclose(model.interval_steps.sum(axis=0), 1.0)
    np.testing.assert_allclose(model.place_steps.sum(axis=1), 1.0)
    assert model.entry.sum() == pytest.approx(1.0)
    assert (model.interval_steps >= 0).all()


def test_places_follow_each_other_unless_the_bar_changes() -> None:
    steady = online_model(OnlineSettings(beats_per_bar=(3, 4), bar_change=0.0), 100.0, bars=True)
    assert steady.place_steps.argmax(axis=1).tolist() == [1, 2, 0, 4, 5, 6, 3]
    assert np.count_nonzero(steady.place_steps) == 7
    changing = online_model(OnlineSettings(beats_per_bar=(3, 4), bar_change=0.1), 100.0, bars=True)
    assert (changing.place_steps > 0).all()


def test_common_time_is_more_probable() -> None:
    model = online_model(OnlineSettings(beats_per_bar=(3, 4), common_time=4.0), 100.0, bars=True)
    by_place = model.entry.sum(axis=0)
    assert by_place[3:].sum() == pytest.approx(4 * by_place[:3].sum())


def test_the_first_tempo_is_near_start_bpm() -> None:
    model = online_model(OnlineSettings(start_bpm=120.0, start_octaves=0.3), 100.0, bars=True)
    density = model.entry.sum(axis=1) * model.space.intervals  # over the logarithm of the interval
    assert abs(int(model.space.intervals[density.argmax()]) - 50) <= 1


def test_the_tempo_prior_weighs_intervals() -> None:
    prior = TempoPrior(100.0, 1.0, 3.0)
    weights = online_model(OnlineSettings(tempo_prior=prior), 100.0, bars=True).weights
    intervals = online_model(OnlineSettings(tempo_prior=prior), 100.0, bars=True).space.intervals
    assert intervals[weights.argmax()] == 60
    assert weights.max() == pytest.approx(1.0)
    assert (online_model(OnlineSettings(tempo_prior=None), 100.0, bars=True).weights == 1).all()


@pytest.mark.parametrize(("fps", "frames"), [(100.0, 3), (200.0, 6), (50.0, 2), (20.0, 1)])
def test_the_region_has_a_longest_length(fps: float, frames: int) -> None:
    model = online_model(OnlineSettings(longest_region=0.03, max_bpm=150), fps, bars=True)
    assert model.space.region_lengths.max() == frames
    assert model.space.region_lengths.min() >= 1


def test_beats_alone_have_one_place() -> None:
    model = online_model(OnlineSettings(), 100.0, bars=False)
    assert model.space.places == 1
    assert model.place_steps.tolist() == [[1.0]]
