"""Decode with ffmpeg the files that libsndfile cannot read, such as films.

Time 0 is the start of the file's timeline, as players show it: if the sound starts after the picture, silence
is inserted before it, and gaps between timestamps are filled with silence. ffmpeg removes the encoder delay
that a file states (edit list, pre-skip, iTunSMPB). Delays that are the same for every encoder of a format are
removed here, except in films, whose sound and picture are already aligned.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from beattrack.audio.base import NOTICED_LOSS, PIECE, Piece, Trimmed, display_name, no_such_track, reason
from beattrack.errors import AudioError

_LATE = 0.01  # seconds; smaller offsets are rounding by encoders and muxers
_LONGEST_GAP = 3600  # seconds; a timestamp further ahead is damaged
# Gaps of 50 ms or more are filled; the jitter of timestamps in streamed recordings is smaller.
_FILL = "aresample=async=1:min_hard_comp=0.05"
# Delay in samples from the transforms and filters of a format, the same for all encoders and decoders.
_DELAYS = {"mp1": 481, "mp2": 481, "ac3": 256, "eac3": 256, "dts": 512}

_ENTRIES = (
    "format=start_time,duration"
    ":stream=codec_type,codec_name,start_time,duration,sample_rate,channel_layout"
    ":stream_disposition=default,attached_pic"
)
_NO_SOUND = re.compile("matches no streams|does not contain any stream")


@dataclass(frozen=True)
class Track:
    """An audio track.

    Attributes:
        codec: ffmpeg's name of the codec.
        default: whether the file marks it as the default track.
        start: start on the timeline of the file, in seconds.
        rate: sample rate in Hz; 0 if unknown.
        layout: ffmpeg's name of the channel layout; "" if unknown.
        duration: duration in seconds; None if the file does not state it.
    """

    codec: str
    default: bool
    start: float
    rate: int
    layout: str
    duration: float | None


@dataclass(frozen=True)
class Contents:
    """The streams of a file.

    Attributes:
        tracks: the audio tracks, in order.
        film: whether there is a moving picture.
        others: codecs of the streams that are not audio.
        start: ffmpeg's time 0 on the timeline of the file, in seconds.
        duration: duration in seconds; None if the file does not state it.
    """

    tracks: tuple[Track, ...]
    film: bool
    others: frozenset[str]
    start: float
    duration: float | None

    @property
    def default(self) -> int:
        """Index of the first track marked as default, or 0 if there is none."""
        return next((index for index, track in enumerate(self.tracks) if track.default), 0)


def installed() -> bool:
    """Return whether ffmpeg is on PATH."""
    return shutil.which("ffmpeg") is not None


def probe(path: str) -> Contents | None:
    """Return the streams of a file, or None if ffprobe is missing or cannot read it."""
    program = shutil.which("ffprobe")
    if program is None:
        return None
    command = [program, "-v", "error", "-protocol_whitelist", "file", "-of", "json"]
    command += ["-show_entries", _ENTRIES, "-i", f"file:{path}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        told = json.loads(done.stdout)
        return _contents(told) if told.get("streams") else None
    except (OSError, ValueError, TypeError, AttributeError):  # all but OSError: unexpected output
        return None


def _contents(told: dict[str, Any]) -> Contents:
    streams = told.get("streams", [])
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
    pictures = [
        stream
        for stream in streams
        if stream.get("codec_type") == "video" and not stream.get("disposition", {}).get("attached_pic")
    ]
    file = told.get("format", {})
    starts = [float(stream["start_time"]) for stream in [*sounds, *pictures] if "start_time" in stream]
    zero = max(min(starts, default=0.0), 0.0)  # priming samples have timestamps below 0
    tracks = tuple(
        Track(
            codec=str(stream.get("codec_name", "")),
            default=bool(stream.get("disposition", {}).get("default")),
            start=_after(zero, stream),
            rate=int(stream.get("sample_rate", 0)),
            layout=str(stream.get("channel_layout", "")),
            duration=_duration(stream),
        )
        for stream in sounds
    )
    others = frozenset(str(stream.get("codec_name")) for stream in streams if stream not in sounds)
    return Contents(tracks, bool(pictures), others, _after(zero, file), _duration(file))


def _after(zero: float, entry: dict[str, Any]) -> float:
    return float(entry.get("start_time", zero)) - zero


def _duration(entry: dict[str, Any]) -> float | None:
    return float(entry["duration"]) if "duration" in entry else None


@contextmanager
def opened(path: str, name: str, track: int | None = None) -> Iterator[Reading]:
    """Decode an audio track of a file.

    Args:
        path: path of the file.
        name: name of the file for messages.
        track: number of the track, from 1; None uses the default track.

    Yields:
        The samples.

    Raises:
        AudioError: if ffmpeg is missing or cannot read the file, or there is no such track.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{name}: is damaged or not in a format that libsndfile reads, such as WAV, FLAC, OGG or MP3; "
            "to read other formats, such as AAC, WMA and video, install ffmpeg"
        )
    contents = probe(path)
    plan = _plan(contents, track, name)
    # `file:` prevents a name from being read as an option or a URL, and the whitelist prevents playlists from
    # opening network addresses. AU is a header of six numbers, then floats. Channels are not mixed by ffmpeg.
    command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file"]
    command += ["-dts_error_threshold", str(_LONGEST_GAP), "-i", f"file:{path}"]
    command += [] if plan.index is None else ["-map", f"0:a:{plan.index}"]
    command += ["-af", plan.filters, "-f", "au", "-c:a", "pcm_f32be", "pipe:1"]
    with tempfile.TemporaryFile() as log:  # not a pipe, which could fill up and stop ffmpeg
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        except OSError as error:
            raise AudioError(f"{name}: {program} cannot be run ({reason(error)})") from error
        with process:
            try:
                yield Reading(process, log, name, contents, plan)
            finally:
                process.kill()


