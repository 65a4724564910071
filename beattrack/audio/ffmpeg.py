"""ffmpeg: what libsndfile cannot read, and the time line and tracks of films.

Time 0 is where the time line of the file begins, as players show it: a sound that starts after the picture gets
silence in front, and gaps between time stamps are filled. Delays of encoders are taken off if the file states
them (edit lists, pre-skip, iTunSMPB), which ffmpeg does, or if they are the same for every encoder of a format,
which is done here for files without a picture.
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

from beattrack.audio.base import NOTICED_LOSS, PIECE, Piece, display_name, no_such_track, reason, trimmed
from beattrack.errors import AudioError

_LATE = 0.01  # seconds: a start that is less late is a matter of how encoders round
_LONGEST_GAP = 3600  # seconds: a time stamp further ahead is damaged
# Gaps in time stamps are filled from 50 ms on; those of streamed recordings waver by less.
_FILL = "aresample=async=1:min_hard_comp=0.05"
# Samples that encoder and decoder delay the music by, whoever made them: overlap of transforms, length of filters.
_DELAYS = {"mp1": 481, "mp2": 481, "ac3": 256, "eac3": 256, "dts": 512}

_NO_SOUND = re.compile("matches no streams|does not contain any stream")


@dataclass(frozen=True)
class Track:
    """One audio track. start: seconds after the file's time line begins; layout: of channels, "" if unknown."""

    codec: str
    default: bool
    start: float
    rate: int
    layout: str
    duration: float | None


@dataclass(frozen=True)
class Contents:
    """What a file holds. others: codecs of pictures and subtitles; start: what ffmpeg takes as time 0, in seconds
    after the time line begins."""

    tracks: tuple[Track, ...]
    film: bool
    others: frozenset[str]
    start: float
    duration: float | None

    @property
    def default(self) -> int:
        """Index of the track that players play: the first that is marked, else the first."""
        return next((index for index, track in enumerate(self.tracks) if track.default), 0)


def installed() -> bool:
    """Return whether there is an ffmpeg on PATH."""
    return shutil.which("ffmpeg") is not None


def probe(path: str) -> Contents | None:
    """Return what a file holds, or None if ffprobe is not there or does not know it."""
    program = shutil.which("ffprobe")
    if program is None:
        return None
    entries = "stream=codec_type,codec_name,start_time,duration,sample_rate,channel_layout:stream_disposition=default,attached_pic"
    command = [program, "-v", "error", "-protocol_whitelist", "file", "-of", "json"]
    command += ["-show_entries", f"format=start_time,duration:{entries}", "-i", f"file:{path}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return _contents(json.loads(done.stdout))
    except (OSError, ValueError, TypeError, AttributeError):  # the last three: not what ffprobe writes
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
    # Before 0 is what encoders need to get going.
    zero = max(min((_seconds(stream) for stream in [*sounds, *pictures]), default=0.0), 0.0)
    tracks = tuple(
        Track(
            codec=str(stream.get("codec_name", "")),
            default=bool(stream.get("disposition", {}).get("default")),
            start=_seconds(stream) - zero,
            rate=int(stream.get("sample_rate", 0)),
            layout=str(stream.get("channel_layout", "")),
            duration=_duration(stream),
        )
        for stream in sounds
    )
    others = frozenset(str(stream.get("codec_name")) for stream in streams if stream not in sounds)
    return Contents(tracks, bool(pictures), others, _seconds(file) - zero, _duration(file))


def _seconds(entry: dict[str, Any]) -> float:
    return float(entry.get("start_time", 0.0))


def _duration(entry: dict[str, Any]) -> float | None:
    return float(entry["duration"]) if "duration" in entry else None


@contextmanager
def decoding(path: str, name: str, track: int | None = None) -> Iterator[Decoding]:
    """Decode an audio track of a file, counted from 1; None takes the default one.

    Raises AudioError if there is no ffmpeg, if it cannot read the file, or if there is no such track.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{name}: is damaged or not WAV, FLAC, OGG, MP3, AIFF or their like; "
            "to read AAC, WMA and video too, install ffmpeg"
        )
    contents = probe(path)
    plan = _plan(contents, track, name)
    # `file:` keeps a name from being read as an option or an address, the whitelist keeps playlists off the
    # network. AU: a header of six numbers, then floats, the channels as they are, so that the mean stays
    # ours.
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
                yield Decoding(process, log, name, contents, plan)
            finally:
                process.kill()


@dataclass(frozen=True)
class _Plan:
    """How to decode a track. index: from 0, None leaves the choice to ffmpeg; silence: seconds in front of it;
    skip: samples of it that are left out."""

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
        # ffmpeg's decoder drops frames at the start, which only the time stamps tell.
        delay = 0 if contents.film else _wma_frame(chosen.rate, chosen.codec)
        filters = [f"{_FILL}:first_pts={round(-contents.start * chosen.rate) + delay}"]
    if chosen.layout and chosen.rate:
        # Broadcasts change between stereo and surround.
        filters.append(f"aformat=sample_rates={chosen.rate}:channel_layouts={chosen.layout}")
    late = _LATE < chosen.start < _LONGEST_GAP and not chosen.codec.startswith("wmav")
    skip = 0 if contents.film else _DELAYS.get(chosen.codec, 0)
    return _Plan(index, ",".join(filters), chosen.start if late else 0.0, skip)


def _wma_frame(rate: int, codec: str) -> int:
    """Return the samples of a frame of Windows Media Audio 1 or 2, by which every encoder delays."""
    if rate <= 16_000:
        return 512
    return 1024 if rate <= 22_050 or (rate <= 32_000 and codec == "wmav1") else 2048


class Decoding:
    """The samples that a running ffmpeg gives. After the last:

    decoded: how many samples there were. damaged: ffmpeg complained. short: less came out than the file states,
    as far as that can be told.
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

    def __iter__(self) -> Iterator[Piece]:
        for piece in trimmed(self._pieces(), self._plan.skip):
            self.decoded += len(piece)
            yield piece
        failed = self._process.wait() != 0
        if failed and not self.decoded:
            raise AudioError(
                f"{self._name}: is damaged, nothing of it could be decoded ({self._complaint()})"
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
        """Return the seconds below which the end is missing."""
        if self._contents is None or self._plan.index is None:
            return math.inf
        track = self._contents.tracks[self._plan.index]
        if track.duration is not None:
            return max(track.start, 0.0) + track.duration - NOTICED_LOSS
        whole = self._contents.duration or 0.0
        return 0.9 * whole if self._contents.film else whole - NOTICED_LOSS

    def _complaints(self) -> list[str]:
        """Return what ffmpeg says of the sound."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        others = tuple(f"[{codec} @" for codec in self._contents.others) if self._contents else ()
        return [line for line in lines if not line.startswith(others) and "Last message repeated" not in line]

    def _complaint(self) -> str:
        lines = self._complaints() or ["no reason given"]
        return display_name(lines[-1].rpartition(": ")[2]).lower()

    def _unreadable(self) -> AudioError:
        told = "\n".join(self._complaints())
        if "matches no streams" in told and self._plan.index:
            return AudioError(f"{self._name}: has no audio track {self._plan.index + 1}")
        why = "it holds no audio" if _NO_SOUND.search(told) else self._complaint()
        return AudioError(f"{self._name}: neither libsndfile nor ffmpeg can read it ({why})")
