"""Beats as the peaks of the activations: fast, and free in tempo and metre, but without any sense of them."""

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

# Taken as the metre where fewer than two downbeats tell it.
_USUAL_METRE = 4
_LONGEST = 60.0  # seconds of a setting: memory grows with the window


@dataclass(frozen=True, kw_only=True)
class PeakSettings:
    """Settings of peak picking; times are in seconds, up to 60.

    threshold, downbeat_threshold: the least activation of a beat, and of a downbeat.
    window: a peak is the highest frame up to this far on either side.
    min_distance: beats are at least this far apart; of nearer ones the higher stays.
    snap: a downbeat is moved to the nearest beat up to this far away, and left out where there is none.
    refine: place peaks between frames, at the top of the parabola through the peak and its neighbours.

    Raises SettingsError where a value is out of its range.
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
    """Picks the peaks of the beat activation, and of the downbeat activation among them."""

    name = "peaks"

    def __init__(self, settings: PeakSettings | None = None) -> None:
        self.settings = PeakSettings() if settings is None else settings
        checks.instance(PeakSettings)("settings", self.settings)

    def __call__(self, activations: Activations) -> Decoding:
        """Decode one recording.

        Positions count up from each downbeat, and backwards from the first in bars of the commonest length.
        They are None where no downbeat is found, as the bar then begins nowhere.
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
        # Neighbouring frames are never two beats.
        distance = max(2, round(self.settings.min_distance * fps))
        return thin_out(local_maxima(values, window, threshold), values, distance)

    def _times(self, values: Float, frames: Int64, fps: float) -> Float64:
        places = parabola_tops(values, frames) if self.settings.refine else frames.astype(np.float64)
        return places / float(fps)


def local_maxima(values: Float, window: int, threshold: float) -> Int64:
    """Frames whose value reaches `threshold` and is the highest up to `window` frames away.

    Of equally high frames only the first counts. values: (frames,).
    """
    window = max(window, 1)
    padded = np.pad(values, window, constant_values=-np.inf)
    highest = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)
    before, after = highest[: len(values)], highest[window + 1 :]
    return np.flatnonzero((values >= threshold) & (values > before) & (values >= after))


def thin_out(peaks: Int64, values: Float, distance: int) -> Int64:
    """Drop peaks nearer than `distance` frames to a higher one that stays, of equals the later one."""
    free = np.ones(len(values), dtype=bool)
    kept = []
    for peak in peaks[np.argsort(-values[peaks], kind="stable")]:
        if free[peak]:
            kept.append(int(peak))
            free[max(0, peak - distance + 1) : peak + distance] = False
    return np.array(sorted(kept), dtype=np.int64)


def parabola_tops(values: Float, peaks: Int64) -> Float64:
    """Places, in frames, of the tops of the parabolas through each peak and its neighbours.

    They lie at most half a frame from the peak; peaks of the first and last frame stay as they are.
    """
    inner = (peaks > 0) & (peaks < len(values) - 1)
    middle = peaks[inner]
    left, top, right = (values[middle + step].astype(np.float64) for step in (-1, 0, 1))
    bend = 2 * top - left - right  # above 0, as the left one is lower
    places = peaks.astype(np.float64)
    places[inner] += (right - left) / (2 * bend)
    return places


def fine_times(times: Float64, activations: Activations) -> Float64:
    """Return times of beats with those on a peak of the beat activation placed between frames.

    A decoder sets beats on whole frames, up to half a frame early or late; the parabola through a peak and
    its neighbours tells more. Beats elsewhere stay where they are.

    Args:
        times: seconds, shape (beats,).
        activations: what the beats were found in.
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
    """Indices of the beats that lie nearest to each peak, of those at most `distance` frames away.

    peaks, beats: frames, ascending. Of two beats equally near the earlier is taken.
    """
    if len(beats) == 0 or len(peaks) == 0:
        return np.empty(0, dtype=np.int64)
    after = np.minimum(np.searchsorted(beats, peaks), len(beats) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(peaks - beats[before] <= np.abs(beats[after] - peaks), before, after)
    return np.unique(nearest[np.abs(beats[nearest] - peaks) <= distance])


def commonest_metre(first_beats: Int64) -> int:
    """The commonest number of beats between downbeats (indices among the beats); of equals the lower."""
    counts = Counter(np.diff(first_beats).tolist())
    if not counts:
        return _USUAL_METRE
    return int(min(counts, key=lambda beats: (-counts[beats], beats)))


def count_bars(first_beats: Int64, beats: int, metre: int) -> Int64:
    """Position in the bar (beats,) of every beat, 1 at each of `first_beats` (indices among the beats)."""
    index = np.arange(beats)
    bar = np.searchsorted(first_beats, index, side="right") - 1
    since = index - first_beats[np.maximum(bar, 0)]
    return np.where(bar >= 0, since, since % metre) + 1
