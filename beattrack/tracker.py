"""Track beats: from a recording to its beats, through all stages.

Each stage has a class of its own and can be used on its own:

    Spectrogram   audio samples           -> (frames, bands)
    Harmony       audio samples           -> (slow frames, bands), the harmony view
    Network       both                    -> Activations
    Decoder       Activations             -> Decoding (times and positions)
    BeatTracker   a recording             -> Beats (with tempo, metre and confidence)

`BeatTracker` processes a recording in blocks, so that memory hardly grows with its length.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack import audio
from beattrack.activations import ON_FRAME, Activations
from beattrack.alternatives import second_reading
from beattrack.assessment import check_confidence, with_confidence
from beattrack.audio.recordings import Recording, blocks_of, blocks_of_part
from beattrack.decoding.anchors import Known, as_anchors
from beattrack.decoding.base import Decoder, DecoderName
from beattrack.decoding.dbn import DBNSettings
from beattrack.decoding.explain import explain
from beattrack.decoding.make import decoder_of
from beattrack.decoding.parts import check_anchors, common_pulse, decode_parts, isolated, join
from beattrack.decoding.pulse import beat_confidence, believable
from beattrack.errors import SettingsError
from beattrack.harmony import Harmony, HarmonyAccumulator
from beattrack.network.inference import Device, load_network
from beattrack.registry import DEFAULT_MODEL, Model, find
from beattrack.result import Beats
from beattrack.runtime import checks
from beattrack.runtime.ahead import ahead
from beattrack.runtime.cores import usable_cores
from beattrack.spectrogram import Spectrogram

# Well below the confidence of music: the lowest medians of recordings in a development set are near 0.2.
PULSE_CONFIDENCE = 0.1
# Frames; the analysis of a part begins at a multiple: a frame of the harmony view, and a whole sample.
PART_STEP = 10
AHEAD_BLOCKS = 4  # blocks of samples that wait for the spectrogram while the harmony view takes the next ones


class BeatTracker:
    """Tracker of the beats of recordings.

    Reuse one tracker for many recordings, because loading the network takes longer than tracking a short
    song. A tracker can be copied and pickled, as joblib and multiprocessing do; the copy opens the model file
    again.

    Args:
        model: name of a shipped model, path of a model file, or a `Model` of the registry.
        decoder: name of a decoder, or a decoder object.
        device: device that runs the network; "auto" uses a GPU if there is one.
        threads: threads that decode audio and compute the stages side by side; None uses all cores that
            this process may use, which is also the largest number.
        options: settings of the named decoder, such as `min_bpm`; see `DBNSettings` and `PeakSettings`.

    Raises:
        SettingsError: if an option is out of range or unknown to the decoder.
        ModelError: if the model is missing or damaged.
        MissingExtraError: if a required package is not installed.
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
        self.decoder = decoder_of(decoder, options)
        self.model = model if isinstance(model, Model) else find(model)
        self.threads = min(threads or usable_cores(), usable_cores())
        self.network = load_network(self.model.path, device=device, threads=threads)
        self.spectrogram = Spectrogram(self.network.settings.spectrogram)
        harmony = self.network.settings.harmony
        self.harmony = None if harmony is None else Harmony(harmony)

    def track(
        self,
        source: Recording,
        sample_rate: int | None = None,
        *,
        track: int | None = None,
        start: float = 0.0,
        end: float | None = None,
        alternative: bool = False,
        anchors: Known | None = None,
        confidence: bool = False,
    ) -> Beats:
        """Track the beats of a recording, or of a part of it.

        Args:
            source: path, "-" for standard input, binary file object, the bytes of a file, an open
                `soundfile.SoundFile`, or an array of samples, shape (samples,) or (samples, channels): floats
                with full scale 1 or integers with the full scale of their type.
            sample_rate: sample rate in Hz of an array of samples; None for other sources.
            track: number of the audio track, from 1, in a file that has several; None uses the default track.
            start, end: the part to read and analyse, in seconds from the start of the recording, which is
                also time 0 of the beats; an `end` of None is the end of the recording.
            alternative: whether to decode the likeliest other metrical level too; see `Beats.alternative`.
            anchors: beats that the result must contain: `Anchors`, or a list of times in seconds or of pairs
                of time and position in the bar. Those outside the part are ignored. None for no anchors.
            confidence: whether to compute calibrated confidence of beats, downbeats, tempo, metre and the
                whole file (`Beats.certainty`), which takes a few seconds per hour of audio. Only the decoder
                "dbn" has it.

        Returns:
            The beats, with tempo, metre and confidence. Their duration is that of the recording; if it was
            not read to its end and does not state its duration, it is `end`.

        Raises:
            AudioError: if there is no audio to decode, none from `start` on, or no such track.
            SettingsError: if `sample_rate` or `track` does not apply to the source, if the part is empty, if
                no beats meet the anchors, or if the decoder has no anchors or no calibrated
                confidence.

        Warns:
            AudioWarning: if the audio is damaged.
        """
        anchors = as_anchors(anchors)
        if anchors is not None:
            check_anchors(self.decoder)
        if confidence:
            check_confidence(self.decoder)
        activations, duration = self.analyse(source, sample_rate, track=track, start=start, end=end)
        return self.decode(
            activations,
            duration=duration,
            file=audio.file_name(source),
            alternative=alternative,
            anchors=anchors,
            confidence=confidence,
        )

    def activations(
        self,
        source: Recording,
        sample_rate: int | None = None,
        *,
        track: int | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> Activations:
        """Return the activations of a recording; arguments, errors and warnings are those of `track`."""
        return self.analyse(source, sample_rate, track=track, start=start, end=end)[0]

    def analyse(
        self,
        source: Recording,
        sample_rate: int | None = None,
        *,
        track: int | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> tuple[Activations, float]:
        """Return the activations and the exact duration in seconds of a recording, for `decode`.

        Arguments, errors and warnings are those of `track`.
        """
        rate = self.spectrogram.settings.sample_rate
        part = audio.Excerpt(start, end)
        if not part.is_whole:
            return self._analyse_part(source, sample_rate, track, part)
        blocks = blocks_of(source, sample_rate, sample_rate=rate, track=track, threads=self.threads)
        samples = _Counted(blocks)
        return self._compute(samples), samples.count / rate

    def _analyse_part(
        self, source: Recording, sample_rate: int | None, track: int | None, part: audio.Excerpt
    ) -> tuple[Activations, float]:
        settings = self.spectrogram.settings
        first = math.floor(part.start * settings.fps / PART_STEP + ON_FRAME) * PART_STEP
        aligned = audio.Excerpt(first / settings.fps, part.end)
        samples = blocks_of_part(source, sample_rate, aligned, sample_rate=settings.sample_rate, track=track)
        activations = self._compute(samples).later(first)
        last = max(activations.duration - 1 / settings.fps, 0.0)  # a part shorter than a frame has one
        return activations.part(min(part.start, last)), samples.duration

    def _compute(self, samples: Iterable[NDArray[np.float32]]) -> Activations:
        if self.harmony is None:
            return self.network.compute(self.spectrogram.blocks(samples))
        # One pass over the recording computes both inputs, each in a thread of its own.
        harmony = self.harmony.accumulator()
        with closing(ahead(harmony.tap(samples), limit=AHEAD_BLOCKS, threads=self.threads)) as tapped:
            return self.network.compute(self.spectrogram.blocks(tapped), _frames_at_end(harmony))

    def decode(
        self,
        activations: Activations,
        *,
        duration: float | None = None,
        file: str | None = None,
        alternative: bool = False,
        anchors: Known | None = None,
        confidence: bool = False,
    ) -> Beats:
        """Return the beats for activations of this tracker's network.

        Passages without a pulse have no beats: from a single click or the edge of a constant sound, a decoder
        would continue at the same tempo to the end.

        Args:
            activations: activations of the recording.
            duration: duration of the recording in seconds; None uses that of the activations.
            file: path to store in the result.
            alternative: whether to decode the likeliest other metrical level too; see `second_reading`.
            anchors, confidence: see `track`.

        Returns:
            The beats, with tempo, metre and confidence.

        Raises:
            SettingsError: if no beats meet the anchors, or if the decoder has no anchors or no calibrated
                confidence.
        """
        if alternative and anchors is not None:
            raise SettingsError("anchors decide on one reading; leave out alternative")
        if alternative and confidence:
            raise SettingsError("confidence judges one reading; leave out alternative")
        beats = decode(
            activations,
            self.decoder,
            duration=duration,
            file=file,
            model=self.model.name,
            least_confidence=PULSE_CONFIDENCE,
            anchors=anchors,
            confidence=confidence,
        )
        if not alternative:
            return beats
        return replace(beats, alternative=second_reading(beats, activations, self.decoder))


def track(
    source: Recording,
    sample_rate: int | None = None,
    *,
    track: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    alternative: bool = False,
    anchors: Known | None = None,
    confidence: bool = False,
    **options: Any,
) -> Beats:
    """Track the beats of one recording, as in `beattrack.track("song.wav").bpm`.

    To track many recordings, reuse a `BeatTracker`.

    Args:
        source, sample_rate, track, start, end, alternative, anchors, confidence: see `BeatTracker.track`.
        options: arguments of `BeatTracker`, such as `model`, `decoder`, `device` or `min_bpm`.

    Returns:
        The beats, with tempo, metre and confidence.

    Raises:
        AudioError, SettingsError, ModelError, MissingExtraError: as `BeatTracker` and `BeatTracker.track` do.
    """
    return BeatTracker(**options).track(
        source,
        sample_rate,
        track=track,
        start=start,
        end=end,
        alternative=alternative,
        anchors=anchors,
        confidence=confidence,
    )


def decode(
    activations: Activations,
    decoder: Decoder,
    *,
    duration: float | None = None,
    file: str | None = None,
    model: str | None = None,
    least_confidence: float = 0.0,
    anchors: Known | None = None,
    confidence: bool = False,
) -> Beats:
    """Decode activations to beats, with tempo, metre and confidence.

    The parts of the recording between long pauses are decoded separately; see `beattrack.decoding.parts` and
    `beattrack.decoding.pulse`.

    Args:
        activations: activations of the recording.
        decoder: decoder from `make_decoder`, or any other decoder.
        duration: duration of the recording in seconds; None uses that of the activations.
        file: path to store in the result.
        model: name of the network to store in the result.
        least_confidence: confidence, from 0 to 1, that half of the beats of a passage must have; other
            passages have no beats. 0 keeps all beats.
        anchors: beats that the result must contain; see `BeatTracker.track`.
        confidence: whether to compute calibrated confidence; see `BeatTracker.track`.

    Returns:
        The beats. If there are none, or they may be wrong, `Beats.reason` explains why.

    Raises:
        SettingsError: if no beats meet the anchors, or if the decoder has no anchors or no calibrated
            confidence.
    """
    if confidence:
        check_confidence(decoder)
    anchors = as_anchors(anchors)
    if anchors is not None:
        check_anchors(decoder)
        anchors.check_inside(activations.duration if duration is None else duration)
        anchors = anchors.inside(activations.start, activations.duration, activations.fps)
    found = decode_parts(activations, decoder, anchors)
    # Single sounds are judged by their spacing below, because one beat is too few for a median.
    least = 0.0 if isolated(found) else least_confidence
    confidences = [beat_confidence(part.times, activations) for part in found]
    believed = [
        believable(part.times, confidence, least) for part, confidence in zip(found, confidences, strict=True)
    ]
    if anchors is not None:
        held = [anchors.held(part.times, activations.fps) for part in found]
        believed = [mask | known for mask, known in zip(believed, held, strict=True)]
    kept = [part.keep(mask) for part, mask in zip(found, believed, strict=True)]
    single_sounds = least_confidence > 0 and isolated(kept) and anchors is None
    if single_sounds:
        kept = common_pulse(kept)
    decoding = join(kept, bars=activations.downbeats is not None)
    sure = [confidence[mask] for confidence, mask in zip(confidences, believed, strict=True)]
    settings = decoder.settings if isinstance(decoder.settings, DBNSettings) else None
    beats = Beats.from_decoding(
        decoding,
        activations,
        duration=duration,
        file=file,
        model=model,
        decoder={
            "name": decoder.name,
            "settings": decoder.settings,
            **({} if anchors is None else {"anchors": anchors}),
        },
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
    return with_confidence(beats, activations, decoder, anchors) if confidence else beats


def _frames_at_end(accumulator: HarmonyAccumulator) -> Iterator[NDArray[np.float32]]:
    """Yield the whole harmony view, computed when asked for: after the spectrogram has read all samples."""
    yield accumulator.frames()


class _Counted:
    """Iterator over blocks that counts their samples."""

    def __init__(self, blocks: Iterable[NDArray[np.float32]]) -> None:
        self._blocks = blocks
        self.count = 0

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for block in self._blocks:
            self.count += len(block)
            yield block
