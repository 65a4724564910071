"""From audio to beats: the rung of the ladder that joins all stages.

Each class adds one stage, so that any rung is an entry:

    Spectrogram   audio samples           -> (frames, bands)
    Harmony       audio samples           -> (slow frames, bands)
    Network       both                    -> Activations
    Decoder       Activations             -> Decoding (times and positions)
    BeatTracker   a recording             -> Beats (with tempo, metre and confidence)

`BeatTracker` passes a recording through in blocks, so that its memory hardly grows with the length.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeGuard, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack import audio
from beattrack.activations import Activations
from beattrack.decoding.base import Decoder, DecoderName
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.explain import explain
from beattrack.decoding.make import make_decoder
from beattrack.decoding.parts import common_pulse, decode_parts, isolated, join
from beattrack.decoding.peaks import PeakSettings
from beattrack.decoding.pulse import beat_confidence, believable
from beattrack.errors import SettingsError
from beattrack.harmony import Harmony
from beattrack.network.inference import Device, load_network
from beattrack.registry import DEFAULT_MODEL, Model, find
from beattrack.result import Beats
from beattrack.runtime import checks
from beattrack.spectrogram import Spectrogram

Recording: TypeAlias = "audio.Source | ArrayLike"

BLOCK_SECONDS = 30.0
# Far below the beats of music: the least sure recordings of a development set have a median near 0.2.
PULSE_CONFIDENCE = 0.1


class BeatTracker:
    """Tracks the beats of recordings; keep one for many, as loading the network costs more than a short song.

    It can be copied and pickled, as joblib and multiprocessing do: the model file is then opened again.

    model: name of a shipped model, path of a model file, or a `Model` of the registry.
    decoder: name of a decoder, or a decoder of your own.
    device: where the network runs; "auto" takes a GPU where there is one.
    threads: of the network; None lets the runtime choose.
    options: settings of the named decoder, such as `min_bpm`; see `DBNSettings` and `PeakSettings`.

    Raises SettingsError for an option out of range or unknown to the decoder, ModelError for a missing or
    damaged model, MissingExtraError where a package is not installed.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = DEFAULT_MODEL,
        decoder: DecoderName | Decoder = "dbn",
        *,
        device: Device = "cpu",
        threads: int | None = None,
        **options: Any,
    ) -> None:
        checks.choice(get_args(Device))("device", device)
        checks.optional(checks.positive(whole=True))("threads", threads)
        self.decoder = _decoder(decoder, options)
        self.model = model if isinstance(model, Model) else find(model)
        self.network = load_network(self.model.path, device=device, threads=threads)
        self.spectrogram = Spectrogram(self.network.settings.spectrogram)
        harmony = self.network.settings.harmony
        self.harmony = None if harmony is None else Harmony(harmony)

    def track(self, source: Recording, sample_rate: int | None = None, *, track: int | None = None) -> Beats:
        """Track the beats of a recording.

        Args:
            source: path, "-" for standard input, binary file object, the bytes of a file, an open
                `soundfile.SoundFile`, or with a `sample_rate` samples, of shape (samples,) or
                (samples, channels), floats of full scale 1 or integers of their type's.
            sample_rate: of samples, in Hz.
            track: which audio track of a film, counted from 1; None is the default one.

        Raises:
            AudioError: if there is no audio to decode, or no such track.
            SettingsError: if `sample_rate` or `track` does not fit the source.

        Warns with AudioWarning of audio that is damaged.
        """
        activations, duration = self.analyse(source, sample_rate, track=track)
        return self.decode(activations, duration=duration, file=audio.file_name(source))

    def activations(
        self, source: Recording, sample_rate: int | None = None, *, track: int | None = None
    ) -> Activations:
        """Return what the network says about every frame of a recording; see `track` for the rest."""
        return self.analyse(source, sample_rate, track=track)[0]

    def analyse(
        self, source: Recording, sample_rate: int | None = None, *, track: int | None = None
    ) -> tuple[Activations, float]:
        """Return the activations and the exact duration of a recording in seconds, as `decode` takes them."""
        rate = self.spectrogram.settings.sample_rate
        samples = _Counted(_blocks(source, sample_rate, rate, track))
        if self.harmony is None:
            return self.network.compute(self.spectrogram.blocks(samples)), samples.count / rate
        # Both views in one pass over the recording: the second is complete when the first has read all of it.
        slow_view = self.harmony.accumulator()
        spectrogram = self.spectrogram.blocks(slow_view.tap(samples))
        activations = self.network.compute(spectrogram, (slow_view.frames() for _ in range(1)))
        return activations, samples.count / rate

    def decode(
        self, activations: Activations, *, duration: float | None = None, file: str | None = None
    ) -> Beats:
        """Track the beats in activations of this tracker's network; see the function `decode`.

        There are none where the network sees no pulse: a decoder carries on from a single click or from the
        edge of a constant sound, at the same tempo, to the end.
        """
        return decode(
            activations,
            self.decoder,
            duration=duration,
            file=file,
            model=self.model.name,
            least_confidence=PULSE_CONFIDENCE,
        )


