"""Peak picking, a fast decoder with no model of tempo and metre."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations, Float
from beattrack.decoding.base import Decoding, probabilities
from beattrack.runtime import checks

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Metre if there are fewer than two downbeats.
_USUAL_METRE = 4
_LONGEST = 60.0  # seconds; memory grows with the window


@dataclass(frozen=True, kw_only=True)
class PeakSettings:
    """Settings of peak picking. Times are in seconds, from 0 to 60.

    Attributes:
        threshold: least activation of a beat, 0 to 1.
        downbeat_threshold: least activation of a downbeat, 0 to 1.
        window: a peak is the highest frame within this time on both sides.
        min_distance: least time between beats; of closer beats the highest is kept.
        snap: a downbeat is moved to the nearest beat within this time, and left out if there is none.
        refine: place peaks between frames, at the top of the parabola through the peak and its neighbours.

    Raises:
        SettingsError: if a value is out of range.
    """

    threshold: float = 0.1
    downbeat_threshold: float = 0.1
    window: float = 0.07
    min_distance: float = 0.2
    snap: float = 0.1
    refine: bool = False

    def __post_init__(self) -> None:
        thresholds = dict.fromkeys(("threshold", "downbeat_threshold"), checks.between(0, 1, low_open=True))
        seconds = dict.fromkeys(("window", "min_distance", "snap"), checks.between(0, _LONGEST))
        checks.apply(self, {**thresholds, **seconds, "refine": checks.flag()})


class PeakDecoder:
    """Decoder that picks the peaks of the beat activation, and moves downbeat peaks to the nearest of them.

    Args:
        settings: settings of peak picking; None takes the defaults.
    """

    name = "peaks"

    def __init__(self, settings: PeakSettings | None = None) -> None:
        self.settings = PeakSettings() if settings is None else settings
        checks.instance(PeakSettings)("settings", self.settings)

    def __call__(self, activations: Activations) -> Decoding:
        """Compute the beats of a recording.

        Positions count up from each downbeat, and back from the first one in bars of the most common length.
        They are None if no downbeat is found.

        Args:
            activations: activations of the recording.
        """
        beats = probabilities(activations.beats)
        frames = self._pick(beats, self.settings.threshold, activations.fps)
        times = self._times(beats, frames, activations.fps)
        if activations.downbeats is None:
            return Decoding(times=times, on_peaks=True)
        downbeats = probabilities(activations.downbeats)
        peaks = self._pick(downbeats, self.settings.downbeat_threshold, activations.fps)
        first_beats = snap(peaks, frames, self.settings.snap * activations.fps)
        if len(first_beats) == 0:
            return Decoding(times=times, on_peaks=True) if len(times) else Decoding.empty(bars=True)
        metre = commonest_metre(first_beats)
        positions = count_bars(first_beats, len(times), metre)
        return Decoding(times=times, positions=positions, beats_per_bar=metre, on_peaks=True)

    def _pick(self, values: Float, threshold: float, fps: float) -> Int64:
        window = round(self.settings.window * fps)
        # Two beats are never on neighbouring frames.
        distance = max(2, round(self.settings.min_distance * fps))
        return thin_out(local_maxima(values, window, threshold), values, distance)

    def _times(self, values: Float, frames: Int64, fps: float) -> Float64:
        places = parabola_tops(values, frames) if self.settings.refine else frames.astype(np.float64)
        return places / float(fps)


def local_maxima(values: Float, window: int, threshold: float) -> Int64:
    """Return the frames with the highest value within a window, the first of equally high ones.

    Args:
        values: values of shape (frames,).
        window: frames on both sides that a value is compared with, at least 1.
        threshold: least value.
    """
    window = max(window, 1)
    padded = np.pad(values, window, constant_values=-np.inf)
    highest = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)
    before, after = highest[: len(values)], highest[window + 1 :]
    return np.flatnonzero((values >= threshold) & (values > before) & (values >= after))


def thin_out(peaks: Int64, values: Float, distance: int) -> Int64:
    """Return the peaks without those too close to a higher peak that is kept, or to an equal, earlier one.

    Args:
        peaks: frames, ascending.
        values: values of all frames, shape (frames,).
        distance: least distance of two peaks in frames.
    """
    free = np.ones(len(values), dtype=bool)
    kept = []
    for peak in peaks[np.argsort(-values[peaks], kind="stable")]:
        if free[peak]:
            kept.append(int(peak))
            free[max(0, peak - distance + 1) : peak + distance] = False
    return np.array(sorted(kept), dtype=np.int64)


def parabola_tops(values: Float, peaks: Int64) -> Float64:
    """Compute the tops of the parabolas through each peak and its neighbours.

    Args:
        values: values of all frames, shape (frames,).
        peaks: frames of peaks that are higher than the frame before and at least as high as the frame after.

    Returns:
        Positions in frames, at most half a frame from the peak, shape (peaks,). Peaks at the first and last
        frame are not moved.
    """
    inner = (peaks > 0) & (peaks < len(values) - 1)
    middle = peaks[inner]
    left, top, right = (values[middle + step].astype(np.float64) for step in (-1, 0, 1))
    bend = 2 * top - left - right  # above 0, because the left value is lower
    places = peaks.astype(np.float64)
    places[inner] += (right - left) / (2 * bend)
    return places


def fine_times(times: Float64, activations: Activations) -> Float64:
    """Return beat times, with beats on a peak of the activation moved to the top of its parabola.

    This corrects errors of up to half a frame by decoders that place beats on whole frames. Other beats are
    not moved.

    Args:
        times: beat times in seconds, shape (beats,).
        activations: activations that the beats were decoded from.

    Returns:
        Times in seconds, shape (beats,).
    """
    values = probabilities(activations.beats)
    frames = np.rint(times * activations.fps).astype(np.int64)
    inner = (frames > 0) & (frames < len(values) - 1) & (np.abs(times * activations.fps - frames) < 1e-6)
    left, middle, right = (values[frames[inner] + step] for step in (-1, 0, 1))
    inner[inner] = (middle >= left) & (middle >= right) & (middle + middle > left + right)
    fine = np.array(times, dtype=np.float64)
    fine[inner] = parabola_tops(values, frames[inner]) / float(activations.fps)
    return fine


def snap(peaks: Int64, beats: Int64, distance: float) -> Int64:
    """Return the indices of the beats nearest to each peak, the earlier of two equally near ones.

    Args:
        peaks, beats: frames, ascending.
        distance: largest distance of a peak and its beat in frames; other peaks have no beat.
    """
    if len(beats) == 0 or len(peaks) == 0:
        return np.empty(0, dtype=np.int64)
    after = np.minimum(np.searchsorted(beats, peaks), len(beats) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(peaks - beats[before] <= np.abs(beats[after] - peaks), before, after)
    return np.unique(nearest[np.abs(beats[nearest] - peaks) <= distance])


def commonest_metre(first_beats: Int64) -> int:
    """Return the most common number of beats between downbeats, the lowest of equally common ones.

    Args:
        first_beats: indices of the downbeats among the beats, ascending.
    """
    counts = Counter(np.diff(first_beats).tolist())
    if not counts:
        return _USUAL_METRE
    return int(min(counts, key=lambda beats: (-counts[beats], beats)))


def count_bars(first_beats: Int64, beats: int, metre: int) -> Int64:
    """Compute the position of every beat in its bar.

    Args:
        first_beats: indices of the downbeats among the beats, ascending, at least one.
        beats: number of beats.
        metre: beats per bar before the first downbeat.

    Returns:
        Positions of shape (beats,), 1 at each downbeat.
    """
    index = np.arange(beats)
    bar = np.searchsorted(first_beats, index, side="right") - 1
    since = index - first_beats[np.maximum(bar, 0)]
    return np.where(bar >= 0, since, since % metre) + 1
