"""Explain in one sentence why a recording has no beats, or why its beats may be wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.base import Decoding, probabilities
from beattrack.decoding.pulse import half_are_sure, slower_by
from beattrack.tempo import HEAD_TOLERANCE, beat_period, clear_tempo, tempo_share

Float64 = NDArray[np.float64]

SHORTEST_SECONDS = 0.1

# The tempo head is ignored if no beat is as probable as this, because for noise it reports any tempo.
CLEAR_BEAT = 0.3

# The tempo range excludes the tempo head's estimate if at most this share of its probability is inside.
EXCLUDED_SHARE = 0.25

# Rounding to whole frames can put the tempo of fewer beats outside the range, or that of more beats outside
# by less than this share.
BEATS_OF_A_TEMPO = 8
TEMPO_TOLERANCE = 0.005


def explain(
    activations: Activations,
    confidences: Sequence[Float64],
    kept: Decoding,
    *,
    isolated: bool,
    least_confidence: float,
    bpm_range: tuple[float, float] | None,
) -> str | None:
    """Return why there are no beats, or why they may be wrong.

    Args:
        activations: activations of the recording.
        confidences: confidence of the beats of each sounding part, shape (beats,), before any were discarded.
        kept: the beats that were kept.
        isolated: whether only single sounds far apart were found.
        least_confidence: the least confidence required.
        bpm_range: slowest and fastest tempo allowed, in beats per minute; None if the decoder has no range.

    Returns:
        A sentence without a full stop, or None if there is nothing to report.
    """
    excluded = None if bpm_range is None else _excluded_tempo(activations, bpm_range)
    if len(kept.times) == 0:
        why = _no_beats(activations, confidences, isolated)
        return why if excluded is None else f"{why}; {excluded}"
    if bpm_range is None:
        return None
    return (
        excluded or _outside_range(kept, bpm_range) or _slower_music(confidences, least_confidence, bpm_range)
    )


def _no_beats(activations: Activations, confidences: Sequence[Float64], isolated: bool) -> str:
    if activations.duration - activations.start <= SHORTEST_SECONDS:
        return "no beats: the recording is too short"
    if not confidences:
        return "no beats: the recording is silent or a steady sound"
    if activations.tempo_only:
        return "no beats: this network finds only the tempo of a whole recording, not its beats"
    if not any(map(len, confidences)):
        highest = probabilities(activations.beats).max()
        return f"no beats: the network detects none (the highest beat activation is {highest:.2f})"
    if isolated:
        return "no beats: there are only single sounds, far apart"
    median = float(np.median(np.concatenate(confidences)))
    return f"no beats: there is no steady pulse (the median confidence is {median:.2f})"


def _slower_music(confidences: Sequence[Float64], least: float, bpm_range: tuple[float, float]) -> str | None:
    for confidence in confidences:
        number = 0 if half_are_sure(confidence, least) else slower_by(confidence, least)
        if number:
            return (
                f"only one beat in {number} is audible: the music may be slower than the slowest tempo "
                f"allowed, {bpm_range[0]:g} BPM (min_bpm)"
            )
    return None


def _outside_range(kept: Decoding, bpm_range: tuple[float, float]) -> str | None:
    if len(kept.times) < BEATS_OF_A_TEMPO:
        return None
    bpm = 60 / beat_period(kept.times)
    slowest, fastest = bpm_range
    if slowest * (1 - TEMPO_TOLERANCE) <= bpm <= fastest * (1 + TEMPO_TOLERANCE):
        return None
    return f"the beats follow {bpm:.1f} BPM, outside the tempo range of {slowest:g} to {fastest:g} BPM"


def _excluded_tempo(activations: Activations, bpm_range: tuple[float, float]) -> str | None:
    if activations.tempo is None or probabilities(activations.beats).max(initial=0.0) < CLEAR_BEAT:
        return None
    heard = clear_tempo(activations.tempo)
    slowest, fastest = bpm_range
    inside = tempo_share(activations.tempo, slowest / (1 + HEAD_TOLERANCE), fastest * (1 + HEAD_TOLERANCE))
    if heard is None or inside > EXCLUDED_SHARE:
        return None
    if heard < slowest:
        limit = f"the slowest tempo allowed is {slowest:g} BPM (min_bpm)"
    else:
        limit = f"the fastest tempo allowed is {fastest:g} BPM (max_bpm)"
    return f"the network estimates about {heard:.0f} BPM, but {limit}"
