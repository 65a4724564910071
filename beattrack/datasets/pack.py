"""Feature packs: songs as quantised spectrograms with beats, without audio.

A pack is a folder with `index.json` and one LZMA file a song: uint8 (bands, frames), delta-coded in time
modulo 256. Level q stands for the magnitude 10^((step q + floor) / 20), and 0 for silence. Beats are taken
as those of a chart, which may count twice as fast as listeners tap, unless the index has `"felt": true`.
"""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from beattrack.datasets.base import DatasetError
from beattrack.datasets.songs import Quantisation, Song, Trust


def load_pack(folder: str | os.PathLike[str]) -> tuple[Song, ...]:
    """Read a whole pack into memory, about 26 MB for each hour.

    Raises DatasetError where the folder holds no pack or a song cannot be read.
    """
    path = Path(folder)
    try:
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: holds no feature pack ({error})") from error
    try:
        return tuple(_songs(path, index))
    except (KeyError, TypeError, ValueError, OSError, lzma.LZMAError) as error:
        raise DatasetError(f"{path}: damaged feature pack ({error!r})") from error


def _songs(folder: Path, index: dict[str, Any]) -> Iterator[Song]:
    quantisation = Quantisation(step_db=index["step_db"], floor_db=index["floor_db"])
    for entry in index["songs"]:
        raw = lzma.decompress((folder / f"{entry['id']}.xz").read_bytes())
        deltas = np.frombuffer(raw, np.uint8).reshape(index["bands"], entry["frames"])
        levels = np.ascontiguousarray(np.cumsum(deltas, axis=1, dtype=np.uint8).T)  # (frames, bands)
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
            felt=bool(index.get("felt", False)),
        )


def _trust(text: Any) -> Trust:
    if text not in get_args(Trust):
        raise ValueError(f"downbeats are {text!r}, not yes, est or no")
    return cast(Trust, text)
