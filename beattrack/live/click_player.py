"""The sound of the predicted beats, block by block, and under them the music of a file that is played."""

from __future__ import annotations

import threading
from collections import deque
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from beattrack.audio.base import Piece
from beattrack.audio.mixing import signed_mean
from beattrack.live.prediction import Prediction
from beattrack.sonify.clicks import BEAT_HZ, DOWNBEAT_HZ, click_sound

Float32: TypeAlias = NDArray[np.float32]

LEAST_CONFIDENCE = 0.3  # of a prediction; less probable beats do not click
GAIN = 0.5  # of the clicks, so that two that overlap do not clip
LEAST_BEATS = 0.5  # beats between two clicks, even if the prediction jumps
LATE = 0.03  # seconds; a beat that is predicted no later than this after its time still clicks


class ClickPlayer:
    """Render clicks on the predicted beats; `follow` and `render` may be called from different threads.

    Args:
        sample_rate: sample rate of the output in Hz.
    """

    def __init__(self, sample_rate: float) -> None:
        self._rate = sample_rate
        self._sounds = [GAIN * click_sound(hertz, sample_rate) for hertz in (BEAT_HZ, DOWNBEAT_HZ)]
        self._prediction: Prediction | None = None
        self._last = -np.inf  # time of the last click
        self._tail = np.empty(0, np.float32)  # of a click that began in an earlier block
        self._lock = threading.Lock()

    def follow(self, prediction: Prediction | None) -> None:
        """Click on the beats of another prediction from now on."""
        unsure = prediction is not None and prediction.confidence < LEAST_CONFIDENCE
        with self._lock:
            self._prediction = None if unsure else prediction

    def render(self, time: float, count: int) -> Float32:
        """Return the next samples.

        Args:
            time: when the first of them will be heard, by the clock of the predictions.
            count: number of samples.

        Returns:
            Samples with full scale 1, shape (count,).
        """
        with self._lock:
            prediction = self._prediction
        block = np.zeros(count, np.float32)
        self._tail = _added(block, 0, self._tail)
        while prediction is not None:
            earliest = max(time - LATE, self._last + LEAST_BEATS * prediction.period)
            prediction = prediction.from_time(earliest)
            place = round((prediction.time - time) * self._rate)
            if place >= count:
                break
            self._tail = _added(block, place, self._sounds[prediction.position == 1])
            self._last = prediction.time
        return block


class Backing:
    """Music that waits to be heard.

    Args:
        sample_rate: sample rate of the music and the output in Hz.
        seconds: longest time that it waits.
    """

    def __init__(self, sample_rate: float, seconds: float) -> None:
        self._rate, self._most = sample_rate, round(seconds * sample_rate)
        self._blocks: deque[tuple[int, Float32]] = deque()  # (first sample, mono samples)
        self._end = 0
        self._lock = threading.Lock()

    def add(self, piece: Piece) -> None:
        """Add the next samples, (samples, channels), as stored."""
        mono = signed_mean(piece, (1,) * piece.shape[1])
        with self._lock:
            self._blocks.append((self._end, np.nan_to_num(mono, posinf=0.0, neginf=0.0)))
            self._end += len(mono)
            # The last piece may be long, and none of it has been heard yet.
            while self._blocks[0][0] + len(self._blocks[0][1]) < self._end - len(mono) - self._most:
                self._blocks.popleft()

    def render(self, seconds: float, count: int) -> Float32:
        """Return `count` samples from `seconds` of the music on; silence if there are none."""
        first = round(seconds * self._rate)
        result = np.zeros(count, np.float32)
        with self._lock:
            blocks = list(self._blocks)
        for start, block in blocks:
            begin, end = max(start, first), min(start + len(block), first + count)
            if begin < end:
                result[begin - first : end - first] = block[begin - start : end - start]
        return result


def _added(block: Float32, place: int, sound: Float32) -> Float32:
    """Add a sound to a block from a place on, and return the part that does not fit."""
    place = max(place, 0)
    inside = sound[: len(block) - place]
    block[place : place + len(inside)] += inside
    return sound[len(inside) :]
