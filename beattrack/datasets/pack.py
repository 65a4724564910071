"""Feature packs: songs as quantised spectrograms with beats, without audio.

A pack is a folder with `index.json` and one LZMA file per song, `ID.xz`: uint8 levels of shape (bands,
frames), delta-coded in time modulo 256. Level q means a magnitude of 10^((step * q + floor) / 20), and level
0 silence. The harmony view of a song, if there is one, is in `ID.h.xz` in the same format.

The files of a pack of version 2, its shards, hold many songs each. Their levels lie in blocks of
`block_frames` frames, each delta-coded and compressed by itself (zlib). The index says where, so that a crop
is read by a range of bytes.

The beats are assumed to be from a game's chart, and possibly twice as fast as listeners tap, unless the index
or the song's entry has `"felt": true` or the entry has `"level": "ok"` (checked by hand).
"""

from __future__ import annotations

import json
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast, get_args

import numpy as np
from numpy.typing import NDArray

from beattrack.datasets import pack_files
from beattrack.datasets.base import DatasetError
from beattrack.datasets.packed import PackedLevels, encode, memory
from beattrack.datasets.songs import HARMONY_RATIO, Levels, Quantisation, Song, Trust
from beattrack.runtime.cores import usable_cores
from beattrack.runtime.files import atomic_path, atomic_write_text
from beattrack.runtime.remote import RemoteError

INDEX = "index.json"
FORMAT_VERSION = 1
SHARDED_VERSION = 2
HARMONY_BANDS = 73  # if the index does not state them
BLOCK_FRAMES = 1024  # a crop of 20 s needs three blocks; shorter ones compress less
# Coarse steps suffice because training adds dither; packs are a third as large as with the cache's 0.5 dB.
QUANTISATION = Quantisation(step_db=3.0, floor_db=-80.0)


def load_pack(folder: str | os.PathLike[str]) -> tuple[Song, ...]:
    """Read a pack, about 29 MB of memory per hour of music.

    If it does not fit in what `packed.memory` has left, the levels stay in the pack until they are needed.

    Args:
        folder: folder of the pack, or a URL of fsspec.

    Raises:
        DatasetError: if the folder holds no pack or a song cannot be read.
        MissingExtraError: if the URL needs a package that is not installed.
    """
    place = os.fspath(folder)
    try:
        index = json.loads(pack_files.read(place, INDEX))
    except (OSError, ValueError, RemoteError) as error:
        raise DatasetError(f"{place}: holds no feature pack ({error})") from error
    try:
        if index.get("version", FORMAT_VERSION) > SHARDED_VERSION:
            raise DatasetError(f"{place}: was packed by a newer beattrack; install that version")
        songs = tuple(_songs(place, index))
    except (KeyError, IndexError, TypeError, ValueError, OSError, RemoteError) as error:
        raise DatasetError(f"{place}: damaged feature pack ({error!r})") from error
    if not memory.take(sum(_size(song) for song in songs)):
        return songs
    with ThreadPoolExecutor(usable_cores()) as threads:  # decompression releases the GIL
        return tuple(threads.map(_decoded, songs))


