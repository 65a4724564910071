"""The states of the model: beats of bars, each of every interval (Krebs, Böck, Widmer, ISMIR 2015)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.settings import DEFAULT_BPM_RANGE, DBNSettings, TempoPrior
from beattrack.errors import SettingsError

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# One frame a beat leaves no frame between two beats.
_SHORTEST_INTERVAL = 2

# So many take hundreds of megabytes; the default settings reach them at 1100 frames a second.
MAX_STATES = 5_000_000


@dataclass(frozen=True, eq=False)
class StateSpace:
    """Metres that share their beat intervals, as semi-Markov chains of beats of whole numbers of frames.

    The axis `places` runs over the beats of all bars: with metres of 3 and 4 beats, places 0 to 2 are the
    first bar's and 3 to 6 the second's. A path stays in one metre. A beat of interval L has L states, which
    it passes at one a frame; the interval changes only from beat to beat, with log-probability
    stay[j] - slope[j] |L_i - L_j| for i in first[j] to last[j] - 1, else impossible.

    metres: beats of each bar; (1,) where bars are not modelled.
    intervals: (intervals,) frames of a beat, ascending.
    region_lengths: (intervals, places) frames, from a beat's start, in which its activation should be high.
    stay: (intervals,) log-probability of keeping the interval.
    slope: (intervals,) what each frame of change costs.
    first, last: (intervals,) the intervals that may follow each.
    frame_scores: (intervals,) log-probability that the tempo prior adds for each frame of a beat.
    """

    metres: tuple[int, ...]
    intervals: Int64
    region_lengths: Int64
    stay: Float64
    slope: Float64
    first: Int64
    last: Int64
    frame_scores: Float64

    @property
    def shortest(self) -> int:
        """Frames of the shortest interval."""
        return int(self.intervals[0])

    @property
    def longest(self) -> int:
        """Frames of the longest interval."""
        return int(self.intervals[-1])

    @cached_property
    def places(self) -> int:
        """Number of places."""
        return sum(self.metres)

    @cached_property
    def metre(self) -> Int64:
        """(places,) beats of the bar that each place belongs to."""
        return np.repeat(self.metres, self.metres)

    @cached_property
    def number(self) -> Int64:
        """(places,) beat of the bar at each place, 0 for the first."""
        return np.concatenate([np.arange(beats) for beats in self.metres])

    @cached_property
    def previous(self) -> Int64:
        """(places,) place of the beat before."""
        places = np.arange(self.places)
        return np.where(self.number > 0, places - 1, places + self.metre - 1)

    @cached_property
    def observation_class(self) -> Int64:
        """(places,) row of the observation scores that each place reads: 0 for the first of a bar, else 1."""
        return np.minimum(self.number, 1)

    @cached_property
    def log_initial(self) -> Float64:
        """(places,) log-probability of each state before the first frame: those of a metre are equal."""
        states: Float64 = (self.metre * self.intervals.sum()).astype(np.float64)
        return np.log(1.0 / states)

    @cached_property
    def step_scores(self) -> Float64:
        """(to, from) score of a step from beat to beat, -inf where it is impossible.

        It is the step's log-probability and the tempo prior's score of the beat that ends.
        """
        change = np.abs(self.intervals[:, None] - self.intervals)
        index = np.arange(len(self.intervals))[:, None]
        possible = (index >= self.first) & (index < self.last)
        return np.where(possible, self.step_bonus - self.slope * change, -np.inf)

    @cached_property
    def step_bonus(self) -> Float64:
        """(intervals,) score of a step that keeps the interval."""
        return self.stay + self.intervals * self.frame_scores

    @property
    def steps_per_frame(self) -> int:
        """Possible steps from a beat to the next that end at one frame: the work of decoding that frame."""
        return self.places * int((self.last - self.first).sum())


def beat_intervals(bpm_range: tuple[float, float], num_tempi: int | None, fps: float) -> Int64:
    """Return the beat intervals of a tempo range: every whole number of frames, or some log-spaced ones.

    A steady tempo between two whole intervals is tracked by alternating between them, so the ends of a range
    are rounded outwards (see `_bracket`). Those of the default range are rounded as in madmom.

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
        raise SettingsError(f"{fps:g} frames a second are too few for a max_bpm of {bpm_range[1]:g}")
    if bpm_range == DEFAULT_BPM_RANGE:
        first, last = np.round(low), np.round(high)
    else:
        first, last = low, high = _bracket(low, high)
    intervals = np.arange(first, last + 1)
    if num_tempi is not None and num_tempi < len(intervals):
        intervals = _log_spaced(low, high, num_tempi)
    return intervals.astype(np.int64)


