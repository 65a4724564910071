"""Decode audio files, pipes and file objects to samples as stored.

libsndfile decodes WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF, AU, CAF and others, recognised by content and not
by file name. Files that it cannot read (AAC, WMA, video) are decoded by `ffmpeg` if it is on PATH.

Time 0 is the point at which players start: the first sample of the music, or the start of the picture if that
is earlier. Encoder delays are removed if the file states them (LAME tag or iTunSMPB comment of an MP3, edit
list of an MP4, pre-skip of Opus) or if they are the same for every encoder of the format (WMA, MP2, AC-3,
DTS). The samples are then aligned with the original WAV to within one sample, or one millisecond for WMA. An
MP3 without a tag keeps the delay of its encoder and decoder (25 ms for LAME), and AAC outside MP4 that of its
encoder (23 ms for ffmpeg's), as in players.

All audio that can be decoded is used. Concatenated files are read one after the other, wrong lengths in
headers are corrected, and ffmpeg decodes the parts of a damaged file that libsndfile cannot decode. If audio
is lost, an AudioWarning is given; if nothing can be decoded, an AudioError is raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO

import soundfile

from beattrack.audio import ffmpeg, flac, headers, mpeg, ogg, sndfile
from beattrack.audio.base import (
    NOTICED_LOSS,
    PIECE,
    Piece,
    Source,
    Stream,
    Trimmed,
    display_name,
    no_such_track,
    reason,
    warn_damaged,
    warn_short,
)
from beattrack.audio.parts import Layout, Window, after_tags
from beattrack.audio.sources import file_name, on_disk
from beattrack.errors import AudioError


@contextmanager
def opened(source: Source, track: int | None = None, *, start: float = 0.0) -> Iterator[tuple[Stream, str]]:
    """Open a source of audio.

    Args:
        source: path, "-" for standard input, binary file object, the bytes of a file, or an open
            `soundfile.SoundFile`.
        track: number of the audio track, from 1; None uses the default track.
        start: where to begin, in seconds. WAV, FLAC and other lossless files are read from there on; others
            are decoded from their start, because only this gives the same samples.

    Yields:
        The samples as stored, and the name of the source for messages.

    Raises:
        AudioError: if the source cannot be opened; while the pieces are read, if nothing can be decoded.

    Warns:
        AudioWarning: while the pieces are read, if some of the audio cannot be decoded.
    """
    if isinstance(source, soundfile.SoundFile):
        path = file_name(source)
        name = "SoundFile" if path is None else display_name(path)
        if track is not None and track > 1:
            raise no_such_track(name, track, 1)
        yield _later(sndfile.stream_of(source, name), start), name
        return
    with on_disk(source) as (path, name), _decoder(path, name, track, start) as stream:
        yield stream, name


def _later(stream: Stream, start: float) -> Stream:
    """Return a stream from `start` seconds on."""
    return replace(stream, pieces=Trimmed(stream.pieces, round(start * stream.rate))) if start else stream


@contextmanager
def _decoder(path: str, name: str, track: int | None, start: float) -> Iterator[Stream]:
    layout = _layout(path, name)
    sound = sndfile.open_sound(path, name, layout.parts[0] if layout.parts else None)
    if sound is None and not ffmpeg.installed():
        layout = _late_mpeg(path) or layout
        sound = sndfile.open_sound(path, name, layout.parts[0]) if layout.parts else None
    if sound is None:
        with ffmpeg.opened(path, name, track) as reading:
            yield _later(Stream(reading.rate, _warned(reading, name), reading.duration), start)
        return
    with sound:
        if track is not None and track > 1 and not layout.mixed:
            raise no_such_track(name, track, 1)
        gaps = sound.format == "OGG" and layout.damaged  # libsndfile skips them silently
        if (layout.mixed or gaps) and (ffmpeg.installed() or (track or 1) > 1):
            with ffmpeg.opened(path, name, track) as reading:
                pieces = _warned(reading, name, damaged=layout.damaged)
                yield _later(Stream(reading.rate, pieces, reading.duration), start)
            return
        whole = sndfile.Reading(sound, path, name, layout.parts, layout.samples)
        pieces = _complete(whole, layout, path, name)
        if start:
            skip = round(start * whole.rate)
            yield Stream(whole.rate, Trimmed(pieces, skip, whole.seek(skip)), whole.duration)
        else:
            yield Stream(whole.rate, pieces, whole.duration)


def _layout(path: str, name: str) -> Layout:
    """Return the parts in which to read a file, and their headers."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return _inspector(file, size)(file, size) or Layout(())
    except OSError as error:
        raise AudioError(f"{name}: cannot be opened ({reason(error)})") from error


