"""The tempo of a recording, estimated from its beats, with its likeliest alternative and its stability.

`bpm` is always the tempo of the beats themselves, so that tempo and beats never contradict each other. A
tempo head and the tempo preference of listeners only affect the strengths of the two candidates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import SettingsError
from beattrack.runtime import checks

Float = NDArray[np.floating]

# An interval is part of the steady part of a recording if it is within this share of the median interval, or
# within this time, which allows two frames of jitter at fast tempi.
STEADY_SHARE = 0.05
STEADY_SECONDS = 0.025

# In steady music, a beat this many seconds off the line through the others is misplaced.
ON_LINE_SECONDS = 0.012

# Beats per minute; anything slower or faster is not a tempo.
TEMPO_RANGE = (1.0, 10_000.0)

# Prior weights of the tempi at each multiple of the tracked one. Chosen by likelihood on the public
# detections of the 2020 TCN for Ballroom, Beatles, SMC and GTZAN; weights of 3 to 10 for 1.0 do equally well.
RATIO_WEIGHTS = {1.0: 6.0, 2.0: 1.0, 1 / 2: 1.0, 3 / 2: 0.25, 2 / 3: 0.25, 3.0: 0.25, 1 / 3: 0.25}

# Tempo preference of listeners, log-normal: centre in BPM, spread in natural logarithm (about 0.65 octaves).
PREFERRED_BPM = 112.0
PREFERRED_SPREAD = 0.45

# The tempo head counts within 4 % of a candidate, like the tempo accuracies, but at least one bin around it.
HEAD_TOLERANCE = 0.04
HEAD_SHARE = 0.5

# Least share of the head's probability within 4 % of a tempo for that tempo to be clear.
CLEAR_SHARE = 0.5

# An interval of more than this many median intervals is a pause, which does not affect stability.
PAUSE_INTERVALS = 4

# In the local tempo, an interval of more than this many times the median of those around it is no tempo but a
# pause or a missing beat.
GAP_INTERVALS = 1.6
GAP_REACH = 4  # intervals on each side
LOCAL_REACH = 8  # beats on each side; the number of pairs grows with the square

# Beats on whole frames in a narrow tempo range may be this much faster or slower: a frame at 240 BPM.
RANGE_TOLERANCE = 0.05


@dataclass(frozen=True)
class TempoCandidate:
    """One candidate for the tempo of a recording.

    Attributes:
        bpm: beats per minute.
        strength: probability that this candidate, not the other one, is the tempo.

    Raises:
        SettingsError: if a value is out of range.
    """

    bpm: float
    strength: float

    def __post_init__(self) -> None:
        checks.apply(self, {"bpm": checks.positive(), "strength": checks.share()})


@dataclass(frozen=True)
class Tempo:
    """The tempo of a recording.

    Attributes:
        bpm: beats per minute of the tracked beats.
        candidates: one or two tempi, the stronger first, one of them `bpm`. Their strengths sum to 1.
        stability: standard deviation of the inter-beat intervals in seconds; 0 for a metronome. None if the
            tempo is not that of beats but of a network that decides on it alone.

    Raises:
        SettingsError: if a value is not finite or out of range.
    """

    bpm: float
    candidates: tuple[TempoCandidate, ...]
    stability: float | None

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "bpm": checks.positive(),
                "candidates": checks.several(checks.instance(TempoCandidate)),
                "stability": checks.optional(checks.at_least(0)),
            },
        )
        strengths = [candidate.strength for candidate in self.candidates]
        if (
            not 1 <= len(strengths) <= 2
            or abs(sum(strengths) - 1) > 1e-6
            or strengths != sorted(strengths)[::-1]
        ):
            raise SettingsError(
                "a tempo must have one or two candidates, the stronger first, whose strengths sum to 1"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the tempo as plain numbers, lists and dictionaries."""
        return {
            "bpm": self.bpm,
            "candidates": [asdict(candidate) for candidate in self.candidates],
            "stability": self.stability,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Tempo:
        """Read a tempo from the dictionary that `to_dict` returns.

        Raises:
            SettingsError: if a value is missing, of a wrong type or out of range.
        """
        try:
            candidates = tuple(
                TempoCandidate(float(item["bpm"]), float(item["strength"])) for item in record["candidates"]
            )
            stability = record["stability"]
            return cls(float(record["bpm"]), candidates, None if stability is None else float(stability))
        except SettingsError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"a tempo needs bpm, candidates and stability ({error!r})") from error


