"""The metrical level of charts: whether listeners would tap at their tempo, at half of it, or unclear.

Charts of rhythm games often have twice the tempo at which listeners tap. The snare drum shows which: if it
plays on the second and fourth beats, the tempo is right; if it plays on the third beat only, listeners tap
half notes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from beattrack.datasets.songs import Song
from beattrack.runtime import checks

Backbeat = Literal["whole", "half", "unclear"]

SNARE_BANDS = slice(25, 62)  # about 0.75 to 6 kHz, above the bass and below most of the hi-hat
SPAN_DB = 50.0  # below the maximum; quieter changes do not count as rises
REACH = 3  # frames on both sides of a beat in which its snare may sound
CLEAR = 0.2  # least difference between backbeat and other beats, relative to the mean rise


@dataclass(frozen=True, kw_only=True)
class LevelSettings:
    """What to do with songs whose beats are from a chart (`Song.felt` is false).

    Attributes:
        halve_bpm: tempo above which a song may be halved.
        halve_probability: probability that such a crop keeps only every second beat.
        open_bpm: tempo above which every second beat is ignored in the loss, unless the song is halved, so
            that the network may choose either level; 0 for never.
        hear_backbeat: always halve songs with the snare on the third beat, and never halve or leave open
            those with the snare on the second and fourth.

    Raises:
        SettingsError: if a value is out of range.
    """

    halve_bpm: float = 150.0
    halve_probability: float = 0.0
    open_bpm: float = 0.0
    hear_backbeat: bool = False

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                **dict.fromkeys(("halve_bpm", "open_bpm"), checks.at_least(0)),
                "halve_probability": checks.share(),
                "hear_backbeat": checks.flag(),
            },
            prefix="crop.level.",
        )


def choose_level(
    song: Song, settings: LevelSettings, rng: Generator
) -> tuple[Song, NDArray[np.float64] | None]:
    """Choose the metrical level at which a song is learnt.

    Args:
        song: song to learn.
        settings: what to do with charts.
        rng: generator of random numbers.

    Returns:
        The song with the beats to learn, and the times of beats to ignore in the loss, in seconds, shape
        (beats,), or None.
    """
    if song.felt or not can_be_halved(song):
        return song, None
    heard = backbeat(song) if settings.hear_backbeat else "unclear"
    if heard == "whole":
        return song, None
    if heard == "half" or (song.bpm > settings.halve_bpm and rng.random() < settings.halve_probability):
        return halved(song), None
    if 0 < settings.open_bpm < song.bpm:
        slow = halved(song)
        return slow, np.setdiff1d(song.beats, slow.beats)
    return song, None


def can_be_halved(song: Song) -> bool:
    """Return whether positions in the bar are known and alternate between odd and even throughout."""
    return bool(song.positions.max(initial=0) > 1 and (np.diff(song.positions) % 2 == 1).all())


def halved(song: Song) -> Song:
    """Return a song with every second beat only, and without downbeats, which are unknown at this tempo.

    The beats at odd positions are kept. If downbeats are unknown, so that odd positions mean nothing, the
    beats with the stronger rises are kept instead.
    """
    kept = song.positions % 2 == 1
    if song.downbeats == "no":
        rises = strengths(song)
        if rises[~kept].mean() > rises[kept].mean():
            kept = ~kept
    return replace(song, beats=song.beats[kept], positions=song.positions[kept], downbeats="no")


@cache
def backbeat(song: Song) -> Backbeat:
    """Return whether the backbeat of a song in 4/4 is that of its tempo, of half its tempo, or unclear.

    If downbeats are unknown, a single beat of four that stands out is taken for the third, and two beats that
    are not adjacent for the second and fourth. The result is cached, because songs are drawn many times.
    """
    if song.positions.max(initial=0) != 4:
        return "unclear"
    rises = strengths(song)
    places = [rises[song.positions == place] for place in (1, 2, 3, 4)]
    if min(len(place) for place in places) == 0 or not rises.any():
        return "unclear"
    means = np.array([place.mean() for place in places])
    clear = CLEAR * float(means.mean())
    if song.downbeats == "no":
        # Take the strongest beat for the third.
        first, second, third, fourth = np.roll(means, 2 - int(means.argmax())).tolist()
        if third - max(first, second, fourth) >= 2 * clear:
            return "half"
        return "whole" if first - (second + fourth) / 2 >= clear else "unclear"
    first, second, third, fourth = means.tolist()
    if third - (second + fourth) / 2 >= 2 * clear:
        return "half"
    return "whole" if (second + fourth - first - third) / 2 >= clear else "unclear"


@cache
def strengths(song: Song) -> NDArray[np.float64]:
    """Compute the rise in the bands of the snare at each beat, in dB, shape (beats,)."""
    return rises_at(song, song.beats)


def rises_at(song: Song, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the largest rise in the bands of the snare near each time.

    Args:
        song: song to analyse.
        times: times in seconds, shape (times,).

    Returns:
        Mean rises over the bands in dB, shape (times,).
    """
    levels = song.levels[:, SNARE_BANDS].astype(np.float32) * np.float32(song.quantisation.step_db)
    levels = np.maximum(levels, levels.max(initial=0.0) - np.float32(SPAN_DB))
    rise = np.zeros(len(levels))
    rise[1:-1] = np.maximum(levels[2:] - levels[:-2], 0).mean(axis=1)
    frames = np.round(times * song.fps).astype(np.int64)[:, None] + np.arange(-REACH, REACH + 1)
    highest: NDArray[np.float64] = rise[np.clip(frames, 0, len(rise) - 1)].max(axis=1)
    return highest
