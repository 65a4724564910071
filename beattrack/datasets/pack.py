"""Feature packs: songs as quantised spectrograms with beats, without audio.

A pack is a folder with `index.json` and one LZMA file per song, `ID.xz`: uint8 levels of shape (bands,
frames), delta-coded in time modulo 256. Level q means a magnitude of 10^((step * q + floor) / 20), and level
0 silence. The harmony view of a song, if there is one, is in `ID.h.xz` in the same format.

The beats are assumed to be from a game's chart, and possibly twice as fast as listeners tap, unless the index
or the song's entry has `"felt": true` or the entry has `"level": "ok"` (checked by hand).
"""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets.base import DatasetError
from beattrack.datasets.songs import Quantisation, Song, Trust
from beattrack.runtime.cores import usable_cores
from beattrack.runtime.files import atomic_path, atomic_write_text

INDEX = "index.json"
FORMAT_VERSION = 1
HARMONY_BANDS = 73  # if the index does not state them
# Coarse steps suffice because training adds dither; packs are a third as large as with the cache's 0.5 dB.
QUANTISATION = Quantisation(step_db=3.0, floor_db=-80.0)


def load_pack(folder: str | os.PathLike[str]) -> tuple[Song, ...]:
    """Read a pack into memory, about 29 MB per hour of music.

    Raises:
        DatasetError: if the folder holds no pack or a song cannot be read.
    """
    path = Path(folder)
    try:
        index = json.loads((path / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: holds no feature pack ({error})") from error
    try:
        quantisation = Quantisation(step_db=index["step_db"], floor_db=index["floor_db"])
        with ThreadPoolExecutor(usable_cores()) as threads:  # decompression releases the GIL
            return tuple(threads.map(partial(_read, path, index, quantisation), index["songs"]))
    except (KeyError, TypeError, ValueError, OSError, lzma.LZMAError) as error:
        raise DatasetError(f"{path}: damaged feature pack ({error!r})") from error


def write_pack(
    folder: str | os.PathLike[str],
    songs: Sequence[Song],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write songs as a pack. The index is written last, so that a folder with an index holds a whole pack.

    Args:
        folder: folder to write.
        songs: songs to write, with equal frame rates and numbers of bands.
        progress: called with the number of songs written and the number of all songs.

    Raises:
        DatasetError: if the songs do not fit together or the folder already holds a pack.
        OSError: if the folder cannot be written.
    """
    path = Path(folder)
    check_free(path)
    shapes = {(song.fps, song.levels.shape[1]) for song in songs}
    if len(shapes) != 1:
        raise DatasetError(f"a pack needs songs of one frame rate and one number of bands, not {len(shapes)}")
    if len({song.harmony.shape[1] for song in songs if song.harmony is not None}) > 1:
        raise DatasetError("a pack needs harmony views of one number of bands")
    if len({song.id for song in songs}) < len(songs):
        raise DatasetError("a pack needs songs of different names")
    if clash := {f"{song.id}.h" for song in songs if song.harmony is not None} & {song.id for song in songs}:
        raise DatasetError(f"a song named {min(clash)} would have the file of another's harmony view")
    ((fps, bands),) = shapes
    with ThreadPoolExecutor(usable_cores()) as threads:
        for number, _ in enumerate(threads.map(partial(_write, path), songs), 1):
            if progress is not None:
                progress(number, len(songs))
    index = {
        "version": FORMAT_VERSION,
        "fps": fps,
        "bands": bands,
        "step_db": QUANTISATION.step_db,
        "floor_db": QUANTISATION.floor_db,
        "harmony_bands": next(
            (song.harmony.shape[1] for song in songs if song.harmony is not None), HARMONY_BANDS
        ),
        "songs": [_entry(song) for song in songs],
    }
    atomic_write_text(path / INDEX, json.dumps(index, ensure_ascii=False) + "\n")


def check_free(folder: Path) -> None:
    """Raise DatasetError if a folder already holds a pack."""
    if (folder / INDEX).exists():
        raise DatasetError(f"{folder}: already holds a pack; choose another folder or delete this one")


def _read(folder: Path, index: dict[str, Any], quantisation: Quantisation, entry: dict[str, Any]) -> Song:
    slow = folder / f"{entry['id']}.h.xz"
    return Song(
        id=entry["id"],
        source=entry["source"],
        genre=entry["genre"],
        group=str(entry["group"]),
        licence=entry["licence"],
        downbeats=_trust(entry["downbeats"]),
        levels=_read_levels(folder / f"{entry['id']}.xz", (index["bands"], entry["frames"])),
        quantisation=quantisation,
        fps=int(index["fps"]),
        beats=np.asarray(entry["beats"], dtype=np.float64),
        positions=np.asarray(entry["positions"], dtype=np.int64),
        felt=bool(entry.get("felt", index.get("felt", entry.get("level") == "ok"))),
        harmony=_read_levels(slow, (index.get("harmony_bands", HARMONY_BANDS), -1))
        if slow.exists()
        else None,
    )


def _read_levels(file: Path, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Read levels of shape (frames, bands); `shape` is that in the file, (bands, frames)."""
    deltas = np.frombuffer(lzma.decompress(file.read_bytes()), np.uint8).reshape(shape)
    return np.ascontiguousarray(np.cumsum(deltas, axis=1, dtype=np.uint8).T)


def _write(folder: Path, song: Song) -> None:
    file = folder / f"{song.id}.xz"
    file.parent.mkdir(parents=True, exist_ok=True)
    _write_levels(file, song.levels, song.quantisation)
    if song.harmony is not None:
        _write_levels(folder / f"{song.id}.h.xz", song.harmony, song.quantisation)


def _write_levels(file: Path, levels: NDArray[np.uint8], quantisation: Quantisation) -> None:
    levels = requantise(levels, quantisation, QUANTISATION)
    deltas = np.diff(levels.T, axis=1, prepend=np.uint8(0))  # (bands, frames), modulo 256
    with atomic_path(file) as temporary:
        temporary.write_bytes(lzma.compress(deltas.tobytes()))


def requantise(levels: NDArray[np.uint8], theirs: Quantisation, ours: Quantisation) -> NDArray[np.uint8]:
    """Convert levels to the nearest ones of another quantisation; silence stays silence.

    Args:
        levels: levels of any shape.
        theirs: quantisation of `levels`.
        ours: quantisation to convert to.
    """
    table = ours.levels(theirs.magnitude(np.arange(256, dtype=np.uint8)))
    return table[levels]


def _entry(song: Song) -> dict[str, Any]:
    return {
        "id": song.id,
        "frames": len(song.levels),
        "source": song.source,
        "genre": song.genre,
        "group": song.group,
        "licence": song.licence,
        "downbeats": song.downbeats,
        "felt": song.felt,
        "beats": np.round(song.beats, 5).tolist(),
        "positions": song.positions.tolist(),
    }


def _trust(text: Any) -> Trust:
    if text not in get_args(Trust):
        raise ValueError(f"downbeats must be one of yes, est, no, not {text!r}")
    return cast(Trust, text)