def write_pack(
    folder: str | os.PathLike[str],
    songs: Sequence[Song],
    *,
    shard_bytes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write songs as a pack. The index is written last, so that a folder with an index holds a whole pack.

    Args:
        folder: folder to write.
        songs: songs to write, with equal frame rates and numbers of bands.
        shard_bytes: size from which on a file of many songs is full; None for one file per song.
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
    path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(usable_cores()) as threads:
        if shard_bytes is None:
            layout: dict[str, Any] = {"version": FORMAT_VERSION}
            places: Iterator[dict[str, Any]] = threads.map(partial(_write, path), songs)
        else:
            layout = {"version": SHARDED_VERSION, "block_frames": BLOCK_FRAMES, "shards": []}
            places = _write_shards(path, threads.map(_blocks, songs), shard_bytes, layout["shards"])
        entries = []
        for number, (song, where) in enumerate(zip(songs, places, strict=True), 1):
            entries.append({**_entry(song), **where})
            if progress is not None:
                progress(number, len(songs))
    index = {
        **layout,
        "fps": fps,
        "bands": bands,
        "step_db": QUANTISATION.step_db,
        "floor_db": QUANTISATION.floor_db,
        "harmony_bands": next(
            (song.harmony.shape[1] for song in songs if song.harmony is not None), HARMONY_BANDS
        ),
        "songs": entries,
    }
    atomic_write_text(path / INDEX, json.dumps(index, ensure_ascii=False) + "\n")


def check_free(folder: Path) -> None:
    """Raise DatasetError if a folder already holds a pack."""
    if (folder / INDEX).exists():
        raise DatasetError(f"{folder}: already holds a pack; choose another folder or delete this one")


def _songs(folder: str, index: dict[str, Any]) -> Iterator[Song]:
    """Yield the songs of a pack with levels that are not read yet."""
    quantisation = Quantisation(step_db=index["step_db"], floor_db=index["floor_db"])
    files = pack_files.listing(folder)
    for shard in index.get("shards", ()):
        if (found := files.get(shard["file"], 0)) != shard["bytes"]:
            raise ValueError(f"{shard['file']} has {found} bytes instead of {shard['bytes']}")
    views = _sharded if "shards" in index else _single
    for entry in index["songs"]:
        levels, harmony = views(folder, files, index, entry)
        yield Song(
            id=entry["id"],
            source=entry["source"],
            genre=entry["genre"],
            group=str(entry["group"]),
            licence=entry["licence"],
            downbeats=_trust(entry["downbeats"]),
            levels=levels,
            quantisation=quantisation,
            fps=int(index["fps"]),
            beats=np.asarray(entry["beats"], dtype=np.float64),
            positions=np.asarray(entry["positions"], dtype=np.int64),
            felt=bool(entry.get("felt", index.get("felt", entry.get("level") == "ok"))),
            harmony=harmony,
        )


def _single(
    folder: str, files: dict[str, int], index: dict[str, Any], entry: dict[str, Any]
) -> tuple[Levels, Levels | None]:
    """Return the views of a song that has files of its own."""
    name, frames = entry["id"], int(entry["frames"])
    if f"{name}.xz" not in files:
        raise FileNotFoundError(f"{name}.xz is missing")

    def view(file: str, frames: int, bands: int) -> Levels:
        return PackedLevels(
            folder=folder, file=file, frames=frames, bands=bands, block_frames=frames, codec="xz"
        )

    slow = view(f"{name}.h.xz", -(-frames // HARMONY_RATIO), index.get("harmony_bands", HARMONY_BANDS))
    return view(f"{name}.xz", frames, index["bands"]), slow if f"{name}.h.xz" in files else None


def _sharded(
    folder: str, files: dict[str, int], index: dict[str, Any], entry: dict[str, Any]
) -> tuple[Levels, Levels | None]:
    """Return the views of a song whose blocks are in a shard."""

    def view(where: dict[str, Any], bands: int) -> Levels:
        sizes, frames = tuple(int(size) for size in where["blocks"]), int(where["frames"])
        if len(sizes) != -(-frames // index["block_frames"]):
            raise ValueError(f"{entry['id']} has {len(sizes)} blocks for {frames} frames")
        return PackedLevels(
            folder=folder,
            file=index["shards"][where["shard"]]["file"],
            frames=frames,
            bands=bands,
            block_frames=index["block_frames"],
            codec="zlib",
            offset=int(where["offset"]),
            sizes=sizes,
        )

    slow = entry.get("harmony")
    return (
        view(entry["levels"], index["bands"]),
        None if slow is None else view(slow, index["harmony_bands"]),
    )


def _size(song: Song) -> int:
    """Return the bytes of a song's levels in memory."""
    views = [song.levels] if song.harmony is None else [song.levels, song.harmony]
    return sum(view.shape[0] * view.shape[1] for view in views)


def _decoded(song: Song) -> Song:
    levels, harmony = (
        view.decoded() if isinstance(view, PackedLevels) else view for view in (song.levels, song.harmony)
    )
    return replace(song, levels=cast(Levels, levels), harmony=harmony)


def _write(folder: Path, song: Song) -> dict[str, Any]:
    """Write a song to files of its own; return where they are, which the index need not say."""
    for suffix, view in ((".xz", song.levels), (".h.xz", song.harmony)):
        if view is not None:
            file = folder / f"{song.id}{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(file) as temporary:
                temporary.write_bytes(lzma.compress(encode(_levels(song, view))))
    return {}


def _levels(song: Song, view: Levels) -> NDArray[np.uint8]:
    return requantise(np.asarray(view), song.quantisation, QUANTISATION)


def _blocks(song: Song) -> dict[str, tuple[int, list[bytes]]]:
    """Return frames and compressed blocks of a song's views, by their names in the index."""
    found = {}
    for name, view in (("levels", song.levels), ("harmony", song.harmony)):
        if view is not None:
            levels = _levels(song, view)
            starts = range(0, len(levels), BLOCK_FRAMES)
            blocks = [zlib.compress(encode(levels[i : i + BLOCK_FRAMES]), 9) for i in starts]
            found[name] = len(levels), blocks
    return found


def _write_shards(
    folder: Path,
    songs: Iterator[dict[str, tuple[int, list[bytes]]]],
    shard_bytes: int,
    shards: list[dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Write the blocks of songs to shards, and yield where those of each song are.

    Args:
        folder: folder of the pack.
        songs: frames and blocks of each song.
        shard_bytes: size from which on a shard is full.
        shards: list to which name and size of each shard are added.
    """
    waiting = next(songs, None)
    while waiting is not None:
        file = f"shard-{len(shards):05}.bin"
        with atomic_path(folder / file) as temporary, temporary.open("wb") as written:
            while waiting is not None and written.tell() < shard_bytes:
                yield {name: _append(written, len(shards), *view) for name, view in waiting.items()}
                waiting = next(songs, None)
            shards.append({"file": file, "bytes": written.tell()})


def _append(file: BinaryIO, shard: int, frames: int, blocks: list[bytes]) -> dict[str, Any]:
    sizes = [len(block) for block in blocks]
    where = {"frames": frames, "shard": shard, "offset": file.tell(), "blocks": sizes}
    file.writelines(blocks)
    return where


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
