"""Track the beats of a stream: from chunks of samples to beats, through all stages as the music plays."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from beattrack.audio.base import AudioWarning
from beattrack.audio.reading import MAX_CHANNELS
from beattrack.decoding.online import OnlineBeat, OnlineDecoder, OnlineSettings, OnlineState
from beattrack.errors import AudioError, SettingsError
from beattrack.fourier import Float32
from beattrack.network.streaming import load_streaming_network
from beattrack.registry import Model, find
from beattrack.runtime import checks
from beattrack.streaming.mixing import StreamingMixer
from beattrack.streaming.parts import CausalNetwork, Decoding
from beattrack.streaming.resampling import StreamingResampler
from beattrack.streaming.views import StreamingViews

DEFAULT_MODEL = "tcn-causal"


class StreamTracker:
    """Tracker of the beats of a stream.

    Samples come in chunks of any size, even single ones. The beats do not depend on how the stream is cut.
    Time and memory for a chunk do not grow with the length of the stream.

    Args:
        model: name of a shipped causal model, path of a model file, a `Model` of the registry, or a loaded
            streaming network.
        decoder: an online decoder; None makes one with `options`.
        sample_rate: sample rate of the chunks in Hz.
        channels: number of channels of the chunks.
        options: settings of the decoder, such as `min_bpm`; see `OnlineSettings`.

    Raises:
        SettingsError: if an option is out of range or unknown to the decoder.
        ModelError: if the model is missing, damaged or not causal.
        AudioError: if the sample rate is not supported.
    """

    _finished: bool
    _warned: bool

    def __init__(
        self,
        model: str | os.PathLike[str] | Model | CausalNetwork = DEFAULT_MODEL,
        decoder: Decoding | None = None,
        *,
        sample_rate: float,
        channels: int = 1,
        **options: Any,
    ) -> None:
        self.sample_rate: float = checks.positive()("sample_rate", sample_rate)
        self.channels: int = checks.between(1, MAX_CHANNELS, whole=True)("channels", channels)
        self.network = _loaded(model)
        fps = float(self.network.settings.spectrogram.fps)
        if decoder is not None and options:
            names = ", ".join(options)
            raise SettingsError(
                f"{names} cannot be combined with a decoder object; pass settings to that decoder"
            )
        self.decoder = OnlineDecoder(_settings(options), fps=fps) if decoder is None else decoder
        self._start()

    @property
    def delay(self) -> float:
        """Seconds from a sound to the moment when its activation can be computed.

        These are the delay of the resampler, half a window, and the look-ahead of the network. Frames come in
        steps of 10 ms, which adds 5 ms on average. The decoder's decision is not included.
        """
        fps = self.network.settings.spectrogram.fps
        return self._resampler.delay + self._views.delay + self.network.look_ahead / fps

    @property
    def state(self) -> OnlineState:
        """Tempo, metre, position and the predicted next beat, as of the last chunk."""
        return self.decoder.state

    @property
    def seconds(self) -> float:
        """Duration of the stream so far."""
        return self._samples / self.sample_rate

    def process(self, chunk: ArrayLike) -> list[OnlineBeat]:
        """Track the next samples.

        Args:
            chunk: shape (samples,) or (samples, channels), of any length: floats with full scale 1, or int8,
                int16, int32 or uint8 with the full scale of their type.

        Returns:
            The beats that are reported with these samples; often none.

        Raises:
            AudioError: if the chunk has another shape or type, or if the stream was finished.

        Warns:
            AudioWarning: once, if samples are not finite. They count as silence.
        """
        if self._finished:
            raise AudioError("the stream is finished; call reset() before the next one")
        mono = self._mixer.process(chunk)
        self._samples += len(mono)
        if self._mixer.damaged and not self._warned:
            self._warned = True
            warnings.warn("samples that are not finite were set to 0", AudioWarning, stacklevel=2)
        return self._track(self._resampler.process(mono))

    def finish(self) -> list[OnlineBeat]:
        """Track what remains at the end of the stream, and return the beats that are reported with it."""
        if self._finished:
            return []
        beats = self._track(self._resampler.finish())
        self._finished = True
        rest = np.empty((0, 0), np.float32)
        for spectrogram, harmony in self._views.finish():
            if len(spectrogram):
                beats += self.decoder.process(*self.network.process(spectrogram, harmony))
            else:
                rest = harmony
        return beats + self.decoder.process(*self.network.finish(rest))

    def reset(self) -> None:
        """Return to the state before the first chunk, for another stream with the same sample rate."""
        self.network.reset()
        self.decoder.reset()
        self._start()

    def _start(self) -> None:
        settings = self.network.settings
        self._mixer = StreamingMixer(self.channels)
        self._resampler = StreamingResampler(self.sample_rate, settings.spectrogram.sample_rate)
        self._views = StreamingViews(settings)
        self._samples = 0
        self._finished = False
        self._warned = False

    def _track(self, mono: Float32) -> list[OnlineBeat]:
        beats: list[OnlineBeat] = []
        for spectrogram, harmony in self._views.process(mono):
            beats += self.decoder.process(*self.network.process(spectrogram, harmony))
        return beats


def stream(
    chunks: Iterable[ArrayLike],
    sample_rate: float,
    *,
    model: str | os.PathLike[str] | Model | CausalNetwork = DEFAULT_MODEL,
    **options: Any,
) -> Iterator[OnlineBeat]:
    """Track the beats of a stream, as in `for beat in beattrack.stream(chunks, 44100): ...`.

    Args:
        chunks: the stream; see `StreamTracker.process`. The first chunk determines the number of channels.
        sample_rate: sample rate in Hz.
        model, options: arguments of `StreamTracker`.

    Yields:
        Each beat as soon as it is reported.

    Raises:
        AudioError, SettingsError, ModelError: as `StreamTracker` does.

    Warns:
        AudioWarning: as `StreamTracker.process` does.
    """
    tracker: StreamTracker | None = None
    for chunk in chunks:
        if tracker is None:
            shape = np.shape(chunk)
            channels = shape[1] if len(shape) == 2 and 1 <= shape[1] <= MAX_CHANNELS else 1
            tracker = StreamTracker(model, sample_rate=sample_rate, channels=channels, **options)
        yield from tracker.process(chunk)
    if tracker is not None:
        yield from tracker.finish()


def _loaded(model: str | os.PathLike[str] | Model | CausalNetwork) -> CausalNetwork:
    if isinstance(model, Model):
        return load_streaming_network(model.path)
    if isinstance(model, str | os.PathLike) or not hasattr(model, "process"):
        return load_streaming_network(find(cast("str", model)).path)  # which refuses what is no name
    return model


def _settings(options: dict[str, Any]) -> OnlineSettings:
    known = {field.name for field in dataclasses.fields(OnlineSettings)}
    for option in options:
        if option not in known:
            names = ", ".join(sorted(known))
            raise SettingsError(f"the online decoder has no option {option}; choose from {names}")
    return OnlineSettings(**options)
