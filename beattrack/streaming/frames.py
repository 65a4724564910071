"""Overlapping frames of a stream, each computed as soon as its last sample is there."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from beattrack.fourier import Float32

ROOM = 2048  # samples that the buffer holds beside those of one frame


class StreamingFrames(ABC):
    """A view of a stream. Every frame is computed by itself, so the result is the same whatever the chunks.

    Args:
        bands: bands of a frame.
        longest: most samples that a frame depends on.
    """

    def __init__(self, bands: int, longest: int) -> None:
        self._bands = bands
        self._buffer = np.zeros(longest + ROOM, np.float32)
        self._frame = 0  # the next frame
        self._origin = self._reach(0)[0]  # position of the first sample in the buffer; silence before 0
        self._end = 0

    @abstractmethod
    def _reach(self, frame: int) -> tuple[int, int]:
        """Return the positions of the first sample that a frame depends on, and after the last."""

    @abstractmethod
    def _compute(self, samples: Float32, frame: int) -> Float32:
        """Return a frame, shape (1, bands), from the samples that it depends on."""

    @property
    def next_stop(self) -> int:
        """Number of samples of the stream with which the next frame is complete."""
        return self._reach(self._frame)[1]

    def process(self, samples: Float32) -> Float32:
        """Return the frames that the next samples complete.

        Args:
            samples: mono samples at the settings' sample rate, shape (samples,), of any length.

        Returns:
            Magnitudes of shape (frames, bands), float32.
        """
        frames = [np.empty((0, self._bands), np.float32)]
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
            start, stop = (place - self._origin for place in self._reach(self._frame))
            frames.append(self._compute(self._buffer[start:stop], self._frame))
            self._frame += 1
        done = min(self._reach(self._frame)[0], self._end) - self._origin
        if done > 0:
            kept = self._end - self._origin - done
            self._buffer[:kept] = self._buffer[done : done + kept]
            self._origin += done
        return frames
