"""The state space of the model: the beats of a bar at all beat intervals.

Source: Krebs, Böck, Widmer (ISMIR 2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.settings import DEFAULT_BPM_RANGE, DBNSettings, TempoPrior
from beattrack.errors import SettingsError

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# A beat of one frame would leave no frame between two beats.
_SHORTEST_INTERVAL = 2

# This many take hundreds of megabytes; the default settings reach them at 1100 frames per second.
MAX_STATES = 5_000_000


@dataclass(frozen=True, eq=False)
class StateSpace:
    """Metres that share their beat intervals, as semi-Markov chains of beats.

    The axis `places` runs over the beats of all bars: with metres of 3 and 4 beats, places 0 to 2 belong to
    the first bar and 3 to 6 to the second. A path stays in one metre, unless `metre_change` allows it to
    change at the end of a bar. A beat of interval L has L states and moves through one per frame. The
    interval changes only from beat to beat, with log-probability stay[j] - slope[j] |L_i - L_j| for i in
    first[j] to last[j] - 1; other changes are impossible. Interval and place change independently of each
    other: the log-probability of a step is the sum of both.

    Attributes:
        metres: beats of each bar; (1,) if bars are not modelled.
        intervals: beat intervals in frames, ascending, shape (intervals,).
        region_lengths: number of frames at the start of a beat in which its activation should be high, shape
            (intervals, places).
        stay: log-probability of keeping the interval, shape (intervals,).
        slope: cost of each frame of change, shape (intervals,).
        first: index of the first interval that may follow each, shape (intervals,).
        last: index after the last interval that may follow each, shape (intervals,).
        frame_scores: log-probability that tempo preferences add for each frame of a beat, shape (intervals,).
        metre_change: probability that a bar is followed by one of another metre, each of which is equally
            probable; None if a path stays in one metre.
    """

    metres: tuple[int, ...]
    intervals: Int64
    region_lengths: Int64
    stay: Float64
    slope: Float64
    first: Int64
    last: Int64
    frame_scores: Float64
    metre_change: float | None = None

    @property
    def shortest(self) -> int:
        """Shortest interval in frames."""
        return int(self.intervals[0])

    @property
    def longest(self) -> int:
        """Longest interval in frames."""
        return int(self.intervals[-1])

    @cached_property
    def places(self) -> int:
        """Number of places."""
        return sum(self.metres)

    @cached_property
    def metre(self) -> Int64:
        """Number of beats in the bar of each place, shape (places,)."""
        return np.repeat(self.metres, self.metres)

    @cached_property
    def number(self) -> Int64:
        """Index of the beat in the bar at each place, from 0, shape (places,)."""
        return np.concatenate([np.arange(beats) for beats in self.metres])

    @cached_property
    def previous(self) -> Int64:
        """Place of the previous beat if the metre stays the same, shape (places,)."""
        places = np.arange(self.places)
        return np.where(self.number > 0, places - 1, places + self.metre - 1)

    @cached_property
    def predecessors(self) -> Int64:
        """Places that may come before each place, shape (places, ways).

        There is one way, `previous`, if a path stays in one metre. Otherwise the first beat of a bar may
        follow the last beat of any metre; the first way is `previous`, and the others are impossible for
        other beats.
        """
        if self.metre_change is None:
            return self.previous[:, None]
        last = np.cumsum(self.metres) - 1  # place of the last beat of each metre
        rows = [[place, *last[last != place]] for place in self.previous.tolist()]
        return np.array([row[: len(last)] for row in rows], dtype=np.int64)

    @cached_property
    def predecessor_scores(self) -> Float64:
        """Log-probability of coming from each of `predecessors`, shape (places, ways); -inf if impossible."""
        scores = np.zeros(self.predecessors.shape)
        others = self.predecessors.shape[1] - 1
        if self.metre_change is None or others == 0:
            return scores
        starts_bar = self.number == 0
        scores[starts_bar, 0] = math.log1p(-self.metre_change)
        scores[starts_bar, 1:] = math.log(self.metre_change / others)
        scores[~starts_bar, 1:] = -np.inf
        return scores

    @cached_property
    def observation_class(self) -> Int64:
        """Row of the observation scores for each place: 0 for the first of a bar, else 1; shape (places,)."""
        return np.minimum(self.number, 1)

    @cached_property
    def log_initial(self) -> Float64:
        """Initial log-probability of each state, equal for all states of a metre; shape (places,)."""
        states: Float64 = (self.metre * self.intervals.sum()).astype(np.float64)
        return np.log(1.0 / states)

    @cached_property
    def step_scores(self) -> Float64:
        """Score of each step from beat to beat, shape (to, from); -inf if the step is impossible.

        It is the log-probability of the step plus the frame scores of the beat that ends.
        """
        change = np.abs(self.intervals[:, None] - self.intervals)
        index = np.arange(len(self.intervals))[:, None]
        possible = (index >= self.first) & (index < self.last)
        return np.where(possible, self.step_bonus - self.slope * change, -np.inf)

    @cached_property
    def step_bonus(self) -> Float64:
        """Score of a step that keeps the interval, shape (intervals,)."""
        return self.stay + self.intervals * self.frame_scores

    def weighted(self, weight: float) -> StateSpace:
        """Return the space with the scores of tempi multiplied by a weight."""
        return replace(self, frame_scores=self.frame_scores * weight)

    def only(self, metre: int) -> StateSpace:
        """Return the states of one metre of this space."""
        lengths = self.region_lengths[:, self.metre == metre]
        return replace(self, metres=(metre,), region_lengths=lengths)

    def between(self, low: int, high: int) -> StateSpace:
        """Return the states of the intervals from index `low` to `high` - 1, with the same scores of steps.

        Its `log_initial` is that of these intervals alone.
        """
        if (low, high) == (0, len(self.intervals)):
            return self
        rows = slice(low, high)
        return replace(
            self,
            intervals=self.intervals[rows],
            region_lengths=self.region_lengths[rows],
            stay=self.stay[rows],
            slope=self.slope[rows],
            first=(self.first[rows] - low).clip(0, high - low),
            last=(self.last[rows] - low).clip(0, high - low),
            frame_scores=self.frame_scores[rows],
        )

    @property
    def steps_per_frame(self) -> int:
        """Number of possible steps that end at a frame: the work of decoding a frame."""
        return self.places * int((self.last - self.first).sum())


def beat_intervals(bpm_range: tuple[float, float], num_tempi: int | None, fps: float) -> Int64:
    """Return the beat intervals of a tempo range: every whole number of frames, or log-spaced ones.

    A steady tempo between two whole intervals is tracked by alternating between them, so the ends of a range
    are rounded outwards (see `_bracket`). The default range is rounded as in madmom.

    Args:
        bpm_range: slowest and fastest tempo in beats per minute.
        num_tempi: number of intervals, or None for all.
        fps: frames per second.

    Returns:
        Ascending intervals in frames, shape (intervals,).

    Raises:
        SettingsError: if the frame rate is too low for the fastest tempo.
    """
    low, high = 60.0 * fps / bpm_range[1], 60.0 * fps / bpm_range[0]
    if round(low) < _SHORTEST_INTERVAL:
        raise SettingsError(f"{fps:g} frames per second are too few for a max_bpm of {bpm_range[1]:g}")
    if bpm_range == DEFAULT_BPM_RANGE:
        first, last = np.round(low), np.round(high)
    else:
        first, last = low, high = _bracket(low, high)
    intervals = np.arange(first, last + 1)
    if num_tempi is not None and num_tempi < len(intervals):
        intervals = _log_spaced(low, high, num_tempi)
    return intervals.astype(np.int64)


def _bracket(low: float, high: float) -> tuple[float, float]:
    """Return a range of beat intervals in frames, rounded outwards to whole frames."""
    # A range narrower than an octave is extended even if it ends on whole frames: it states the approximate
    # tempo of the recording, and single beats deviate from that.
    if high < 2 * low:
        return max(math.ceil(low) - 1.0, _SHORTEST_INTERVAL), math.floor(high) + 1.0
    return max(math.floor(low), _SHORTEST_INTERVAL), math.ceil(high)


def _log_spaced(low: float, high: float, count: int) -> Float64:
    # Rounding to whole frames merges the shortest ones, so ask for more until enough are distinct.
    intervals = np.empty(0)
    asked = count
    while len(intervals) < count:
        intervals = np.unique(np.round(np.logspace(np.log2(low), np.log2(high), asked, base=2)))
        asked += 1
    return intervals


def transition_probabilities(intervals: Int64, transition_lambda: float) -> Float64:
    """Compute the probabilities of changes of tempo.

    Args:
        intervals: beat intervals in frames, shape (intervals,).
        transition_lambda: steadiness of the tempo.

    Returns:
        Probabilities proportional to exp(-lambda |to / from - 1|), with negligible ones set to 0, shape
        (from, to).
    """
    lengths = intervals.astype(np.float64)
    probabilities = np.exp(-transition_lambda * np.abs(lengths[None, :] / lengths[:, None] - 1.0))
    probabilities[probabilities <= np.spacing(1)] = 0
    normalised: Float64 = probabilities / probabilities.sum(axis=1)[:, None]
    return normalised


def region_lengths(intervals: Int64, beats: int, observation_lambda: float) -> Int64:
    """Return the number of frames in the first 1/observation_lambda of each beat of a bar.

    Args:
        intervals: beat intervals in frames, ascending, shape (intervals,).
        beats: beats of the bar.
        observation_lambda: reciprocal of the share of a beat in which its activation should be high.

    Returns:
        Numbers of frames, shape (intervals, beats).
    """
    border = 1.0 / observation_lambda
    # As in madmom, the index of the beat is added to the position inside it: if the border falls on a frame,
    # the rounding of this sum decides.
    steps = np.arange(math.ceil(int(intervals[-1]) * border) + 2)
    positions = steps[None, :] * (1.0 / intervals[:, None])  # (intervals, steps)
    in_region = (positions[:, None, :] + np.arange(beats)[None, :, None]) % 1 < border
    in_beat = steps[None, None, :] < intervals[:, None, None]
    lengths: Int64 = (in_region & in_beat).sum(axis=2)
    return lengths


def tempo_scores(intervals: Int64, prior: TempoPrior | None, fps: float) -> Float64:
    """Return the log-probability that a prior adds for each frame of a beat, shape (intervals,)."""
    if prior is None:
        return np.zeros(len(intervals))
    preferred = 60.0 * fps / prior.bpm
    deviations = np.log2(intervals / preferred) / prior.octaves
    scores: Float64 = -0.5 * prior.strength / preferred * deviations**2
    return scores


def _state_space(
    settings: DBNSettings, metres: tuple[int, ...], bpm_range: tuple[float, float], fps: float
) -> StateSpace:
    intervals = beat_intervals(bpm_range, settings.num_tempi, fps)
    states = int(intervals.sum()) * sum(metres)
    if states > MAX_STATES:
        raise SettingsError(
            f"{fps:g} frames per second, a min_bpm of {bpm_range[0]:g} and {len(metres)} metres need "
            f"{states / 1e6:.1f} million states, more than {MAX_STATES / 1e6:g} million; raise min_bpm, use "
            "fewer metres or set num_tempi"
        )
    probabilities = transition_probabilities(intervals, settings.transition_lambda)
    possible = probabilities > 0
    lengths = [region_lengths(intervals, beats, settings.observation_lambda) for beats in metres]
    return StateSpace(
        metres=metres,
        intervals=intervals,
        region_lengths=np.concatenate(lengths, axis=1),
        stay=np.log(probabilities.diagonal()),
        slope=settings.transition_lambda / intervals,
        first=possible.argmax(axis=1),
        last=len(intervals) - possible[:, ::-1].argmax(axis=1),
        frame_scores=tempo_scores(intervals, settings.tempo_prior, fps),
        metre_change=settings.metre_change,
    )


@lru_cache(maxsize=16)
def beat_space(settings: DBNSettings, fps: float) -> StateSpace:
    """Return the states for tracking beats without downbeats; raises the same errors as `bar_spaces`."""
    return _state_space(settings, (1,), settings.widest_bpm_range, fps)


@lru_cache(maxsize=16)
def bar_spaces(settings: DBNSettings, fps: float) -> tuple[StateSpace, ...]:
    """Return the states for tracking bars, one space for the metres of each tempo range.

    Raises:
        SettingsError: if the frame rate is too low for the fastest tempo, or there are too many states.
    """
    metres_by_range: dict[tuple[float, float], list[int]] = {}
    for beats, bpm_range in zip(settings.beats_per_bar, settings.bpm_ranges, strict=True):
        metres_by_range.setdefault(bpm_range, []).append(beats)
    return tuple(
        _state_space(settings, tuple(metres), bpm_range, fps) for bpm_range, metres in metres_by_range.items()
    )
