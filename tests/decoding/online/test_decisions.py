"""Decisions on posteriors that are set by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beattrack.decoding.online import OnlineBeat, OnlineSettings
from beattrack.decoding.online.decisions import Decisions
from beattrack.decoding.online.filter import ForwardFilter
from beattrack.decoding.online.model import online_model

NEUTRAL = np.ones(2)  # of the likelihood ratios: frames that tell nothing
START = 28  # shortest interval


def reports(
    masses: dict[tuple[int, int, int], float], frames: int = 120, **settings: Any
) -> list[OnlineBeat]:
    """Beats reported in frames without information, from a posterior over (interval, place, age)."""
    options = OnlineSettings(lose=0.0, bar_change=0.0, transition_lambda=1e4, tempo_prior=None, **settings)
    posterior = ForwardFilter(online_model(options, 100.0, bars=True))
    decisions = Decisions(posterior, options, 100.0, bars=True)
    posterior._ring[:] = 0.0
    for (interval, place, age), mass in masses.items():
        posterior._ring[posterior._began(np.array(-age)), interval - START, place] = mass
    posterior.lost = 1.0 - sum(masses.values())
    found = []
    for frame in range(frames):
        posterior.step(NEUTRAL)
        beat = decisions.decide(frame)
        if beat is not None:
            found.append(beat)
    return found


def test_a_certain_beat_is_reported_once_on_time() -> None:
    found = reports({(50, 6, 40): 1.0}, wait=0.0)
    assert [beat.time for beat in found] == pytest.approx([0.09, 0.59, 1.09])
    assert [beat.reported for beat in found] == pytest.approx([0.09, 0.59, 1.09])
    assert [beat.position for beat in found] == [1, 2, 3]
    assert [beat.bpm for beat in found] == pytest.approx([120.0] * 3)
    assert [beat.confidence for beat in found] == pytest.approx([1.0] * 3)


@pytest.mark.parametrize("wait", [-0.03, -0.01, 0.02])
def test_wait_moves_the_report_and_not_the_beat(wait: float) -> None:
    found = reports({(50, 3, 10): 1.0}, frames=60, wait=wait)
    assert [beat.time for beat in found] == pytest.approx([0.39])
    assert [beat.reported for beat in found] == pytest.approx([0.39 + wait])
    assert [beat.position for beat in found] == [2]


def test_the_time_is_the_mean_of_what_is_expected() -> None:
    found = reports({(50, 3, 10): 0.5, (50, 3, 14): 0.5}, frames=60, wait=0.0)
    assert [beat.time for beat in found] == pytest.approx([0.37])


@pytest.mark.parametrize(("mass", "count"), [(0.3, 0), (0.5, 1)])
def test_improbable_beats_are_not_reported(mass: float, count: int) -> None:
    # What is missing is lost, and returns too slowly to matter.
    assert len(reports({(50, 3, 10): mass}, frames=60, threshold=0.4, pause=1000.0)) == count


def test_two_beats_are_never_closer_than_the_refractory_time() -> None:
    # Half of the probability is on a beat 0.2 s after that of the other half, both of the same tempo.
    masses = {(50, 3, 10): 0.5, (50, 3, 30): 0.5}
    assert np.diff([beat.time for beat in reports(masses, wait=0.0)]).min() == pytest.approx(0.5)
    free = reports(masses, wait=0.0, refractory=0.2)
    assert np.diff([beat.time for beat in free]).min() == pytest.approx(0.2)


def test_the_position_is_the_most_probable_place() -> None:
    found = reports({(50, 2, 10): 0.4, (50, 4, 10): 0.6}, frames=60)
    assert [beat.position for beat in found] == [3]