def estimate_tempo(
    times: ArrayLike,
    tempo_activation: Float | None = None,
    *,
    period: float | None = None,
    bpm_range: tuple[float, float] | None = None,
) -> Tempo | None:
    """Compute the tempo of beats.

    The beat period is a least-squares fit (`beat_period`), because the median interval is a multiple of the
    frame period. The alternatives to `bpm` are its multiples by 1/3, 1/2, 2/3, 3/2, 2 and 3. The score of a
    tempo c is
        w(c) exp(-(ln(c / 112) / 0.45)^2 / 2), normalised to sum 1 over all tempi, with w = `RATIO_WEIGHTS`.
    With a tempo head, it is the mean of that and of the head's probability within 4 % of c, normalised
    likewise. The candidates are `bpm` and the best alternative, with their scores scaled to sum 1. Values are
    rounded to 0.001, stability to 0.1 ms. Stability leaves out pauses, which are intervals of more than 4
    times the median.

    Args:
        times: beat times in seconds, strictly increasing, shape (beats,).
        tempo_activation: probability of each whole BPM, shape (bins,), or None.
        period: beat period in seconds, if known better than from `times`.
        bpm_range: slowest and fastest tempo that the beats were tracked with, in BPM. A tempo within 5 % of
            the range is moved into it, because beats on whole frames can deviate that far from a narrow
            range.

    Returns:
        The tempo; None if there are fewer than two beats or the tempo is outside `TEMPO_RANGE`.
    """
    beats = np.asarray(times, dtype=np.float64)
    if len(beats) < 2:
        return None
    period = beat_period(beats) if period is None else period
    if not 60 / TEMPO_RANGE[1] <= period <= 60 / TEMPO_RANGE[0]:
        return None
    bpm = _within(60 / period, bpm_range)
    rounded = _within(round(bpm, 3), bpm_range)
    return Tempo(rounded, _candidates(bpm, rounded, tempo_activation), round(_stability(beats), 4))


def tempo_of_head(tempo_activation: Float, bpm_range: tuple[float, float] | None = None) -> Tempo | None:
    """Return the likeliest tempo by a tempo head alone; None if no tempo has any probability.

    Args:
        tempo_activation: probability of each whole BPM, shape (bins,).
        bpm_range: slowest and fastest tempo allowed, in BPM; None for no limits.
    """
    weights = _weights(tempo_activation)
    if bpm_range is not None:
        tempi = np.arange(len(weights))
        weights = np.where((tempi >= bpm_range[0]) & (tempi <= bpm_range[1]), weights, 0.0)
    bpm, share = _likeliest(weights)
    if share == 0:
        return None
    rounded = round(bpm, 3)
    return Tempo(rounded, _candidates(bpm, rounded, tempo_activation), None)


def _candidates(bpm: float, rounded: float, tempo_activation: Float | None) -> tuple[TempoCandidate, ...]:
    """Return a tempo and the best alternative to it, the stronger first."""
    scores = _scores(bpm, tempo_activation)
    alternative = _others(scores)[0]
    strength = round(scores[1.0] / (scores[1.0] + scores[alternative]), 3)
    candidates = [
        TempoCandidate(rounded, strength),
        TempoCandidate(round(bpm * alternative, 3), round(1 - strength, 3)),
    ]
    return tuple(sorted(candidates, key=lambda candidate: -candidate.strength))


