"""Both views of a stream, in the order in which their frames become complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from beattrack.fourier import Float32
from beattrack.harmony import Harmony
from beattrack.network.model_settings import ModelSettings
from beattrack.spectrogram import Spectrogram
from beattrack.streaming.harmony import StreamingHarmony
from beattrack.streaming.spectrogram import StreamingSpectrogram

LONGEST = 2048  # samples analysed at a time, which bounds the buffers


class Frames(NamedTuple):
    """Frames for the network.

    Attributes:
        spectrogram: magnitudes, (frames, bands); at least one frame, except at the end of the stream.
        harmony: magnitudes, (slow frames, bands): all that were completed before the first of these frames of
            the spectrogram and are not handed over yet.
    """

    spectrogram: Float32
    harmony: Float32


class StreamingViews:
    """Compute the spectrogram, and the harmony view if the network uses it, of mono samples.

    A frame of the harmony view is handed over with the first frame of the spectrogram that is completed after
    it. So the input of the network does not depend on the chunks.

    Args:
        settings: settings of the model.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings.spectrogram
        self._spectrogram = StreamingSpectrogram(Spectrogram(settings.spectrogram))
        self._harmony = None if settings.harmony is None else StreamingHarmony(Harmony(settings.harmony))
        bands = 0 if settings.harmony is None else settings.harmony.bands
        self._nothing = np.empty((0, bands), np.float32)
        self._no_frames = np.empty((0, settings.spectrogram.bands), np.float32)
        self._pending = self._nothing
        self._samples = self._frames = 0

    @property
    def delay(self) -> float:
        """Seconds from the time of a frame of the spectrogram to its last sample: half a window."""
        return self._settings.frame_size / 2 / self._settings.sample_rate

    def process(self, samples: Float32) -> Iterator[Frames]:
        """Yield the frames that the next samples complete, in order.

        Args:
            samples: mono samples at the sample rate of the model, shape (samples,), of any length.
        """
        while len(samples):
            count = LONGEST
            if self._harmony is not None:
                count = min(count, self._harmony.next_stop - self._samples)
            part, samples = samples[:count], samples[count:]
            self._samples += len(part)
            frames = self._spectrogram.process(part)
            slow = self._nothing if self._harmony is None else self._harmony.process(part)
            if len(frames):
                self._frames += len(frames)
                yield Frames(frames, self._pending)
                self._pending = self._nothing
            if len(slow):
                self._pending = np.concatenate([self._pending, slow])

    def finish(self) -> Iterator[Frames]:
        """Yield the rest of the frames, which extend into silence after the last sample.

        The last item may hold frames of the harmony view alone.
        """
        rest = self._settings.frames(self._samples) - self._frames
        for frames, harmony in self.process(np.zeros(self._settings.frame_size // 2, np.float32)):
            if rest > 0:
                yield Frames(frames[:rest], harmony)
            rest -= len(frames)
        if len(self._pending):
            yield Frames(self._no_frames, self._pending)
            self._pending = self._nothing
