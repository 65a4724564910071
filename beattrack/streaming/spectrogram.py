"""The spectrogram of a stream, frame by frame."""

from __future__ import annotations

import numpy as np

from beattrack.fourier import Float32
from beattrack.spectrogram import Spectrogram
from beattrack.streaming.frames import StreamingFrames


class StreamingSpectrogram(StreamingFrames):
    """Compute each frame of the spectrogram as soon as its last sample is there.

    The frames are those of `Spectrogram` but for rounding, whatever the chunks.

    Args:
        spectrogram: the spectrogram to compute.
    """

    def __init__(self, spectrogram: Spectrogram) -> None:
        self._spectrogram = spectrogram
        self._work = spectrogram.workspace(1)
        super().__init__(spectrogram.settings.bands, spectrogram.settings.frame_size)

    def _reach(self, frame: int) -> tuple[int, int]:
        return self._spectrogram.start(frame), self._spectrogram.stop(frame)

    def _compute(self, samples: Float32, frame: int) -> Float32:
        out = np.empty((1, self._spectrogram.settings.bands), np.float32)
        return self._spectrogram.analyse(self._work, samples, self._spectrogram.start(frame), frame, out)
