"""The split into training and held-out songs, and the probability with which each song is drawn."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets.folds import gtzan_folds
from beattrack.datasets.songs import Song
from beattrack.training.settings import ValidationSettings

SongsByDataset = Mapping[str, tuple[Song, ...]]

GTZAN = ("gtzan", "gtzan-mini", "gtzan_genre")  # datasets with predefined folds

_HASH = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Songs to draw from.

    Attributes:
        songs: the songs.
        datasets: name of the dataset of each song.
        chances: probability of each song, with a sum of 1, shape (songs,).
    """

    songs: tuple[Song, ...]
    datasets: tuple[str, ...]
    chances: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Training songs and held-out songs; no group is on both sides."""

    training: Pool
    validation: Pool


def split_songs(songs: SongsByDataset, weights: Mapping[str, float], settings: ValidationSettings) -> Split:
    """Split songs into training and held-out songs.

    Whole groups are held out, chosen by their hash. A source with two or more groups has at least one on each
    side. With folds, GTZAN is split into its artist-aware folds. Of the held-out songs of a source, those
    with trusted downbeats are used for validation, or all if none has trusted downbeats.

    Args:
        songs: songs of each dataset.
        weights: weight of each dataset.
        settings: settings of the validation.
    """
    held_out = _held_out_groups(songs, settings)
    training = {
        name: tuple(song for song in dataset if song.group not in held_out) for name, dataset in songs.items()
    }
    validation = {
        name: _trusted([song for song in dataset if song.group in held_out])
        for name, dataset in songs.items()
    }
    return Split(training=make_pool(training, weights), validation=make_pool(validation, weights))


def make_pool(songs: SongsByDataset, weights: Mapping[str, float]) -> Pool:
    """Return a pool with the probability of each song.

    Datasets are drawn in proportion to their weights. Within a dataset, sources are drawn in proportion to
    the square root of their duration, and so are genres within a source, so that none dominates. Within a
    genre, songs are drawn in proportion to their duration.

    Args:
        songs: songs of each dataset.
        weights: weight of each dataset.
    """
    present = {name: dataset for name, dataset in songs.items() if dataset}
    chances = [weights[name] * _balanced(dataset) for name, dataset in present.items()]
    total = np.concatenate([np.empty(0), *chances])
    return Pool(
        songs=tuple(song for dataset in present.values() for song in dataset),
        datasets=tuple(name for name, dataset in present.items() for _ in dataset),
        chances=total / total.sum() if len(total) else total,
    )


def group_number(group: str) -> int:
    """Return the number that decides which side a group is on: its hash, or itself if it is hexadecimal."""
    digits = group if _HASH.fullmatch(group) else hashlib.sha256(group.encode()).hexdigest()[:15]
    return int(digits, 16)


def _held_out_groups(songs: SongsByDataset, settings: ValidationSettings) -> set[str]:
    groups: dict[str, set[str]] = defaultdict(set)
    for dataset in songs.values():
        for song in dataset:
            groups[song.source].add(song.group)
    period, chosen = (settings.folds, settings.fold) if settings.folds else (round(1 / settings.share), 0)
    held_out = set()
    for name, dataset in songs.items():
        if settings.folds and name in GTZAN:
            folds = gtzan_folds([song.id for song in dataset], settings.folds)
            held_out |= {song.group for song in dataset if folds[song.id] == chosen}
        else:
            held_out |= {song.group for song in dataset if group_number(song.group) % period == chosen}
    for names in (names for names in groups.values() if len(names) > 1):
        order = sorted(names, key=lambda group: (group_number(group) % period, group))
        if names <= held_out:
            held_out.discard(order[-1])
        elif not names & held_out:
            held_out.add(order[0])
    return held_out


def _trusted(songs: Sequence[Song]) -> tuple[Song, ...]:
    with_bars = {song.source for song in songs if song.downbeats == "yes"}
    return tuple(song for song in songs if song.downbeats == "yes" or song.source not in with_bars)


def _balanced(songs: Sequence[Song]) -> NDArray[np.float64]:
    """Return the probability of each song in one dataset, (songs,)."""
    lengths = np.array([len(song.levels) for song in songs], dtype=np.float64)
    chances = _rooted(songs, lengths, lambda song: song.source)
    for source in sorted({song.source for song in songs}):
        here = np.array([song.source == source for song in songs])
        inside = [song for song in songs if song.source == source]
        genres = _rooted(inside, lengths[here], lambda song: song.genre)
        chances[here] = chances[here].sum() * genres
    return chances


def _rooted(
    songs: Sequence[Song], lengths: NDArray[np.float64], label: Callable[[Song], Hashable]
) -> NDArray[np.float64]:
    """Return probabilities by duration within a label, and by its square root between labels, (songs,)."""
    totals: dict[Hashable, float] = defaultdict(float)
    for song, length in zip(songs, lengths, strict=True):
        totals[label(song)] += length
    chances = lengths / np.sqrt([totals[label(song)] for song in songs])
    normalised: NDArray[np.float64] = chances / chances.sum()
    return normalised