def _inspector(file: IO[bytes], size: int) -> Callable[[IO[bytes], int], Layout | None]:
    window = Window(file, size)
    start = after_tags(window, 0)
    head = window.read(start, 4)
    if head == b"OggS":
        return ogg.inspect
    if head != b"fLaC" and (start > 0 or head[:1] == b"\xff" or not any(head)):
        return mpeg.inspect
    return headers.inspect


def _late_mpeg(path: str) -> Layout | None:
    """Return the layout of an MP3 that does not start with a frame, such as a recorded broadcast."""
    with open(path, "rb") as file:
        layout = mpeg.inspect(file, os.fstat(file.fileno()).st_size)
    # A film has pictures between the audio frames, so its layout counts as damaged.
    return None if layout is None or layout.damaged or len(layout.parts) != 1 else layout


def _warned(reading: ffmpeg.Reading, name: str, *, damaged: bool = False) -> Iterator[Piece]:
    """Yield the samples that ffmpeg decodes, and warn if any are lost."""
    yield from reading
    if reading.short:
        warn_short(name, reading.decoded / reading.rate)
    elif reading.damaged or damaged:
        warn_damaged(name, reading.decoded / reading.rate)


def _complete(reading: sndfile.Reading, layout: Layout, path: str, name: str) -> Iterator[Piece]:
    """Yield the samples that libsndfile decodes, then the rest, decoded in parts or by ffmpeg."""
    yield from reading
    decoded, stated = reading.decoded, reading.stated
    lost, damaged = reading.failed or reading.short, layout.damaged
    joined = reading.format == "FLAC" and (reading.failed or sndfile.STOPS_SILENTLY)
    if joined and (again := _split(path, name)) is not None:
        for piece in Trimmed(again, decoded):
            decoded += len(piece)
            yield piece
        lost, stated = again.failed or again.short, again.stated
    if lost and (reading.failed or reading.format == "MP3") and ffmpeg.installed():
        before = decoded
        for piece in _by_ffmpeg(reading, path, name, decoded):
            decoded += len(piece)
            yield piece
        lost = decoded == before or stated - decoded > NOTICED_LOSS * reading.rate
        # If libsndfile stopped only at bytes after the music, it lost at most the pieces being read.
        damaged |= not lost and stated - before > 2 * PIECE
    if not decoded and reading.failed:
        raise AudioError(f"{name}: is damaged; nothing of it could be decoded")
    if lost or layout.short:
        warn_short(name, decoded / reading.rate)
    elif damaged:
        warn_damaged(name, decoded / reading.rate)


def _split(path: str, name: str) -> sndfile.Reading | None:
    """Return a reading of the parts of a FLAC file, or None if it has only one."""
    with open(path, "rb") as file:
        layout = flac.inspect(file, os.fstat(file.fileno()).st_size)
    first = None if layout is None else sndfile.open_sound(path, name, layout.parts[0])
    return None if layout is None or first is None else sndfile.Reading(first, path, name, layout.parts, None)


def _by_ffmpeg(reading: sndfile.Reading, path: str, name: str, decoded: int) -> Iterator[Piece]:
    """Yield the samples after the first `decoded`, if ffmpeg can read the file."""
    with suppress(AudioError), ffmpeg.opened(path, name) as rest:
        if (rest.rate, rest.channels) == (reading.rate, reading.channels):
            yield from Trimmed(rest, decoded)
