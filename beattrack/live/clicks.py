"""Clicks on the predicted beats, played through sounddevice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.audio.base import Piece
from beattrack.decoding.online import OnlineBeat
from beattrack.live.click_player import Backing, ClickPlayer
from beattrack.live.output import Moment
from beattrack.live.portaudio import choose, portaudio_errors, sounddevice
from beattrack.live.prediction import Prediction
from beattrack.live.source import LiveSource

PURPOSE = "--click"
SPARE_SECONDS = 0.05  # that music waits beyond the latency of the output, in case a chunk comes late
BACKING_SECONDS = 3.0
MOST_SLIP = 0.05  # seconds; more between the music and the clock, and the music jumps


class ClickOutput:
    """Play clicks on the system's default output.

    Args:
        source: the stream that is tracked. A recording is played under the clicks, because nobody else
            plays it.

    Attributes:
        source: the stream to track instead of `source`.

    Raises:
        AudioError: if there is no sound output, or it cannot be used.
        MissingExtraError: if sounddevice is not installed.
    """

    def __init__(self, source: LiveSource, clock: Callable[[], float] = time.monotonic) -> None:
        sd = sounddevice(PURPOSE)
        device = choose("output", None, PURPOSE)
        rate = source.sample_rate if source.recorded else device.sample_rate
        self._mix = ClickMix(rate, clock, backed=source.recorded)
        self._open = ExitStack()
        with portaudio_errors(device.name):
            stream = self._open.enter_context(
                sd.OutputStream(
                    device=device.index,
                    samplerate=rate,
                    channels=1,
                    dtype="float32",
                    latency="low",
                    callback=self._mix.fill,
                )
            )
        self._mix.latency = float(stream.latency)
        self.source = (
            self._mix.backed(source, self._mix.latency + SPARE_SECONDS) if source.recorded else source
        )

    def beat(self, beat: OnlineBeat) -> None:
        """Do nothing; the clicks follow the predictions."""

    def update(self, moment: Moment) -> None:
        """Follow the prediction of this moment."""
        self._mix.update(moment)

    def close(self) -> None:
        """Stop playing."""
        self._open.close()


class ClickMix:
    """What is played: clicks, and music under them if there is any.

    Args:
        sample_rate: sample rate of the output in Hz.
        clock: returns the time in seconds, as that of the moments.
        backed: whether there is music.

    Attributes:
        latency: seconds until samples are heard, for systems that do not report it with each block.
    """

    def __init__(self, sample_rate: float, clock: Callable[[], float], *, backed: bool) -> None:
        self._rate, self._clock = sample_rate, clock
        self._player = ClickPlayer(sample_rate)
        self._backing = Backing(sample_rate, BACKING_SECONDS) if backed else None
        self._offset: float | None = None  # of the stream, by the clock
        self._played: float | None = None  # seconds of the music
        self.latency = 0.0

    def backed(self, source: LiveSource, delay: float) -> LiveSource:
        """Return a source whose chunks are also played, `delay` seconds after they come."""
        return replace(source, chunks=self._tapped(source.chunks), latency=source.latency - delay)

    def update(self, moment: Moment) -> None:
        """Follow the prediction of this moment."""
        self._offset = moment.offset
        # With music, the clicks are placed in it; the clock only tells when it began.
        self._player.follow(Prediction.at(replace(moment, offset=0.0) if self._backing else moment))

    def fill(self, out: NDArray[np.float32], count: int, times: Any, status: object) -> None:
        """Fill a block, (samples, 1), for PortAudio."""
        ahead = times.outputBufferDacTime - times.currentTime
        now = self._clock() + (ahead if 0 < ahead < 1 else self.latency)
        out[:, 0] = self.render(now, count)

    def render(self, now: float, count: int) -> NDArray[np.float32]:
        """Return the samples, (count,), of which the first is heard at `now` by the clock."""
        if self._backing is None:
            return self._player.render(now, count)
        if self._offset is None:
            return np.zeros(count, np.float32)
        right = now - self._offset
        if self._played is None or abs(self._played - right) > MOST_SLIP:
            self._played = right
        played, self._played = self._played, self._played + count / self._rate
        music = self._backing.render(played, count)
        mixed = music + self._player.render(played, count)
        return np.clip(mixed, -1, 1, out=mixed)

    def _tapped(self, chunks: Iterator[Piece]) -> Iterator[Piece]:
        for chunk in chunks:
            if self._backing is not None:
                self._backing.add(chunk)
            yield chunk
