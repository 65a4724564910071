"""A corpus of simple synthesised music for the small experiments, so that they need no data.

Drum loops, sparse drums, players alone and small bands, composed by the simplest source of `beattrack render`
and played by oscillators and a synthesised drum kit. It says little about real recordings.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.piece import Part, Piece
from beattrack.rendering.settings import SAMPLE_RATE, PerformanceSettings
from beattrack.rendering.sounding import drums, electronic
from beattrack.rendering.sounding.performance import Performance, perform
from beattrack.rendering.sounding.synthesis import Float32, levelled, recorded
from beattrack.rendering.sources.simple import KINDS
from beattrack.runtime.files import atomic_path, atomic_write_text

KINDS_USED = ("loop", "sparse", "alone", "shuffle", "reggae", "ballad")
BASSES = range(32, 40)  # General MIDI programs
FINISHED = "corpus.json"


def make_corpus(folder: Path, *, songs: int, seconds: float, seed: int = 1) -> str:
    """Write songs and their beats to a folder, unless it holds this corpus already.

    Args:
        folder: folder to write to; created if needed.
        songs: number of songs.
        seconds: duration of a song, about.
        seed: seed of all random numbers.

    Returns:
        Name of the dataset for `beattrack train --dataset`.
    """
    record = json.dumps({"songs": songs, "seconds": seconds, "seed": seed}) + "\n"
    marker = folder / FINISHED
    if not (marker.exists() and marker.read_text(encoding="utf-8") == record):
        folder.mkdir(parents=True, exist_ok=True)
        for old in (*folder.glob("*.flac"), *folder.glob("*.beats"), marker):
            old.unlink(missing_ok=True)
        for number in range(songs):
            _write_song(folder / f"song{number:04d}", np.random.default_rng((seed, number)), seconds)
        atomic_write_text(marker, record)
    return f"folder:{folder}"


def _write_song(stem: Path, rng: np.random.Generator, seconds: float) -> None:
    performance = _performance(rng, seconds)
    samples = _sound(performance, rng)
    with atomic_path(stem.with_suffix(".flac")) as temporary:
        soundfile.write(temporary, samples, SAMPLE_RATE, format="FLAC")
    times, positions = performance.annotated
    lines = "".join(f"{time:.4f}\t{position}\n" for time, position in zip(times, positions, strict=True))
    atomic_write_text(stem.with_suffix(".beats"), lines)


def _performance(rng: np.random.Generator, seconds: float) -> Performance:
    """Return a random performance whose bars are known."""
    settings = PerformanceSettings(seconds=(seconds, seconds), voice=0.0)
    while True:
        kind = KINDS_USED[int(rng.integers(len(KINDS_USED)))]
        piece = KINDS[kind][1](rng, seconds)
        if not piece.bars_known:
            continue
        try:
            return perform(_named(piece, kind), rng, settings)
        except RejectedPiece:
            continue


def _named(piece: Piece, kind: str) -> Piece:
    return replace(piece, id=f"lab-{kind}", group=f"lab-{kind}")


def _sound(performance: Performance, rng: np.random.Generator) -> Float32:
    """Return the sound of a performance, (samples,), with peaks at -3 dB."""
    samples = round((performance.end + 0.1) * SAMPLE_RATE)
    parts = performance.piece.parts
    mix = np.zeros(samples, np.float32)
    strokes = [part for part in parts if part.drums]
    if strokes:
        sound = drums.play(strokes, drums.synthetic_kit(rng), rng, samples=samples)
        mix += levelled(sound, -4.0 + rng.normal(0, 2))
    for part in parts:
        if not part.drums:
            sound = electronic.play(part.notes, electronic.random_patch(_role(part), rng), samples=samples)
            mix += levelled(sound, -2.0 + rng.normal(0, 2))
    heard = recorded(mix, performance)
    return np.asarray(0.7 * heard / max(float(np.abs(heard).max()), 1e-6), np.float32)


def _role(part: Part) -> electronic.Role:
    if part.program in BASSES:
        return "bass"
    return "pluck" if part.crisp else "pad"