def other_tempi(bpm: float, tempo_activation: Float | None = None) -> list[float]:
    """Return the tempi at other metrical levels, likeliest first; the first is the alternative candidate.

    Args:
        bpm: tempo of the tracked beats.
        tempo_activation: probability of each whole BPM, shape (bins,), or None.
    """
    return [bpm * ratio for ratio in _others(_scores(bpm, tempo_activation))]


def _others(scores: Mapping[float, float]) -> list[float]:
    return sorted((ratio for ratio in scores if ratio != 1.0), key=lambda ratio: -scores[ratio])


def _within(bpm: float, bpm_range: tuple[float, float] | None) -> float:
    if bpm_range is None:
        return bpm
    nearest = min(max(bpm, bpm_range[0]), bpm_range[1])
    return nearest if abs(bpm / nearest - 1) <= RANGE_TOLERANCE else bpm


def _stability(times: Float) -> float:
    intervals = np.diff(times)
    return float(np.std(intervals[intervals <= PAUSE_INTERVALS * np.median(intervals)]))


def beat_period(times: Float, fine: Float | None = None) -> float:
    """Compute the beat period of the steady part of a recording by least squares.

    Intervals near the median are steady. Each run of steady intervals is a line over the beat number with its
    own offset, and all runs share one slope, the period.

    Args:
        times: times of at least two beats in seconds, shape (beats,). They alone determine the steady
            part, so that fractions of a frame do not change it.
        fine: more exact times of the same beats for the fit, NaN for beats to leave out, shape (beats,); None
            takes `times`. If most of them are on the lines, those far off are left out.

    Returns:
        Seconds between beats.
    """
    intervals = np.diff(times)
    median = float(np.median(intervals))
    steady = np.abs(intervals - median) <= max(STEADY_SHARE * median, STEADY_SECONDS)
    if not steady.any():  # half of the intervals are long and half short, so the median is between them
        return median
    edges = np.flatnonzero(np.diff(steady, prepend=False, append=False))
    runs = [slice(start, stop + 1) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
    if fine is None:
        return _fit(times, runs)[0]
    period, errors = _fit(fine, runs)
    off = np.abs(errors) > ON_LINE_SECONDS
    if off.any() and np.nanmedian(np.abs(errors)) < ON_LINE_SECONDS / 3:
        period, _ = _fit(np.where(off, np.nan, fine), runs)
    return period if math.isfinite(period) else _fit(times, runs)[0]


def runs_of(times: Float) -> list[slice]:
    """Return the runs of beats between pauses and missing beats.

    Args:
        times: beat times in seconds, shape (beats,).

    Returns:
        Slices in order. In each, no interval is more than `GAP_INTERVALS` times the median of the intervals
        around it.
    """
    intervals = np.diff(times)
    if not len(intervals):
        return [slice(0, len(times))] if len(times) else []
    padded = np.pad(intervals, GAP_REACH, constant_values=np.nan)
    around = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * GAP_REACH + 1), axis=1)
    starts = [0, *(np.flatnonzero(intervals > GAP_INTERVALS * around) + 1).tolist()]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(times)], strict=True)]


def local_tempo(times: Float, reach: int) -> NDArray[np.float64]:
    """Compute the tempo at each beat, hardly affected by the jitter of single beats.

    The period is the median slope of all pairs of beats around a beat (Theil and Sen). Pairs never span a
    pause or a missing beat.

    Args:
        times: beat times in seconds, strictly increasing, shape (beats,).
        reach: number of beats on each side, such as those of a bar; more than 8 count as 8.

    Returns:
        Tempi in BPM, shape (beats,); NaN for single beats between pauses.
    """
    tempi = np.full(len(times), np.nan)
    reach = min(reach, LOCAL_REACH)
    offsets = np.arange(-reach, reach + 1)
    first, second = (offsets[index] for index in np.triu_indices(len(offsets), 1))
    for run in runs_of(times):
        count = run.stop - run.start
        if count < 2:
            continue
        padded = np.pad(np.asarray(times[run], np.float64), reach, constant_values=np.nan)
        centres = np.arange(count)[:, None] + reach
        slopes = (padded[centres + second] - padded[centres + first]) / (second - first)  # (beats, pairs)
        tempi[run] = 60 / np.nanmedian(slopes, axis=1)
    return tempi


