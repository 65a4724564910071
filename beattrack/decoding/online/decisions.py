"""When to report a beat, and as which beat of the bar.

At each frame, the posterior tells how probable a beat is within the tolerance of the metric, before or after
the frame, and when that beat is expected. A beat is reported at the first frame at which it is probable
enough and its expected time has come. Because beats that are still to come count too, a beat in a steady
rhythm is reported on time even if it is not heard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.online.expectation import dominant_tempo
from beattrack.decoding.online.filter import ForwardFilter
from beattrack.decoding.online.results import OnlineBeat
from beattrack.decoding.online.settings import OnlineSettings

Float64 = NDArray[np.float64]


class Decisions:
    """Reporter of beats.

    Args:
        posterior: the filter.
        settings: settings of the decoder.
        fps: frames per second.
        bars: whether beats have positions.
    """

    def __init__(self, posterior: ForwardFilter, settings: OnlineSettings, fps: float, *, bars: bool) -> None:
        self._posterior = posterior
        self._settings = settings
        self._fps = fps
        self._bars = bars
        # At least one frame, and not so many that two beats of the fastest tempo are in reach.
        reach = max(round(settings.tolerance * fps), 1)
        self._reach = min(reach, (posterior.model.space.shortest - 1) // 2)
        self._wait = settings.wait * fps
        self._offsets = np.arange(-self._reach, self._reach + 1)  # frames since the beat; negative: to come
        self.reset()

    def reset(self) -> None:
        """Return to the state before the first beat."""
        self._last = -np.inf  # frame of the last beat

    def decide(self, frame: int) -> OnlineBeat | None:
        """Return the beat to be reported after a frame, or None.

        Args:
            frame: index of the frame.
        """
        posterior, settings = self._posterior, self._settings
        coming = posterior.coming(self._reach)[::-1]  # (frames, intervals, places)
        recent = posterior.recent(self._reach + 1)
        places = np.concatenate([coming.sum(axis=1) @ posterior.model.place_steps, recent.sum(axis=1)])
        by_offset = places.sum(axis=1)
        hit = float(by_offset.sum())
        if hit < settings.threshold:
            return None
        since = float(self._offsets @ by_offset) / hit
        if since < self._wait:
            return None
        by_interval = coming.sum(axis=(0, 2)) + recent.sum(axis=(0, 2))
        interval, _ = dominant_tempo(by_interval, posterior.model.space.intervals)
        beat = max(frame - since, 0.0)
        if beat - self._last < settings.refractory * interval:
            return None
        self._last = beat
        return OnlineBeat(
            time=beat / self._fps,
            position=self._position(places.sum(axis=0)) if self._bars else None,
            bpm=60.0 * self._fps / interval,
            confidence=min(hit, 1.0),
            reported=frame / self._fps,
        )

    def _position(self, by_place: Float64) -> int:
        """Return the position of the most probable place."""
        return int(self._posterior.model.space.number[by_place.argmax()]) + 1