@dataclass(frozen=True)
class _Plan:
    """How to decode a track.

    Attributes:
        index: index of the track, from 0; None leaves the choice to ffmpeg.
        filters: ffmpeg's audio filters.
        silence: silence to insert at the start, in seconds.
        skip: number of samples to skip at the start.
    """

    index: int | None
    filters: str = f"{_FILL}:first_pts=0"
    silence: float = 0.0
    skip: int = 0


def _plan(contents: Contents | None, track: int | None, name: str) -> _Plan:
    if contents is None:
        return _Plan(None if track is None else track - 1)
    if not contents.tracks:
        raise AudioError(f"{name}: neither libsndfile nor ffmpeg can read it (it holds no audio)")
    index = contents.default if track is None else track - 1
    if index >= len(contents.tracks):
        raise no_such_track(name, index + 1, len(contents.tracks))
    chosen = contents.tracks[index]
    filters = [_FILL]
    if chosen.codec.startswith("wmav") and chosen.rate:
        # ffmpeg's decoder drops the first frames, which only the timestamps show.
        delay = 0 if contents.film else _wma_frame(chosen.rate, chosen.codec)
        filters = [f"{_FILL}:first_pts={round(-contents.start * chosen.rate) + delay}"]
    if chosen.layout and chosen.rate:
        # Broadcasts may switch between stereo and surround; the output needs a fixed layout.
        filters.append(f"aformat=sample_rates={chosen.rate}:channel_layouts={chosen.layout}")
    late = _LATE < chosen.start < _LONGEST_GAP and not chosen.codec.startswith("wmav")
    skip = 0 if contents.film else _DELAYS.get(chosen.codec, 0)
    return _Plan(index, ",".join(filters), chosen.start if late else 0.0, skip)


def _wma_frame(rate: int, codec: str) -> int:
    """Return the samples in a frame of Windows Media Audio 1 or 2, which is the delay of every encoder."""
    if rate <= 16_000:
        return 512
    return 1024 if rate <= 22_050 or (rate <= 32_000 and codec == "wmav1") else 2048


class Reading:
    """Iterator over the samples from a running ffmpeg.

    Attributes:
        rate: sample rate in Hz.
        channels: number of channels.
        decoded: number of samples read so far.
        damaged: whether ffmpeg reported errors; set at the end.
        short: whether there were errors and the end is missing, or may be missing because the file states no
            duration; set at the end.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        log: IO[bytes],
        name: str,
        contents: Contents | None,
        plan: _Plan,
    ) -> None:
        self._process, self._log, self._name = process, log, name
        self._contents, self._plan = contents, plan
        self._output = process.stdout
        self.decoded = 0
        self.damaged = self.short = False
        header = self._output.read(24) if self._output else b""
        if self._output is None or len(header) < 24:
            process.wait()
            raise self._unreadable()
        _, offset, _, _, rate, self.channels = struct.unpack(">6I", header)
        self.rate = float(rate)
        self._output.read(offset - len(header))

    @property
    def duration(self) -> float | None:
        """Duration of the track in seconds that the file states; None if it states none."""
        if self._contents is None or self._plan.index is None:
            return None
        track = self._contents.tracks[self._plan.index]
        return None if track.duration is None else max(track.start, 0.0) + track.duration

    def __iter__(self) -> Iterator[Piece]:
        for piece in Trimmed(self._pieces(), self._plan.skip):
            self.decoded += len(piece)
            yield piece
        failed = self._process.wait() != 0
        if failed and not self.decoded:
            raise AudioError(
                f"{self._name}: is damaged; nothing of it could be decoded ({self._complaint()})"
            )
        self.damaged = failed or bool(self._complaints())
        self.short = self.damaged and self.decoded / self.rate < self._least_duration()

    def _pieces(self) -> Iterator[Piece]:
        silence = round(self._plan.silence * self.rate)
        for start in range(0, silence, PIECE):
            yield np.zeros((min(PIECE, silence - start), self.channels), np.float32)
        size = 4 * self.channels
        output = self._output
        while output and (samples := len(data := output.read(PIECE * size)) // size):
            yield np.frombuffer(data, ">f4", samples * self.channels).reshape(samples, self.channels)

    def _least_duration(self) -> float:
        """Return the duration in seconds below which the end is missing."""
        if self._contents is None or self._plan.index is None:
            return math.inf
        if self.duration is not None:
            return self.duration - NOTICED_LOSS
        whole = self._contents.duration or 0.0
        return 0.9 * whole if self._contents.film else whole - NOTICED_LOSS

    def _complaints(self) -> list[str]:
        """Return the lines of ffmpeg's log, except those about pictures and subtitles."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        others = tuple(f"[{codec} @" for codec in self._contents.others) if self._contents else ()
        return [line for line in lines if not line.startswith((*others, "    Last message repeated"))]

    def _complaint(self) -> str:
        lines = self._complaints() or ["no reason given"]
        return display_name(lines[-1].rpartition(": ")[2]).lower()

    def _unreadable(self) -> AudioError:
        told = "\n".join(self._complaints())
        if "matches no streams" in told and self._plan.index:
            return AudioError(f"{self._name}: has no audio track {self._plan.index + 1}")
        why = "it holds no audio" if _NO_SOUND.search(told) else self._complaint()
        return AudioError(f"{self._name}: neither libsndfile nor ffmpeg can read it ({why})")