def _fit(times: Float, runs: Sequence[slice]) -> tuple[float, Float]:
    """Fit one slope to runs of times; return it and the error of each time, NaN if it was not fitted."""
    numbers = np.full(len(times), np.nan)
    centred = np.full(len(times), np.nan)
    for run in runs:
        index = np.arange(run.start, run.stop)
        index = index[np.isfinite(times[index])]
        if len(index):
            numbers[index] = index - index.mean()
            centred[index] = times[index] - times[index].mean()
    variance = float(np.nansum(numbers**2))
    slope = float(np.nansum(numbers * centred)) / variance if variance > 0 else math.nan
    return slope, centred - slope * numbers


def _scores(bpm: float, tempo_activation: Float | None) -> dict[float, float]:
    preference = _normalised({r: w * _preference(bpm * r) for r, w in RATIO_WEIGHTS.items()})
    if tempo_activation is None:
        return preference
    head = _normalised({r: _head_probability(tempo_activation, bpm * r) for r in RATIO_WEIGHTS})
    if not any(head.values()):
        return preference
    return {r: (1 - HEAD_SHARE) * preference[r] + HEAD_SHARE * head[r] for r in RATIO_WEIGHTS}


def _preference(bpm: float) -> float:
    # Without the minimum, all scores of extreme tempi would be 0; with it, their weights decide.
    return max(math.exp(-((math.log(bpm / PREFERRED_BPM) / PREFERRED_SPREAD) ** 2) / 2), 1e-100)


def clear_tempo(tempo_activation: Float) -> float | None:
    """Return the tempo in BPM that has most of a tempo head's probability; None if no tempo has.

    Args:
        tempo_activation: probability of each whole BPM, shape (bins,).
    """
    bpm, share = _likeliest(_weights(tempo_activation))
    return None if share < CLEAR_SHARE else bpm


def _likeliest(weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the tempo within 4 % of which there is most probability, and that probability; 0, 0 for none."""
    reach = 1 + HEAD_TOLERANCE
    windows = [slice(math.ceil(bpm / reach), math.floor(bpm * reach) + 1) for bpm in range(1, len(weights))]
    shares = [float(weights[window].sum()) for window in windows]
    if max(shares, default=0.0) == 0.0:
        return 0.0, 0.0
    best = int(np.argmax(shares))
    window = windows[best]
    return float(np.average(np.arange(len(weights))[window], weights=weights[window])), shares[best]


def tempo_share(tempo_activation: Float, slowest: float, fastest: float) -> float:
    """Return the share of a tempo head's probability between two tempi.

    Args:
        tempo_activation: probability of each whole BPM, shape (bins,).
        slowest, fastest: tempi in BPM, both included.

    Returns:
        Share from 0 to 1; 0 if the head has no probability at all.
    """
    weights = _weights(tempo_activation)
    return float(weights[max(math.ceil(slowest), 0) : max(math.floor(fastest) + 1, 0)].sum())


def _weights(tempo_activation: Float) -> NDArray[np.float64]:
    """Return the probabilities of the bins, scaled to sum 1 unless all are 0."""
    weights: NDArray[np.float64] = np.nan_to_num(tempo_activation.astype(np.float64), posinf=0.0, neginf=0.0)
    weights = weights.clip(0, 1)
    total = weights.sum()
    return weights / total if total > 0 else weights


def _head_probability(tempo_activation: Float, bpm: float) -> float:
    reach = max(HEAD_TOLERANCE * bpm, 1.0)
    low, high = max(math.ceil(bpm - reach), 0), math.floor(bpm + reach)
    return float(np.nan_to_num(tempo_activation[low : high + 1], posinf=0.0, neginf=0.0).clip(min=0).sum())


def _normalised(scores: Mapping[float, float]) -> dict[float, float]:
    total = sum(scores.values())
    return {key: value / total if total > 0 else 0.0 for key, value in scores.items()}
