"""Feature packs: songs as quantised spectrograms with beats, without audio.

A pack is a folder with `index.json` and one LZMA file a song: uint8 (bands, frames), delta-coded in time
modulo 256. Level q stands for the magnitude 10^((step q + floor) / 20), and 0 for silence.
"""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets.base import DatasetError

Trust = Literal["yes", "est", "no"]


@dataclass(frozen=True, kw_only=True)
class Quantisation:
    """How a level becomes a magnitude: 10^((step_db q + floor_db) / 20), 0 for level 0."""

    step_db: float
    floor_db: float

    def magnitude(
        self, levels: NDArray[np.uint8], *, dither: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Turn levels into magnitudes; `dither`, in steps from -0.5 to 0.5, fills the gaps between them."""
        steps = levels.astype(np.float32)
        if dither is not None:
            steps += dither
        magnitudes: NDArray[np.float32] = np.exp(
            (steps * self.step_db + self.floor_db) * np.float32(np.log(10.0) / 20.0)
        )
        magnitudes[levels == 0] = 0.0
        return magnitudes


@dataclass(frozen=True, kw_only=True)
class PackedSong:
    """One song of a pack.

    levels: (frames, bands) quantised magnitudes.
    beats: (beats,) seconds; positions: (beats,) position in the bar, 1 = downbeat.
    downbeats: `yes` trusted, `est` an estimated phase, `no` not to be used.
    group: equal for versions of one title, which belong on one side of any split.
    """

    id: str
    source: str
    genre: str
    group: str
    licence: str
    downbeats: Trust
    levels: NDArray[np.uint8]
    beats: NDArray[np.float64]
    positions: NDArray[np.int64]

    @property
    def bpm(self) -> float:
        """Tempo from the median inter-beat interval."""
        return 60.0 / float(np.median(np.diff(self.beats)))


@dataclass(frozen=True, kw_only=True)
class FeaturePack:
    """The songs of a pack with what is needed to read their levels."""

    fps: int
    bands: int
    quantisation: Quantisation
    songs: tuple[PackedSong, ...]

    @property
    def hours(self) -> float:
        """Length of all songs together."""
        return sum(len(song.levels) for song in self.songs) / self.fps / 3600


def load_pack(folder: str | os.PathLike[str]) -> FeaturePack:
    """Read a whole pack into memory, about 26 MB for each hour.

    Raises DatasetError where the folder holds no pack or a song cannot be read.
    """
    path = Path(folder)
    try:
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: holds no feature pack ({error})") from error
    try:
        return FeaturePack(
            fps=int(index["fps"]),
            bands=int(index["bands"]),
            quantisation=Quantisation(step_db=index["step_db"], floor_db=index["floor_db"]),
            songs=tuple(_songs(path, index)),
        )
    except (KeyError, TypeError, ValueError, OSError, lzma.LZMAError) as error:
        raise DatasetError(f"{path}: damaged feature pack ({error!r})") from error


def _songs(folder: Path, index: dict[str, Any]) -> Iterator[PackedSong]:
    for entry in index["songs"]:
        raw = lzma.decompress((folder / f"{entry['id']}.xz").read_bytes())
        deltas = np.frombuffer(raw, np.uint8).reshape(index["bands"], entry["frames"])
        levels = np.ascontiguousarray(np.cumsum(deltas, axis=1, dtype=np.uint8).T)  # (frames, bands)
        yield PackedSong(
            id=entry["id"],
            source=entry["source"],
            genre=entry["genre"],
            group=entry["group"],
            licence=entry["licence"],
            downbeats=entry["downbeats"],
            levels=levels,
            beats=np.asarray(entry["beats"], dtype=np.float64),
            positions=np.asarray(entry["positions"], dtype=np.int64),
        )
