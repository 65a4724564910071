"""A small feature pack for tests: noise with a pulse of 120 BPM in 4/4."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np


def write_pack(folder: Path, *, songs: int, seconds: int) -> list[np.ndarray]:
    """Write the pack; return the levels, (frames, bands), of each song."""
    rng = np.random.default_rng(0)
    frames = 100 * seconds
    entries, written = [], []
    for number in range(songs):
        envelope = 30 * np.exp(-(np.arange(frames) % 50) / 6.0)  # levels above the floor, a hit every 0.5 s
        bar = 8.0 * (np.arange(frames) % 200 < 10)
        levels = (10 + envelope + bar)[:, None] + rng.uniform(0, 3, (frames, 73))  # (frames, bands)
        levels = levels.astype(np.uint8)
        deltas = np.diff(levels.T, axis=1, prepend=np.uint8(0)).astype(np.uint8)
        (folder / f"song{number}.xz").write_bytes(lzma.compress(deltas.tobytes()))
        entries.append(
            {
                "id": f"song{number}",
                "frames": frames,
                "source": "example",
                "genre": "noise",
                "group": f"{number:x}",
                "licence": "CC0",
                "downbeats": "yes",
                "beats": [0.5 * k for k in range(2 * seconds)],
                "positions": [k % 4 + 1 for k in range(2 * seconds)],
            }
        )
        written.append(levels)
    index = {"version": 1, "fps": 100, "bands": 73, "step_db": 3, "floor_db": -80, "songs": entries}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return written
