"""Folds of GTZAN for cross-validation, with each artist in one fold only; otherwise scores would be too high.

The artists are from Sturm's index of GTZAN, and the partition is by Kereliuk, Sturm and Larsen; the data file
`gtzan_artists.txt` cites both. Artists who play together in any excerpt count as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal, cast

from beattrack.datasets.base import DatasetError

Side = Literal["train", "valid", "test"]

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
EXCERPTS = 100  # per genre


@dataclass(frozen=True)
class _Facts:
    """Artists of the identified excerpts, and sides of the excerpts in the partition, both by id."""

    artists: Mapping[str, tuple[str, ...]]
    sides: Mapping[str, Side]


def gtzan_groups() -> dict[str, str]:
    """Return the group of every GTZAN excerpt by id, such as `gtzan_blues_00000`.

    An excerpt of an unknown artist is a group by itself.
    """
    return dict(_groups())


def gtzan_partition(track_ids: Iterable[str]) -> dict[str, Side]:
    """Return the side of each excerpt in the published fault-filtered partition.

    Args:
        track_ids: ids such as `gtzan_blues_00000`.

    Returns:
        Sides by id, without the excerpts that the partition leaves out.
    """
    sides = _facts().sides
    return {track_id: sides[track_id] for track_id in track_ids if track_id in sides}


def gtzan_folds(track_ids: Iterable[str], k: int) -> dict[str, int]:
    """Return the fold of each excerpt, for cross-validation with each artist in one fold.

    Genres are distributed over the folds as evenly as the artists allow.

    Args:
        track_ids: ids such as `gtzan_blues_00000`. The fold of an excerpt does not depend on the others.
        k: number of folds, 2 to 100.

    Returns:
        Folds by id, from 0 to k - 1.

    Raises:
        DatasetError: if an id is not a GTZAN excerpt, or k is out of range.
    """
    if not 2 <= k <= EXCERPTS:
        raise DatasetError(f"GTZAN can be split into 2 to {EXCERPTS} folds, not {k}")
    folds = _folds(k)
    try:
        return {track_id: folds[track_id] for track_id in track_ids}
    except KeyError as error:
        raise DatasetError(
            f"{error.args[0]!r} is not a GTZAN excerpt; use ids such as gtzan_blues_00000"
        ) from error


@lru_cache(maxsize=8)
def _folds(k: int) -> Mapping[str, int]:
    """Assign the largest groups first, each to the fold with the fewest excerpts of its genres."""
    members: dict[str, list[str]] = {}
    for track_id, group in _groups().items():
        members.setdefault(group, []).append(track_id)
    counts: list[Counter[str]] = [Counter() for _ in range(k)]
    folds: dict[str, int] = {}
    for _, tracks in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        genres = Counter(track_id.split("_")[1] for track_id in tracks)

        def load(fold: int, genres: Counter[str] = genres) -> tuple[int, int, int]:
            same = sum(number * counts[fold][genre] for genre, number in genres.items())
            return same, counts[fold].total(), fold

        best = min(range(k), key=load)
        counts[best].update(genres)
        folds.update(dict.fromkeys(tracks, best))
    return folds


@lru_cache(maxsize=1)
def _groups() -> Mapping[str, str]:
    artists = _facts().artists
    leaders: dict[str, str] = {}

    def leader(artist: str) -> str:
        while (above := leaders.get(artist, artist)) != artist:
            artist = above
        return artist

    for together in artists.values():
        first = leader(together[0])
        for other in together[1:]:
            if (joined := leader(other)) != first:
                leaders[joined] = first
    ids = (_track_id(genre, number) for genre in GENRES for number in range(EXCERPTS))
    return {track_id: leader(artists[track_id][0]) if track_id in artists else track_id for track_id in ids}


@lru_cache(maxsize=1)
def _facts() -> _Facts:
    text = (files("beattrack.datasets") / "gtzan_artists.txt").read_text(encoding="utf-8")
    artists: dict[str, tuple[str, ...]] = {}
    sides: dict[str, Side] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        kind, genre, numbers, *name = line.split("\t")
        ids = [_track_id(genre, number) for number in _numbers(numbers)]
        if kind == "artist":
            artists.update(dict.fromkeys(ids, tuple(name[0].split(" + "))))
        else:
            sides.update(dict.fromkeys(ids, cast("Side", kind)))
    return _Facts(artists, sides)


def _numbers(text: str) -> Iterator[int]:
    """Yield the numbers of a list such as `0-11 42`."""
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _track_id(genre: str, number: int) -> str:
    return f"gtzan_{genre}_{number:05d}"
