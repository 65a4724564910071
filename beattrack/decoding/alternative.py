"""Decode a recording at another metrical level, such as half or double the tempo."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.decoding.base import Decoder, Decoding
from beattrack.decoding.dbn.settings import DBNSettings
from beattrack.decoding.parts import decode_parts, join
from beattrack.errors import SettingsError

Limits = tuple[float | None, float | None]
D = TypeVar("D", bound=Decoder)

REACH = 1.15  # the tempo may drift by this factor; the nearest other level is a factor of 1.33 or more away
LEAST_BPM = 10.0


def at_tempo(decoder: D, bpm: float, limits: Limits = (None, None)) -> D:
    """Return a decoder like another one, but for tempi near a given one only.

    Args:
        decoder: a decoder with a tempo range, such as the DBN.
        bpm: the tempo in beats per minute.
        limits: slowest and fastest tempo that the range must not exceed; None for no limit.

    Raises:
        SettingsError: if the decoder has no tempo range.
    """
    settings = decoder.settings
    if not isinstance(settings, DBNSettings):
        raise SettingsError(f"the decoder {decoder.name!r} has no tempo range; use dbn or madmom")
    slowest = max(bpm / REACH, limits[0] or LEAST_BPM, LEAST_BPM)
    fastest = bpm * REACH if limits[1] is None else min(bpm * REACH, limits[1])
    other = copy.copy(decoder)
    other.settings = replace(settings, min_bpm=slowest, max_bpm=fastest)  # type: ignore[misc]
    return other


def beside(times: NDArray[np.float64], decoding: Decoding, period: float) -> Decoding:
    """Return only the beats at most a period away from one of a first decoding, (beats,) in seconds.

    What the first decoding left out as pause, noise or speech has no beats at any level.
    """
    after = np.searchsorted(times, decoding.times).clip(1, len(times) - 1)
    distance = np.minimum(np.abs(decoding.times - times[after - 1]), np.abs(decoding.times - times[after]))
    return decoding.keep(distance <= period)


def decode_beside(
    activations: Activations, decoder: Decoder, times: NDArray[np.float64], period: float
) -> Decoding:
    """Decode where a first decoding found beats.

    Args:
        activations: activations of the recording.
        decoder: decoder from `at_tempo`.
        times: beats of the first decoding in seconds, at least two, shape (beats,).
        period: seconds between them.
    """
    found = join(decode_parts(activations, decoder), bars=activations.downbeats is not None)
    return beside(times, found, period)
