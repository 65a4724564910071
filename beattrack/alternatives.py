"""The second reading of a recording: its beats at the likeliest other metrical level."""

from __future__ import annotations

import math
from dataclasses import replace

from beattrack.activations import Activations
from beattrack.decoding.alternative import LEAST_BPM, Limits, at_tempo, decode_beside
from beattrack.decoding.base import Decoder
from beattrack.decoding.dbn import DBNSettings
from beattrack.result import Beats
from beattrack.tempo import HEAD_TOLERANCE, Tempo, other_tempi


def second_reading(
    beats: Beats, activations: Activations, decoder: Decoder, *, limits: Limits | None = None
) -> Beats | None:
    """Return the beats at the likeliest other metrical level, such as half or double the tempo.

    They are decoded like the first ones, but with the tempo range limited to 15 % around the other candidate
    of `Beats.tempo`, which may lie outside the decoder's default range.

    Args:
        beats: the first reading.
        activations: activations that it was decoded from.
        decoder: decoder that it was decoded with, one with a tempo range.
        limits: slowest and fastest tempo in BPM, None for no limit; the default are those of the decoder's
            settings that differ from their defaults.

    Returns:
        The beats; None if there is no other tempo within the limits, or no tempo at all.

    Raises:
        SettingsError: if the decoder has no tempo range.
    """
    limits = _given_limits(decoder) if limits is None else limits
    slowest, fastest = limits[0] or 0.0, limits[1] or math.inf
    if beats.tempo is None:
        return None
    tempi = [bpm for bpm in other_tempi(beats.tempo.bpm, activations.tempo) if slowest <= bpm <= fastest]
    if not tempi:
        return None
    other = at_tempo(decoder, max(tempi[0], LEAST_BPM), limits)
    found = decode_beside(activations, other, beats.times, 60 / beats.tempo.bpm)
    if len(found.times) < 2:
        return None
    reading = Beats.from_decoding(
        found,
        activations,
        duration=beats.duration,
        file=beats.file,
        model=beats.model,
        decoder={"name": other.name, "settings": other.settings},
    )
    return replace(reading, tempo=_tempo_of_second(beats.tempo, reading.tempo))


def _given_limits(decoder: Decoder) -> Limits:
    settings, usual = decoder.settings, DBNSettings()
    if not isinstance(settings, DBNSettings):
        return None, None
    slowest, fastest = settings.widest_bpm_range
    return (
        None if settings.min_bpm == usual.min_bpm else slowest,
        None if settings.max_bpm == usual.max_bpm else fastest,
    )


def _tempo_of_second(first: Tempo, second: Tempo | None) -> Tempo | None:
    """Return the tempo of a second reading, with the candidates and strengths of the first one."""
    if second is None:
        return None
    candidates = tuple(
        candidate
        if abs(candidate.bpm / second.bpm - 1) > HEAD_TOLERANCE
        else replace(candidate, bpm=second.bpm)
        for candidate in first.candidates
    )
    known = any(candidate.bpm == second.bpm for candidate in candidates)
    return replace(second, candidates=candidates) if known else second
