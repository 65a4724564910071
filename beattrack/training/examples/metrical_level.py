"""The metrical level of charts: whether listeners would tap at their tempo, at half of it, or who knows.

Charts of rhythm games count so that notes fall on a grid, often at twice the tempo that listeners tap. Where
the snare falls tells: on the second and fourth beat, and the count is the felt one; on the third in their
place, and listeners tap half notes.
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
SPAN_DB = 50.0  # below the loudest: what is quieter does not count as a rise
REACH = 3  # frames around a beat in which its snare may come
CLEAR = 0.2  # how far the snare's share of the backbeat must lie above that of the other beats, in mean rises


@dataclass(frozen=True, kw_only=True)
class LevelSettings:
    """What is done with songs whose metrical level is that of a chart (`Song.felt` is false).

    halve_bpm, halve_probability: above that tempo, a crop keeps every second beat with this probability.
    open_bpm: above that tempo, and where not halved, every second beat is not judged, so that the network may
        take either level; 0 for never.
    hear_backbeat: whether songs with the snare on the third beat, not the second and fourth, are always
        halved, and those with the snare on the second and fourth never halved nor left open.
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
    """The song with the beats to learn, and those that are not to be judged, (beats,) seconds, if any."""
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
    """Whether positions in the bar are known, and even and odd ones alternate throughout."""
    return bool(song.positions.max(initial=0) > 1 and (np.diff(song.positions) % 2 == 1).all())


def halved(song: Song) -> Song:
    """The song with every second beat alone: the odd ones; where its bars begin at this tempo is not known.

    Where downbeats are not known, the beats at which more is heard are kept, as odd says nothing.
    """
    kept = song.positions % 2 == 1
    if song.downbeats == "no":
        rises = strengths(song)
        if rises[~kept].mean() > rises[kept].mean():
            kept = ~kept
    return replace(song, beats=song.beats[kept], positions=song.positions[kept], downbeats="no")


@cache
def backbeat(song: Song) -> Backbeat:
    """Hear which beats of a song in fours the snare falls on; kept, as songs are drawn again and again.

    Where downbeats are not known, one beat of four that stands out is the third, and two of them that are no
    neighbours are the second and fourth.
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
        # As if the strongest were the third beat.
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
    """How far the bands in which snares sound rise at each beat, (beats,) decibels."""
    return rises_at(song, song.beats)


def rises_at(song: Song, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean rise of the bands where snares sound, (times,) decibels, at the highest frame near each time."""
    levels = song.levels[:, SNARE_BANDS].astype(np.float32) * np.float32(song.quantisation.step_db)
    levels = np.maximum(levels, levels.max(initial=0.0) - np.float32(SPAN_DB))
    rise = np.zeros(len(levels))
    rise[1:-1] = np.maximum(levels[2:] - levels[:-2], 0).mean(axis=1)
    frames = np.round(times * song.fps).astype(np.int64)[:, None] + np.arange(-REACH, REACH + 1)
    highest: NDArray[np.float64] = rise[np.clip(frames, 0, len(rise) - 1)].max(axis=1)
    return highest