def _bracket(low: float, high: float) -> tuple[float, float]:
    """Return the whole intervals around a range of beat intervals in frames.

    A range narrower than an octave gets an interval beyond each end even if the end is a whole one itself:
    such a range tells the tempo of the recording, not that of each beat, and never to the last digit.
    """
    if high < 2 * low:
        return max(math.ceil(low) - 1.0, _SHORTEST_INTERVAL), math.floor(high) + 1.0
    return max(math.floor(low), _SHORTEST_INTERVAL), math.ceil(high)


def _log_spaced(low: float, high: float, count: int) -> Float64:
    # Rounding to whole frames merges the shortest ones, so ask for more until enough differ.
    intervals = np.empty(0)
    asked = count
    while len(intervals) < count:
        intervals = np.unique(np.round(np.logspace(np.log2(low), np.log2(high), asked, base=2)))
        asked += 1
    return intervals


def transition_probabilities(intervals: Int64, transition_lambda: float) -> Float64:
    """Probabilities (from, to) proportional to exp(-lambda |to / from - 1|), the negligible left out."""
    lengths = intervals.astype(np.float64)
    probabilities = np.exp(-transition_lambda * np.abs(lengths[None, :] / lengths[:, None] - 1.0))
    probabilities[probabilities <= np.spacing(1)] = 0
    normalised: Float64 = probabilities / probabilities.sum(axis=1)[:, None]
    return normalised


def region_lengths(intervals: Int64, beats: int, observation_lambda: float) -> Int64:
    """Frames (intervals, beats) that lie in the first 1/observation_lambda of each beat of a bar."""
    border = 1.0 / observation_lambda
    # Sums are rounded as in madmom, which adds the number of the beat to the position inside it: where the
    # border falls on a frame, rounding decides.
    steps = np.arange(math.ceil(int(intervals[-1]) * border) + 2)
    positions = steps[None, :] * (1.0 / intervals[:, None])  # (intervals, steps)
    in_region = (positions[:, None, :] + np.arange(beats)[None, :, None]) % 1 < border
    in_beat = steps[None, None, :] < intervals[:, None, None]
    lengths: Int64 = (in_region & in_beat).sum(axis=2)
    return lengths


def tempo_scores(intervals: Int64, prior: TempoPrior | None, fps: float) -> Float64:
    """Log-probability (intervals,) that the prior adds for each frame of a beat; see TempoPrior."""
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
            f"{fps:g} frames a second, a min_bpm of {bpm_range[0]:g} and the {len(metres)} metres make "
            f"{states / 1e6:.1f} million states, more than {MAX_STATES / 1e6:g} million: raise min_bpm, name "
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
    )


@lru_cache(maxsize=16)
def beat_space(settings: DBNSettings, fps: float) -> StateSpace:
    """The states for tracking beats alone; see `bar_spaces` for errors."""
    return _state_space(settings, (1,), settings.widest_bpm_range, fps)


@lru_cache(maxsize=16)
def bar_spaces(settings: DBNSettings, fps: float) -> tuple[StateSpace, ...]:
    """The states for tracking bars, one space for the metres of each tempo range.

    Raises SettingsError where the frame rate is too low for the fastest tempo, or the states are too many.
    """
    metres_by_range: dict[tuple[float, float], list[int]] = {}
    for beats, bpm_range in zip(settings.beats_per_bar, settings.bpm_ranges, strict=True):
        metres_by_range.setdefault(bpm_range, []).append(beats)
    return tuple(
        _state_space(settings, tuple(metres), bpm_range, fps) for bpm_range, metres in metres_by_range.items()
    )
