"""Lines of beats: the beat period and the offset that fit the times of beats, in spite of misplaced ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.tempo import beat_period, local_tempo

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

START_BEATS = 16  # the line grows from the steadiest stretch of so many beats
REFITS = 10
# Beats this many standard deviations off the line, by the median deviation, are left out of the fit.
DEVIATIONS = 4.0
LEAST_DEVIATION = 0.005  # seconds; half a frame

# A beat further than this share of a period from the expected place does not count as the next one.
EXPECTED = 0.25
# So many unexpected beats at even distances are the music going on elsewhere, such as after a cut.
RESTART_BEATS = 4
REACH = 4  # beats on each side for the local tempo


@dataclass(frozen=True)
class Line:
    """Evenly spaced beats.

    Attributes:
        period: seconds between beats.
        offset: time of beat number 0 in seconds.
    """

    period: float
    offset: float

    def at(self, numbers: Int64) -> Float64:
        """Return the times of beats, given their numbers."""
        return np.asarray(self.offset + self.period * numbers, dtype=np.float64)

    def numbers(self, times: Float64) -> Int64:
        """Return the number of the nearest beat for each time."""
        return np.rint((times - self.offset) / self.period).astype(np.int64)


def fitted(numbers: Int64, times: Float64) -> Line:
    """Return the least-squares line through at least two beats of different numbers, both shape (n,)."""
    mean_number, mean_time = numbers.mean(), times.mean()
    centred = numbers - mean_number
    period = float(centred @ (times - mean_time) / (centred @ centred))
    return Line(period, float(mean_time - period * mean_number))


def one_line(times: Float64) -> Line | None:
    """Fit one line to beats of which some may be misplaced, missing or too many.

    The line grows: it begins with the steadiest stretch of beats, whose numbers are certain, and is fitted
    again to twice as many beats until it spans all of them.

    Args:
        times: beat times in seconds, strictly increasing, shape (beats,).

    Returns:
        The line; None if there are too few beats or no steady stretch.
    """
    if len(times) < START_BEATS // 2:
        return None
    period = beat_period(times)
    first, stop = _steadiest(times, period)
    numbers = np.rint((times[first:stop] - times[first]) / period).astype(np.int64)
    if numbers[-1] < 1:
        return None
    line = _refitted(times[first:stop], Line(period, float(times[first])))
    while line is not None and (first > 0 or stop < len(times)):
        length = stop - first
        first, stop = max(first - length // 2, 0), min(stop + length // 2, len(times))
        line = _refitted(times[first:stop], line)
    return line


def _steadiest(times: Float64, period: float) -> tuple[int, int]:
    """Return the stretch of beats whose intervals are nearest to a period."""
    count = min(START_BEATS, len(times))
    errors = np.minimum(np.abs(np.diff(times) - period), period)
    sums = np.convolve(errors, np.ones(count - 1), mode="valid")
    first = int(sums.argmin())
    return first, first + count


def _refitted(times: Float64, line: Line) -> Line | None:
    """Return the line through these beats that is nearest to a given one, without the beats far off it."""
    for _ in range(REFITS):
        numbers = line.numbers(times)
        kept = on_line(times, line)
        if not kept.any() or numbers[kept].min() == numbers[kept].max():
            return None
        again = fitted(numbers[kept], times[kept])
        if not 0.5 * line.period < again.period < 2 * line.period:
            return None
        if again == line:
            break
        line = again
    return line


def on_line(times: Float64, line: Line) -> Mask:
    """Return which beats are near the line, judged by their median distance; one for each number."""
    numbers = line.numbers(times)
    errors = np.abs(times - line.at(numbers))
    usual = 1.4826 * float(np.median(errors))
    return nearest_ones(numbers, errors) & (errors <= max(DEVIATIONS * usual, LEAST_DEVIATION))


def nearest_ones(numbers: Int64, errors: Float64) -> Mask:
    """Return the beat with the least error for each number, as a mask of shape (beats,)."""
    order = np.lexsort((errors, numbers))
    first = np.diff(numbers[order], prepend=numbers[order][:1] - 1) != 0
    kept = np.zeros(len(numbers), dtype=bool)
    kept[order[first]] = True
    return kept


def counted_beats(times: Float64) -> tuple[Int64, Mask]:
    """Number beats of any tempo, missing ones included.

    Args:
        times: beat times in seconds, strictly increasing, shape (beats,).

    Returns:
        The number of each beat, and which beats count: those too many or misplaced by more than a quarter of
        a period do not. Both of shape (beats,).
    """
    tempi = local_tempo(times, REACH)
    known = tempi[np.isfinite(tempi)]
    usual = float(np.median(known)) if len(known) else 120.0
    periods = (60 / np.where(np.isfinite(tempi), tempi, usual)).tolist()
    numbers, kept = np.zeros(len(times), dtype=np.int64), np.zeros(len(times), dtype=bool)
    kept[:1] = True
    anchor, waiting = 0, list[int]()
    seconds = times.tolist()
    for index in range(1, len(seconds)):
        steps = (seconds[index] - seconds[anchor]) / periods[index]
        if round(steps) >= 1 and abs(steps - round(steps)) <= EXPECTED:
            numbers[index], kept[index] = numbers[anchor] + round(steps), True
            anchor, waiting = index, []
            continue
        if waiting and abs((seconds[index] - seconds[waiting[-1]]) / periods[index] - 1) > EXPECTED:
            waiting = []
        waiting.append(index)
        if len(waiting) == RESTART_BEATS:
            steps = (seconds[waiting[0]] - seconds[anchor]) / periods[index]
            numbers[waiting] = numbers[anchor] + max(1, round(steps)) + np.arange(RESTART_BEATS)
            kept[waiting] = True
            anchor, waiting = index, []
    return numbers, kept
