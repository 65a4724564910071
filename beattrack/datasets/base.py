"""What every dataset is made of: tracks, and the list of what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import BeattrackError, MissingExtraError

AUDIO_SUFFIXES = (".wav", ".flac", ".au", ".ogg", ".opus", ".mp3", ".aiff", ".aif")


class DatasetError(BeattrackError):
    """A dataset is not where it was looked for, or nothing in it can be used."""


class MissingReaderError(MissingExtraError, DatasetError):
    """The package that reads a dataset is not installed; the message names the command that installs it."""


@dataclass(frozen=True, eq=False)
class Track:
    """One annotated recording.

    id: name that is unique in the dataset.
    audio: its file, or None where only the annotation is at hand.
    beats: (n,) annotated beat times in seconds, strictly increasing.
    positions: (n,) position of each beat in its bar, 1 = downbeat; None where bars are not annotated.
    tempo: annotated global tempo in BPM; None without one.
    genre: label, None without one.
    notes: what had to be mended in the annotation, in words.
    source: where it comes from, if finer than the dataset; licence: of the recording; "" for the dataset's.
    group: equal for tracks that belong on one side of any split, as those of one artist; "" for its own.
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
    """Tracks that can be used, ordered by id, and the files that cannot.

    name: what results are filed under. home: the folder it was found in. licence: of all of it, in words.
    """

    name: str
    home: Path
    tracks: tuple[Track, ...]
    problems: tuple[Problem, ...] = ()
    licence: str = ""


def pick_audio(candidates: list[Path]) -> Path:
    """Choose one of several files of the same recording: lossless before lossy, then the shorter path."""
    return min(
        candidates, key=lambda path: (AUDIO_SUFFIXES.index(path.suffix.lower()), len(path.parts), str(path))
    )
