"""Held-out songs, tracked and scored as by `beattrack eval`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.datasets.songs import HARMONY_RATIO, Song
from beattrack.decoding.base import Decoder
from beattrack.decoding.make import make_decoder
from beattrack.evaluation.score import Item, ScoreSettings, score_item
from beattrack.formats.readers import BeatSequence
from beattrack.network.inference import Network
from beattrack.tracker import PULSE_CONFIDENCE, decode


@dataclass(frozen=True, kw_only=True, eq=False)
class Excerpt:
    """An excerpt of a song.

    Attributes:
        magnitudes: spectrogram, shape (frames, bands).
        harmony: harmony view, shape (slow frames, bands); None if there is none.
        beats: beat times in seconds from the start of the excerpt, shape (beats,).
        positions: positions in the bar, shape (beats,).
    """

    magnitudes: NDArray[np.float32]
    harmony: NDArray[np.float32] | None
    beats: NDArray[np.float64]
    positions: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracked:
    """A song before decoding, small enough to send to another process.

    Attributes:
        song: the song without levels, and with the beats of the excerpt.
        dataset: name of its dataset.
        metre: beats per bar of the whole song, 0 if unknown.
        bpm: tempo of the whole song.
        activations: activations of the excerpt.
    """

    song: Song
    dataset: str
    metre: int
    bpm: float
    activations: Activations


@dataclass(frozen=True, kw_only=True)
class SongScore:
    """Scores of one song.

    Attributes:
        dataset: name of its dataset.
        source: its source in the dataset.
        id: its name in the source.
        genre: its genre, "" if unknown.
        metre: beats per bar, 0 if unknown.
        bpm: median tempo of the annotation.
        values: scores by the names of `beattrack.evaluation`.
    """

    dataset: str
    source: str
    id: str
    genre: str
    metre: int
    bpm: float
    values: dict[str, float]


def cut(song: Song, seconds: float | None = None) -> Excerpt:
    """Return the annotated part of a song, from one beat before the first to one beat after the last.

    The rest is left out because it may contain beats that are not annotated.

    Args:
        song: song to cut.
        seconds: maximum duration, taken from the middle of that part; None for all of it.
    """
    interval = 60.0 / song.bpm
    start, stop = max(song.beats[0] - interval, 0.0), min(song.beats[-1] + interval, song.seconds)
    if seconds is not None and stop - start > seconds:
        start += (stop - start - seconds) / 2
        stop = start + seconds
    # Start at a frame of the harmony view, so that both views start at the same time.
    first = round(start * song.fps / HARMONY_RATIO) * HARMONY_RATIO
    last = round(stop * song.fps)
    slow = slice(first // HARMONY_RATIO, -(-last // HARMONY_RATIO))
    beats = song.beats - first / song.fps
    inside = (beats >= 0) & (beats < (last - first) / song.fps)
    return Excerpt(
        magnitudes=song.quantisation.magnitude(song.levels[first:last]),
        harmony=None if song.harmony is None else song.quantisation.magnitude(song.harmony[slow]),
        beats=beats[inside],
        positions=song.positions[inside],
    )


def choose(songs: Sequence[Song], count: int) -> list[int]:
    """Return the indices of `count` songs of each source, spread over its genres; always the same ones."""
    order = sorted(range(len(songs)), key=lambda i: hashlib.sha256(songs[i].id.encode()).hexdigest())
    of_genre: Counter[tuple[str, str]] = Counter()
    turns = {}
    for i in order:
        turns[i] = of_genre[songs[i].source, songs[i].genre]
        of_genre[songs[i].source, songs[i].genre] += 1
    of_source: Counter[str] = Counter()
    chosen = []
    for i in sorted(order, key=lambda i: turns[i]):
        of_source[songs[i].source] += 1
        if of_source[songs[i].source] <= count:
            chosen.append(i)
    return sorted(chosen)


def track(song: Song, dataset: str, network: Network, seconds: float | None = None) -> Tracked:
    """Compute the activations of the excerpt that `cut` returns, as if it were a whole recording."""
    excerpt = cut(song, seconds)
    nothing = np.empty((0, song.levels.shape[1]), np.uint8)
    return Tracked(
        song=replace(song, levels=nothing, harmony=None, beats=excerpt.beats, positions=excerpt.positions),
        dataset=dataset,
        metre=song.metre,
        bpm=song.bpm,
        activations=network.compute(
            [excerpt.magnitudes], () if excerpt.harmony is None else [excerpt.harmony]
        ),
    )


def score(tracked: Tracked) -> SongScore:
    """Decode activations with the default decoder, and score the beats against the annotation."""
    beats, song = decode(tracked.activations, _decoder(), least_confidence=PULSE_CONFIDENCE), tracked.song
    item = Item(
        song.id,
        BeatSequence(song.beats, song.positions if song.downbeats == "yes" else None),
        BeatSequence(beats.times, beats.positions, beats.bpm if tracked.activations.tempo_only else None),
        song.genre or None,
    )
    values = score_item(item, ScoreSettings()).values
    if tracked.activations.tempo_only:
        values = {name: value for name, value in values.items() if name.startswith("tempo.")}
    return SongScore(
        dataset=tracked.dataset,
        source=song.source,
        id=song.id,
        genre=song.genre,
        metre=tracked.metre,
        bpm=tracked.bpm,
        values=values,
    )


@lru_cache(maxsize=1)
def _decoder() -> Decoder:
    return make_decoder("dbn")
