"""Sequenced MIDI files of real songs with verified beats and bars.

The two archives `songs.tar.xz` and `songs2.tar.xz` hold one collection; either of them is enough. Most files
state no licence, so audio rendered from them is for training only and must not be published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.midi import read_midi, require_mido
from beattrack.rendering.piece import Floats, Piece, onsets_of, require_rhythm
from beattrack.rendering.sources.archive import archive_path, read_archive
from beattrack.rendering.sources.song_index import Entry, felt_beats, read_index
from beattrack.rendering.sources.stretches import cut, scaled

ARCHIVES = ("songs", "songs2")

# Shares of the genres. The collection itself has too much classical, pop and game music, and too little of
# the genres in which downbeats are hardest to find.
GENRES: Mapping[str, float] = {
    "jazz": 0.13,
    "rock": 0.11,
    "blues": 0.10,
    "country": 0.10,
    "pop": 0.10,
    "disco/funk/soul": 0.09,
    "hiphop/rnb": 0.08,
    "latin": 0.07,
    "reggae": 0.06,
    "classical": 0.06,
    "metal": 0.05,
    "folk": 0.05,
    "electronic": 0.02,
    "soundtrack/game": 0.02,
}
_OTHER_GENRES = 0.02  # share of a genre that is not in the table
# Weights of a song in its genre: arrangements made by a program are like those of the source `mma`, and songs
# without reliable downbeats are less useful.
_ARRANGED, _BARS_UNKNOWN = 0.35, 0.5
# Genre labels of the other sources. With "disco" in the label, most soul would be played by synthesisers.
_NAMES = {"disco/funk/soul": "funk/soul", "hiphop/rnb": "hip-hop/rnb", "soundtrack/game": "game"}

_KITS = frozenset((0, 8, 16, 24, 25, 32, 40, 48))  # drum kits of General MIDI 2 and GS
_SLOWEST, _FASTEST = 35.0, 240.0  # felt beats per minute
_LONGEST_BAR = 12  # felt beats
_TEMPO_SPREAD = 0.03  # standard deviation of the natural logarithm of the tempo factor
_OPENINGS = 0.12  # share of excerpts that start with the song
_NOTES_PER_BEAT = 0.75


class SongsSource:
    """Excerpts of real songs. `symbolic` is the folder of the archives."""

    def __init__(self, symbolic: Path | None) -> None:
        self._symbolic = symbolic

    def check(self) -> None:
        """Raise RenderError if both archives are missing, MissingExtraError if mido is."""
        require_mido()
        self._paths()

    def _paths(self) -> list[Path]:
        if self._symbolic is not None:
            present = [self._symbolic / f"{name}.tar.xz" for name in ARCHIVES]
            present = [path for path in present if path.is_file()]
            if present:
                return present
        return [archive_path(self._symbolic, ARCHIVES[0])]

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        """Files by name without folder, and the index of each archive by the path of the archive."""
        contents: dict[str, bytes] = {}
        for path in self._paths():
            for name, content in read_archive(path).items():
                place = PurePosixPath(name)
                if place.suffix == ".mid":
                    contents[place.stem] = content
                elif place.name == "index.json":
                    contents[str(path)] = content
        return contents

    @cached_property
    def _songs(self) -> dict[str, tuple[tuple[Entry, ...], Floats]]:
        """Songs of each genre, with the share of each song."""
        by_genre: dict[str, list[Entry]] = defaultdict(list)
        for path in self._paths():
            if str(path) not in self._contents:
                raise RenderError(f"{path}: holds no index.json; download the archive again")
            for entry in read_index(self._contents[str(path)], name=f"{path}: index.json"):
                if entry.id in self._contents:
                    by_genre[entry.genre].append(entry)
        if not by_genre:
            raise RenderError(f"{self._paths()[0]}: holds none of the songs in its index.json")
        return {genre: (tuple(by_genre[genre]), _shares(by_genre[genre])) for genre in sorted(by_genre)}

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        """Return a random excerpt of a song, at 0.94 to 1.06 times its tempo.

        Raises:
            RejectedPiece: if the excerpt has too few notes, or its tempo or metre is out of range.
        """
        genres = list(self._songs)
        weights = np.array([GENRES.get(genre, _OTHER_GENRES) for genre in genres])
        songs, shares = self._songs[genres[int(rng.choice(len(genres), p=weights / weights.sum()))]]
        entry = songs[int(rng.choice(len(songs), p=shares))]
        piece = whole_song(entry, self._contents[entry.id])
        piece = scaled(piece, float(np.exp(np.clip(rng.normal(0, _TEMPO_SPREAD), -0.06, 0.06))))
        piece = excerpt(rng, piece, seconds)
        if not _SLOWEST <= piece.bpm <= _FASTEST:
            raise RejectedPiece("tempo out of range")
        piece = replace(piece, id=f"{piece.id}-{int(rng.integers(2**32)):08x}")
        return require_rhythm(piece, notes_per_beat=_NOTES_PER_BEAT)


def whole_song(entry: Entry, content: bytes) -> Piece:
    """Return a whole song with its felt beats.

    Args:
        entry: its entry in the index.
        content: bytes of its MIDI file.

    Raises:
        RejectedPiece: if there are no beats, or a bar is too long.
        RenderError: if the file is damaged.
    """
    score = read_midi(content)
    beats, positions = felt_beats(entry, score)
    if positions.max() > _LONGEST_BAR:
        raise RejectedPiece("bar too long")
    parts = score.parts_in_seconds()
    return Piece(
        id=f"songs-{entry.id}",
        source="songs",
        licence=entry.licence,
        genre=_NAMES.get(entry.genre, entry.genre),
        group=f"songs-{entry.id}",
        metre=entry.metre,
        parts=tuple(replace(part, program=_kit(part.program)) if part.drums else part for part in parts),
        beats=beats,
        positions=positions,
        bars_known=entry.bars_known and bool(positions.max() > 1),
        own_sound=True,
    )


def excerpt(rng: np.random.Generator, piece: Piece, seconds: float) -> Piece:
    """Return a random excerpt of a song that starts at a bar line, or at the start of the song.

    Args:
        rng: generator of random numbers.
        piece: whole song.
        seconds: maximum duration.

    Returns:
        The excerpt, with times from 0. A shorter song is returned whole.

    Raises:
        RejectedPiece: if there are no notes or too few beats.
    """
    sounding = onsets_of(piece.parts)
    if not len(sounding):
        raise RejectedPiece("no notes")
    opening = max(0, int(np.searchsorted(piece.beats, sounding[0] + 0.03, side="right")) - 1)
    final = int(np.searchsorted(piece.beats, sounding[-1] + 0.03, side="right"))
    latest = max(float(piece.beats[final - 1]) - seconds, float(piece.beats[opening])) if final else 0.0
    lines = np.flatnonzero(piece.positions == 1)
    lines = lines[(lines > opening) & (piece.beats[lines] <= latest)]
    first = opening if rng.random() < _OPENINGS or not len(lines) else int(rng.choice(lines))
    start = float(piece.beats[first])
    last = min(int(np.searchsorted(piece.beats, start + seconds)), final)
    if last - first < 2:
        raise RejectedPiece("no beats")
    parts = [cut(part, start, start + seconds) for part in piece.parts]
    return replace(
        piece,
        parts=tuple(part for part in parts if len(part.notes)),
        beats=piece.beats[first:last] - start,
        positions=piece.positions[first:last],
    )


def _shares(entries: list[Entry]) -> Floats:
    weights = np.array(
        [
            (_ARRANGED if entry.arranged else 1.0) * (1.0 if entry.bars_known else _BARS_UNKNOWN)
            for entry in entries
        ]
    )
    shares: Floats = weights / weights.sum()
    return shares


def _kit(program: int) -> int:
    return program if program in _KITS else 0
