"""The common form of all datasets: tracks, and the files that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import BeattrackError, MissingExtraError

AUDIO_SUFFIXES = (".wav", ".flac", ".au", ".ogg", ".opus", ".mp3", ".aiff", ".aif")


class DatasetError(BeattrackError):
    """A dataset is unknown, was not found, or has nothing that can be used."""


class MissingReaderError(MissingExtraError, DatasetError):
    """The package that reads a dataset is not installed; the message says how to install it."""


@dataclass(frozen=True, eq=False)
class Track:
    """One annotated recording.

    Attributes:
        id: unique name in the dataset.
        audio: audio file; None if only the annotation is available.
        beats: annotated beat times in seconds, strictly increasing, shape (beats,).
        positions: position of each beat in its bar, 1 = downbeat, shape (beats,); None if not annotated.
        tempo: annotated global tempo in BPM; None if not annotated.
        genre: genre label; None if unknown.
        notes: sentences about what was fixed in the annotation.
        source: part of the dataset that the track comes from; "" if the dataset has no parts.
        licence: licence of the recording; "" for that of the dataset.
        group: equal for tracks that must be on the same side of a split, such as those of one artist; "" if
            there are no others.
    """

    id: str
    audio: Path | None
    beats: NDArray[np.float64]
    positions: NDArray[np.int64] | None = None
    tempo: float | None = None
    genre: str | None = None
    notes: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    group: str = ""


@dataclass(frozen=True)
class Problem:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Usable tracks and unusable files of a dataset.

    Attributes:
        name: name of the dataset in results.
        home: folder in which it was found.
        tracks: usable tracks, ordered by id.
        problems: files that were left out.
        licence: licence of the whole dataset, in words.
    """

    name: str
    home: Path
    tracks: tuple[Track, ...]
    problems: tuple[Problem, ...] = ()
    licence: str = ""


def pick_audio(candidates: list[Path]) -> Path:
    """Return the best of several files of a recording: lossless rather than lossy, then the shortest path."""
    return min(
        candidates, key=lambda path: (AUDIO_SUFFIXES.index(path.suffix.lower()), len(path.parts), str(path))
    )
