"""The harmony view of a stream, frame by frame."""

from __future__ import annotations

import numpy as np

from beattrack.fourier import Float32
from beattrack.harmony import Harmony

ROOM = 2048  # samples that the buffer holds beside those of one frame


class StreamingHarmony:
    """Compute each frame of the harmony view as soon as its last sample is there.

    With the default settings that is 0.19 s after the time of the frame: half a window, and 2 ms for the
    filter of the decimation. The frames are those of `Harmony` but for rounding, whatever the chunks.

    Args:
        harmony: the view to compute.
    """

    def __init__(self, harmony: Harmony) -> None:
        self._harmony = harmony
        self._work = harmony.workspace(1)
        self._frame = 0  # the next frame
        self._origin = harmony.reach(0)[0]  # position of the first sample in the buffer; silence before 0
        longest = max(stop - start for start, stop in map(harmony.reach, range(64)))
        self._buffer = np.zeros(longest + ROOM, np.float32)
        self._end = 0

    @property
    def next_stop(self) -> int:
        """Number of samples of the stream with which the next frame is complete."""
        return self._harmony.reach(self._frame)[1]

    def process(self, samples: Float32) -> Float32:
        """Return the frames that the next samples complete.

        Args:
            samples: mono samples at the settings' sample rate, shape (samples,), of any length.

        Returns:
            Magnitudes of shape (frames, bands), float32.
        """
        frames = [np.empty((0, self._harmony.settings.bands), np.float32)]
        while len(samples):
            filled = self._end - self._origin
            taken = samples[: len(self._buffer) - filled]
            samples = samples[len(taken) :]
            self._buffer[filled : filled + len(taken)] = taken
            self._end += len(taken)
            frames += self._complete()
        return np.concatenate(frames)

    def _complete(self) -> list[Float32]:
        """Compute the frames whose samples are there, and drop samples that no other frame needs."""
        frames = []
        while self.next_stop <= self._end:
            start, stop = (place - self._origin for place in self._harmony.reach(self._frame))
            frames.append(self._harmony.analyse_frame(self._work, self._buffer[start:stop], self._frame))
            self._frame += 1
        done = min(self._harmony.reach(self._frame)[0], self._end) - self._origin
        if done > 0:
            kept = self._end - self._origin - done
            self._buffer[:kept] = self._buffer[done : done + kept]
            self._origin += done
        return frames