def track(
    source: Recording, sample_rate: int | None = None, *, track: int | None = None, **options: Any
) -> Beats:
    """Track the beats of one recording: `beattrack.track("song.wav").bpm`.

    source, sample_rate, track: as for `BeatTracker.track`.
    options: those of `BeatTracker`, such as `model`, `decoder`, `device` or `min_bpm`; keep one for many
    recordings. Errors are those of both.
    """
    return BeatTracker(**options).track(source, sample_rate, track=track)


def decode(
    activations: Activations,
    decoder: Decoder,
    *,
    duration: float | None = None,
    file: str | None = None,
    model: str | None = None,
    least_confidence: float = 0.0,
) -> Beats:
    """Run a decoder on activations and add tempo, metre and confidence.

    Each part of the recording between long pauses is decoded and judged by itself; see `parts` and `pulse` in
    `beattrack.decoding`. If there are no beats, or not those that one would expect, `Beats.reason` says why.

    Args:
        activations: probabilities per frame.
        decoder: a decoder of `make_decoder`, or one of your own.
        duration: of the recording in seconds, or None for that of the activations.
        file, model: names to store in the result.
        least_confidence: of half of the beats, 0 to 1; beats that have less are not believed.
    """
    found = decode_parts(activations, decoder)
    # Single sounds are judged by their distances, as few as they are.
    least = 0.0 if isolated(found) else least_confidence
    confidences = [beat_confidence(part.times, activations) for part in found]
    believed = [
        believable(part.times, confidence, least) for part, confidence in zip(found, confidences, strict=True)
    ]
    kept = [part.keep(mask) for part, mask in zip(found, believed, strict=True)]
    single_sounds = least_confidence > 0 and isolated(kept)
    if single_sounds:
        kept = common_pulse(kept)
    decoding = join(kept, bars=activations.downbeats is not None)
    sure = [confidence[mask] for confidence, mask in zip(confidences, believed, strict=True)]
    settings = decoder.settings if isinstance(decoder.settings, DBNSettings) else None
    return Beats.from_decoding(
        decoding,
        activations,
        duration=duration,
        file=file,
        model=model,
        decoder={"name": decoder.name, "settings": decoder.settings},
        confidence=np.concatenate(sure) if len(decoding.times) else np.empty(0),
        bpm_range=None if settings is None else settings.bpm_range_of(decoding.beats_per_bar),
        reason=explain(
            activations,
            confidences,
            decoding,
            isolated=single_sounds,
            least_confidence=least_confidence,
            bpm_range=None if settings is None else settings.widest_bpm_range,
        ),
    )


def decoder_with(name: DecoderName, options: Mapping[str, Any]) -> Decoder:
    """Make a decoder with some of its settings changed; SettingsError for an option that it has not."""
    checks.choice(get_args(DecoderName))("decoder", name)
    kind = PeakSettings if name == "peaks" else DBNSettings
    known = {item.name for item in dataclasses.fields(kind)}
    for option in options:
        if option not in known:
            raise SettingsError(
                f"the {name} decoder has no option {option}; it has {', '.join(sorted(known))}"
            )
    make = DBNSettings.madmom if name == "madmom" else kind
    return make_decoder(name, make(**options))


def _decoder(decoder: DecoderName | Decoder, options: Mapping[str, Any]) -> Decoder:
    if isinstance(decoder, str):
        return decoder_with(decoder, options)
    if not (callable(decoder) and hasattr(decoder, "name") and hasattr(decoder, "settings")):
        raise SettingsError(f"decoder must be a decoder or its name, not {checks.shown(decoder)}")
    if options:
        raise SettingsError(f"give {', '.join(options)} to the decoder itself, or name a decoder")
    return decoder


def _blocks(
    source: Recording, source_rate: int | None, sample_rate: int, track: int | None
) -> Iterable[NDArray[np.float32]]:
    checks.optional(checks.positive(whole=True))("track", track)
    # Bytes are a file, unless their rate makes samples of them.
    if _is_file(source) or (audio.is_content(source) and source_rate is None):
        if source_rate is not None:
            raise SettingsError("sample_rate is for samples, a file tells its own")
        return audio.read_blocks(source, sample_rate=sample_rate, track=track, block_seconds=BLOCK_SECONDS)
    if source_rate is None:
        raise SettingsError("samples need their sample_rate, as in track(samples, 44100)")
    if track is not None:
        raise SettingsError("track is for files; samples have no tracks")
    array = cast("ArrayLike", source)
    samples = audio.from_samples(array, source_rate=source_rate, sample_rate=sample_rate)
    step = round(BLOCK_SECONDS * sample_rate)
    return (samples[start : start + step] for start in range(0, len(samples), step))


def _is_file(source: Recording) -> TypeGuard[audio.Source]:
    return isinstance(source, str | bytes | os.PathLike) or hasattr(source, "read")


class _Counted:
    """Passes blocks of samples on and counts the samples."""

    def __init__(self, blocks: Iterable[NDArray[np.float32]]) -> None:
        self._blocks = blocks
        self.count = 0

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for block in self._blocks:
            self.count += len(block)
            yield block
