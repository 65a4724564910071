"""Decode the sounding parts of a recording separately, so that there are no beats in the pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beattrack.activations import Activations
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.base import Decoder, Decoding
from beattrack.decoding.dbn import DBNDecoder
from beattrack.errors import SettingsError


def sounding_parts(activations: Activations, anchors: Anchors | None = None) -> list[slice]:
    """Return the parts of a recording between its pauses, as slices of frames.

    Args:
        activations: activations of the recording.
        anchors: known beats; a pause that contains one is part of the music.
    """
    frames = len(activations.beats)
    pauses = [] if activations.pauses is None else activations.pauses.tolist()
    known = [] if anchors is None else anchors.frames(activations.fps, frames).tolist()
    pauses = [pause for pause in pauses if not any(pause[0] <= frame < pause[1] for frame in known)]
    bounds = [activations.first, *(bound for pause in pauses for bound in pause), frames]
    return [slice(start, stop) for start, stop in zip(bounds[::2], bounds[1::2], strict=True) if start < stop]


def decode_parts(
    activations: Activations, decoder: Decoder, anchors: Anchors | None = None
) -> list[Decoding]:
    """Decode each sounding part.

    Args:
        activations: activations of the recording.
        decoder: the decoder.
        anchors: beats that the decodings must contain; None for no anchors.

    Returns:
        One decoding for each part, with times in seconds from the start of the recording.

    Raises:
        SettingsError: if the decoder has no anchors, or no beats meet them.
    """
    parts = sounding_parts(activations, anchors)
    if parts == [slice(0, len(activations.beats))]:
        return [_decode(activations, decoder, anchors)]
    found = [_decode_part(activations, part, decoder, anchors) for part in parts]
    if len({decoding.positions is None for decoding in found if len(decoding.times)}) < 2:
        return found
    # Bars were found in some parts only. Decoding all parts together gives positions for every part.
    whole = _decode(activations, decoder, anchors)
    frames = np.rint(whole.times * activations.fps)
    return [whole.keep((frames >= part.start) & (frames < part.stop)) for part in parts]


def check_anchors(decoder: Decoder) -> DBNDecoder:
    """Return a decoder that can be given anchors.

    Raises:
        SettingsError: if it is not the decoder `dbn`.
    """
    if not isinstance(decoder, DBNDecoder):
        raise SettingsError(f"the decoder {decoder.name!r} has no anchors; use the decoder 'dbn'")
    return decoder


def _decode(
    activations: Activations, decoder: Decoder, anchors: Anchors | None, start: float = 0.0
) -> Decoding:
    if anchors is None:
        return decoder(activations)
    return check_anchors(decoder)(activations, anchors, start=start)


def cut_part(
    activations: Activations, part: slice, anchors: Anchors | None
) -> tuple[Activations, Anchors | None]:
    """Return the activations of a part, and the anchors in it, at their times in the recording."""
    downbeats = None if activations.downbeats is None else activations.downbeats[part]
    inside = None
    if anchors is not None:
        frames = anchors.frames(activations.fps, len(activations.beats))
        inside = anchors.keep((frames >= part.start) & (frames < part.stop))
    return Activations(activations.beats[part], downbeats, activations.fps, activations.tempo), inside


def _decode_part(
    activations: Activations, part: slice, decoder: Decoder, anchors: Anchors | None
) -> Decoding:
    sounding, inside = cut_part(activations, part, anchors)
    found = _decode(sounding, decoder, inside, part.start / activations.fps)
    # Frames are rounded, so that times are bit-identical to those of a recording decoded at once.
    frames = np.round(found.times * activations.fps, 6) + part.start
    return replace(found, times=frames / float(activations.fps))


def join(parts: Sequence[Decoding], *, bars: bool) -> Decoding:
    """Return the beats of consecutive parts as one decoding.

    Args:
        parts: decodings in order, with times in seconds from the start of the recording.
        bars: whether the result has positions if there are no beats.

    Returns:
        All beats, with the metre of the part that has the most beats.
    """
    filled = [part for part in parts if len(part.times)]
    if len(filled) == 0:
        return Decoding.empty(bars=bars)
    if len(filled) == 1:
        return filled[0]
    positions = [part.positions for part in filled if part.positions is not None]
    scores = [part.log_probability for part in filled if part.log_probability is not None]
    return Decoding(
        times=np.concatenate([part.times for part in filled]),
        positions=np.concatenate(positions) if len(positions) == len(filled) else None,
        log_probability=sum(scores) if len(scores) == len(filled) else None,
        beats_per_bar=max(filled, key=lambda part: len(part.times)).beats_per_bar,
        on_peaks=all(part.on_peaks for part in filled),
    )


def isolated(parts: Sequence[Decoding]) -> bool:
    """Return whether a recording consists of several parts with at most one beat each."""
    return len(parts) > 1 and max(len(part.times) for part in parts) == 1


def common_pulse(parts: Sequence[Decoding]) -> list[Decoding]:
    """Return single sounds as the beats of a slow pulse if they are evenly spaced.

    Args:
        parts: decodings of at most one beat each.

    Returns:
        One decoding without positions; an empty list if there are fewer than three beats or any interval
        deviates from the median by more than 10 %.
    """
    times = np.concatenate([part.times for part in parts])
    intervals = np.diff(times)
    if len(intervals) < 2 or (np.abs(intervals / np.median(intervals) - 1) > 0.1).any():
        return []
    return [Decoding(times=times, on_peaks=all(part.on_peaks for part in parts))]
