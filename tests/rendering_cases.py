"""What the tests of rendering share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.piece import ONSET, Part, Piece, notes_array, onsets_of
from beattrack.rendering.settings import SAMPLE_RATE
from beattrack.rendering.sounding.fluidsynth import available_fonts
from beattrack.rendering.sounding.performance import Performance

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not any(font.kind == "gm" for font in available_fonts()),
    reason="needs fluidsynth and a General MIDI soundfont",
)
CHORDS = (48, 45, 41, 43)


def make_part(
    name: str, program: int, rows: list[tuple[float, float, float, float]], *, drums: bool = False
) -> Part:
    return Part(name=name, program=program, drums=drums, notes=notes_array(rows))


def make_piece(
    bpm: float = 100.0, *, bars: int = 36, genre: str = "rock", only: tuple[str, ...] = ()
) -> Piece:
    """Drums, bass, piano and a saxophone in 4/4; `only` names the parts to keep."""
    beat = 60.0 / bpm
    beats = 1.0 + beat * np.arange(4 * bars)
    drums, bass, chords, lead = [], [], [], []
    for i, t in enumerate(beats.tolist()):
        root = CHORDS[i // 4 % 4]
        drums += [(t, t + 0.1, 38 if i % 2 else 36, 100), (t, t + 0.1, 42, 80)]
        drums.append((t + beat / 2, t + beat / 2 + 0.1, 42, 70))
        bass.append((t, t + 0.9 * beat, root - 12, 90))
        if i % 2 == 0:
            chords += [(t, t + 1.9 * beat, root + step, 80) for step in (0, 4, 7)]
        late = beat / 2 if i % 3 == 0 else 0.0
        lead.append((t + late, t + 0.95 * beat, root + 12 + (7 * i) % 8, 90))
    parts = (
        make_part("drums", 0, drums, drums=True),
        make_part("bass", 33, bass),
        make_part("piano", 0, chords),
        make_part("lead", 65, lead),
    )
    return Piece(
        id="made-up",
        source="mma",
        licence="CC0-1.0",
        genre=genre,
        group="made-up",
        metre="4/4",
        parts=tuple(part for part in parts if not only or part.name in only),
        beats=beats,
        positions=np.arange(len(beats), dtype=np.int64) % 4 + 1,
    )


class MadeUpSource:
    """Pieces of a random tempo; each draw in `refused` is rejected."""

    refused: tuple[int, ...] = ()
    draws = 0

    def __init__(self, symbolic: Path | None = None) -> None:
        self.symbolic = symbolic

    def check(self) -> None:
        pass

    def draw(self, rng: np.random.Generator, seconds: float) -> Piece:
        type(self).draws += 1
        if type(self).draws in type(self).refused:
            raise RejectedPiece("refused")
        bpm = rng.uniform(80, 120)
        return make_piece(bpm, bars=int(seconds * bpm / 240) + 1)


def clicks(times: NDArray[np.float64], seconds: float) -> NDArray[np.float32]:
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    burst = np.random.default_rng(0).standard_normal(300) * np.exp(-np.arange(300) / 60)
    for start in np.rint(times * SAMPLE_RATE).astype(int):
        if 0 <= start < len(samples) - 300:
            samples[start : start + 300] += burst.astype(np.float32) * 0.6
    return samples


def clicking_render(performance: Performance, rng: Any, settings: Any) -> tuple[Any, dict[str, Any]]:
    """Stands in for the synthesis: a click for each onset."""
    onsets = onsets_of(performance.piece.parts) - performance.start
    return clicks(onsets, performance.seconds), {"players": ["clicks"]}


def plain_master(samples: Any, rng: Any, settings: Any) -> tuple[Any, tuple[str, ...]]:
    """Stands in for the effects."""
    return samples * np.float32(0.5 / np.abs(samples).max()), ()


def nearest(times: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signed distance of each of `to` to the nearest of `times`."""
    distances = times[None, :] - to[:, None]
    return distances[np.arange(len(to)), np.argmin(np.abs(distances), axis=1)]


def onsets(part: Part) -> NDArray[np.float64]:
    return np.asarray(part.notes[:, ONSET])
