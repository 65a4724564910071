"""The spectrogram of a stream, frame by frame."""

from __future__ import annotations

import numpy as np

from beattrack.fourier import Float32
from beattrack.spectrogram import Spectrogram

ROOM = 2048  # samples that the buffer holds beside one window


class StreamingSpectrogram:
    """Compute each frame as soon as its last sample is there.

    Every frame is computed by itself, so that the result is the same whatever the chunks. It is that of
    `Spectrogram` but for rounding.

    Args:
        spectrogram: the spectrogram to compute.
    """

    def __init__(self, spectrogram: Spectrogram) -> None:
        self._spectrogram = spectrogram
        self._work = spectrogram.workspace(1)
        self._buffer = np.zeros(spectrogram.settings.frame_size + ROOM, np.float32)
        self._frame = 0  # the next frame
        self._origin = spectrogram.start(0)  # position of the first sample in the buffer; silence before 0
        self._end = 0

    def process(self, samples: Float32) -> Float32:
        """Return the frames that the next samples complete.

        Args:
            samples: mono samples at the settings' sample rate, shape (samples,), of any length.

        Returns:
            Magnitudes of shape (frames, bands), float32.
        """
        frames = [np.empty((0, self._spectrogram.settings.bands), np.float32)]
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
        spectrogram, frames = self._spectrogram, []
        while spectrogram.stop(self._frame) <= self._end:
            out = np.empty((1, spectrogram.settings.bands), np.float32)
            frames.append(spectrogram.analyse(self._work, self._buffer, self._origin, self._frame, out))
            self._frame += 1
        done = min(spectrogram.start(self._frame), self._end) - self._origin
        if done > 0:
            kept = self._end - self._origin - done
            self._buffer[:kept] = self._buffer[done : done + kept]
            self._origin += done
        return frames
