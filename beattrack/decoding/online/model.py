"""The model of the online decoder: the bar-pointer states of `dbn`, and a state for "no beat to follow".

Inside a beat the model moves one state per frame. At the end of a beat it goes to the next one, with a new
interval and usually at the next place of the bar, or it loses the beat. From there it enters any beat of any
interval, at any frame. This is how the decoder starts again after a pause and finds a sudden change of tempo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.state_space import (
    StateSpace,
    bar_spaces,
    beat_space,
    transition_probabilities,
)
from beattrack.decoding.online.settings import OnlineSettings

Float64 = NDArray[np.float64]

COMMON_TIME = 4  # beats per bar
LOST_AT_START = 0.5


@dataclass(frozen=True, eq=False)
class OnlineModel:
    """A hidden Markov model of beats.

    Attributes:
        space: intervals, places and beat regions.
        interval_steps: probability of each interval after each, shape (to, from).
        place_steps: probability of each place after each, shape (from, to).
        entry: distribution of the first beat, shape (intervals, places).
        weights: weight of a beat at each interval by the tempo prior, shape (intervals,).
        lose: probability of losing the beat when one ends.
        enter: probability of entering a beat per frame after it was lost.
        lost_at_start: probability that the input does not start with a beat.
    """

    space: StateSpace
    interval_steps: Float64
    place_steps: Float64
    entry: Float64
    weights: Float64
    lose: float
    enter: float
    lost_at_start: float


def online_model(settings: OnlineSettings, fps: float, *, bars: bool) -> OnlineModel:
    """Return the model.

    Args:
        settings: settings of the decoder.
        fps: frames per second.
        bars: whether places in the bar are modelled.

    Raises:
        SettingsError: if the frame rate is too low for the fastest tempo, or there are too many states.
    """
    dbn = settings.dbn()
    space = bar_spaces(dbn, fps)[0] if bars else beat_space(dbn, fps)
    longest_region = max(round(settings.longest_region * fps), 1)
    space = replace(space, region_lengths=np.minimum(space.region_lengths, longest_region))
    places = _place_distribution(space, settings.common_time)
    intervals = _interval_distribution(space, settings, fps)
    following = np.zeros((space.places, space.places))
    following[space.previous, np.arange(space.places)] = 1.0
    jump = settings.bar_change
    return OnlineModel(
        space=space,
        interval_steps=transition_probabilities(space.intervals, settings.transition_lambda).T.copy(),
        place_steps=(1 - jump) * following + jump * places,
        entry=intervals[:, None] * places,
        weights=np.exp(space.intervals * space.frame_scores),
        lose=settings.lose,
        enter=1.0 - np.exp(-1.0 / (settings.pause * fps)),
        lost_at_start=LOST_AT_START,
    )


def _place_distribution(space: StateSpace, common_time: float) -> Float64:
    """Return the distribution of places, shape (places,): that of the metres, even inside a bar."""
    weights = np.where(space.metre == COMMON_TIME, common_time, 1.0) / space.metre
    distribution: Float64 = weights / weights.sum()
    return distribution


def _interval_distribution(space: StateSpace, settings: OnlineSettings, fps: float) -> Float64:
    """Return the log-normal distribution of the first interval, shape (intervals,)."""
    octaves = np.log2(space.intervals * settings.start_bpm / (60.0 * fps))
    density = np.exp(-0.5 * (octaves / settings.start_octaves) ** 2) / space.intervals
    distribution: Float64 = density / density.sum()
    return distribution
