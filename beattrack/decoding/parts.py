"""A recording as its sounding parts: each is decoded by itself, and the pauses between them hold no beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beattrack.activations import Activations
from beattrack.decoding.base import Decoder, Decoding


def sounding_parts(activations: Activations) -> list[slice]:
    """Return the parts of a recording between its pauses, as slices of frames."""
    pauses = [] if activations.pauses is None else activations.pauses.ravel().tolist()
    bounds = [0, *pauses, len(activations.beats)]
    return [slice(start, stop) for start, stop in zip(bounds[::2], bounds[1::2], strict=True) if start < stop]


def decode_parts(activations: Activations, decoder: Decoder) -> list[Decoding]:
    """Return what a decoder finds in each sounding part, with times from the start of the recording."""
    parts = sounding_parts(activations)
    if parts == [slice(0, len(activations.beats))]:
        return [decoder(activations)]
    found = [_decode_part(activations, part, decoder) for part in parts]
    if len({decoding.positions is None for decoding in found if len(decoding.times)}) < 2:
        return found
    # Bars were found in some parts only: all parts together tell where the bars of each begin.
    whole = decoder(activations)
    frames = np.rint(whole.times * activations.fps)
    return [whole.keep((frames >= part.start) & (frames < part.stop)) for part in parts]


def _decode_part(activations: Activations, part: slice, decoder: Decoder) -> Decoding:
    downbeats = None if activations.downbeats is None else activations.downbeats[part]
    found = decoder(Activations(activations.beats[part], downbeats, activations.fps, activations.tempo))
    # Whole frames stay whole, so that a time is the same double as if the recording was decoded at once.
    frames = np.round(found.times * activations.fps, 6) + part.start
    return replace(found, times=frames / float(activations.fps))


def join(parts: Sequence[Decoding], *, bars: bool) -> Decoding:
    """Return the beats of consecutive parts as those of one recording.

    Args:
        parts: the decodings, in order and with times from the start of the recording.
        bars: whether downbeats were looked for, in case there are no beats to tell.

    Returns:
        All beats, with the metre of the part that has the most.
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
    """Tell whether a recording is several parts of at most one beat each: single sounds far apart."""
    return len(parts) > 1 and max(len(part.times) for part in parts) == 1


def common_pulse(parts: Sequence[Decoding]) -> list[Decoding]:
    """Return single sounds as the beats of a slow pulse, if they follow each other evenly; else nothing.

    At least three beats are needed, with all intervals within 10 % of the median. They have no positions, as
    each was decoded by itself.
    """
    times = np.concatenate([part.times for part in parts])
    intervals = np.diff(times)
    if len(intervals) < 2 or (np.abs(intervals / np.median(intervals) - 1) > 0.1).any():
        return []
    return [Decoding(times=times, on_peaks=all(part.on_peaks for part in parts))]
