"""Random performances of a piece: tempo, timing, instruments, and the excerpt that is recorded.

All functions are pure; random numbers come from the generator. Notes and beats are moved by the same time
map, so the beats stay exact if the tempo changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.piece import (
    OFFSET,
    ONSET,
    PITCH,
    VELOCITY,
    Floats,
    Part,
    Piece,
    notes_array,
    onsets_of,
)
from beattrack.rendering.settings import PerformanceSettings
from beattrack.rendering.sounding.voice import free_melody, freed

DRUM_KITS = (
    0,
    8,
    16,
    24,
    25,
    32,
    40,
)  # General MIDI / GS: standard, room, power, electronic, 808, jazz, brush
GUITAR = 25
PADS = (16, 18, 19, 48, 49, 50, 51, 52, 53, 54, 88, 89, 90, 91, 92, 94, 95)  # organs, strings, voices, pads
HEAVY = frozenset({"rock", "metal", "punk", "hard rock", "rock/metal"})
DRUM_SOURCES = frozenset({"groove"})
OWN_CURVE = 0.004  # mean change of the log beat interval above which a song keeps its own tempo curve
LEAST_ONSETS = 0.75  # onsets per beat that must remain when parts are muted
SHORT = 0.02  # beats closer to the end of the recording, in seconds, are not annotated


@dataclass(frozen=True, kw_only=True, eq=False)
class Performance:
    """A performed piece and the excerpt of it that is recorded.

    Attributes:
        piece: the performed piece.
        start: start of the recording in seconds of the piece; negative for initial silence.
        end: end of the recording in seconds of the piece.
        sung: notes of the voice, shape (notes, 4); None if there is none.
        record: description of the performance.
    """

    piece: Piece
    start: float
    end: float
    sung: Floats | None
    record: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Duration of the recording in seconds."""
        return self.end - self.start

    @property
    def annotated(self) -> tuple[Floats, Any]:
        """Beat times in seconds of the recording, and positions in the bar, shape (beats,) each.

        Beats before the first and after the last sound are left out.
        """
        onsets = onsets_of(self.piece.parts)
        beats = self.piece.beats
        beat = 60.0 / self.piece.bpm
        first = max(self.start, float(onsets[0]) - 0.03)
        last = min(self.end - SHORT, float(onsets[-1]) + 1.05 * beat)
        inside = (beats >= first) & (beats <= last)
        return beats[inside] - self.start, self.piece.positions[inside]


def perform(piece: Piece, rng: np.random.Generator, settings: PerformanceSettings) -> Performance:
    """Return a random performance of a piece.

    Args:
        piece: piece to perform.
        rng: generator of random numbers.
        settings: how to perform it.

    Raises:
        RejectedPiece: if there are no notes, too few beats, or only drums.
    """
    piece = with_parts(piece, [part for part in piece.parts if len(part.notes)])
    if not piece.parts:
        raise RejectedPiece("no notes")
    if piece.plain:
        return _played_plainly(piece, rng, settings)
    bare = piece.source not in DRUM_SOURCES and all(part.drums for part in piece.parts)
    if bare and rng.random() >= settings.bare:
        raise RejectedPiece("drums alone")
    record: dict[str, Any] = {}
    piece, record["line-up"] = choose_parts(piece, rng, settings)
    if rng.random() < settings.breaks:
        piece, record["breaks"] = with_breaks(piece, rng)
    piece, record["transposed"] = transposed(piece, int(rng.integers(-5, 7)))
    substitution = settings.own_substitution if piece.own_sound else settings.substitution
    piece = with_parts(piece, [_substituted(part, rng, substitution) for part in piece.parts])
    piece = with_crisp_part(piece, rng)
    if piece.genre in HEAVY and not piece.own_sound:
        piece = with_parts(piece, [_distorted(part, rng, settings.heavy) for part in piece.parts])
    if rng.random() < (settings.own_pad if piece.own_sound else settings.pad):
        piece = with_pad(piece, rng)
    piece, record["tempo"] = with_tempo(piece, rng, settings)
    piece = humanised(piece, rng, settings)
    sung = None
    if rng.random() < settings.voice:
        piece, sung, record["voice"] = with_voice(piece, rng)
    return _recorded(piece, sung, record, rng, settings)


def _played_plainly(piece: Piece, rng: np.random.Generator, settings: PerformanceSettings) -> Performance:
    """Perform a plain piece: clicks and loops exactly, other music with a varying tempo."""
    record: dict[str, Any] = {"line-up": "plain", "voice": "none"}
    sung = None
    if not all(part.drums for part in piece.parts):
        piece, record["transposed"] = transposed(piece, int(rng.integers(-5, 7)))
        piece, record["tempo"] = with_tempo(piece, rng, settings)
        piece = humanised(piece, rng, settings)
        lead = next((part for part in piece.parts if part.name == "lead"), None)
        if lead is not None and len(piece.parts) > 1 and rng.random() < settings.sung:
            sung, record["voice"] = freed(lead.notes, rng), lead.name
            piece = with_parts(piece, [part for part in piece.parts if part is not lead])
    else:
        record["tempo"] = {"curve": "fixed", "scale": 1.0, "ritardando": False}
    return _recorded(piece, sung, record, rng, settings)


def _recorded(
    piece: Piece,
    sung: Floats | None,
    record: dict[str, Any],
    rng: np.random.Generator,
    settings: PerformanceSettings,
) -> Performance:
    start, end, record["begins"] = _recorded_stretch(piece, rng, settings)
    performance = Performance(piece=piece, start=start, end=end, sung=sung, record=record)
    if len(performance.annotated[0]) < 16:
        raise RejectedPiece("fewer than 16 beats")
    return performance


def with_parts(piece: Piece, parts: Sequence[Part]) -> Piece:
    """Return a piece with other parts."""
    return replace(piece, parts=tuple(parts))


def choose_parts(piece: Piece, rng: np.random.Generator, settings: PerformanceSettings) -> tuple[Piece, str]:
    """Return a piece without its drums, or with only them, or without some parts, and a description."""
    drums = [part for part in piece.parts if part.drums]
    others = [part for part in piece.parts if not part.drums]
    choice = rng.random()
    if drums and others:
        if choice < settings.drums_only and _dense(piece, drums):
            return with_parts(piece, drums), "drums"
        if settings.drums_only <= choice < settings.drums_only + settings.no_drums and _dense(piece, others):
            return with_parts(piece, others), "no drums"
    kept = [part for part in piece.parts if rng.random() > 0.12]
    if len(piece.parts) > 3 and len(kept) >= 2 and _dense(piece, kept) and _dense(piece, _crisp(kept)):
        return with_parts(piece, kept), "all" if len(kept) == len(piece.parts) else "some"
    return piece, "all"


def with_breaks(piece: Piece, rng: np.random.Generator) -> tuple[Piece, int]:
    """Return a piece with parts muted for two to eight bars, and how often.

    Parts are muted once or twice, if the remaining ones are enough to follow the beat.
    """
    downbeats = piece.downbeats
    count = 0
    for _ in range(int(rng.integers(1, 3))):
        if len(downbeats) < 8 or len(piece.parts) < 2:
            break
        bars = int(rng.choice([2, 4, 8]))
        first = int(rng.integers(0, max(1, len(downbeats) - bars)))
        # Start a little early, to include notes played just before the beat.
        start, stop = downbeats[first] - 0.04, downbeats[min(first + bars, len(downbeats) - 1)] - 0.04
        staying = [part for part in piece.parts if rng.random() < 0.45]
        if not _dense(piece, _crisp(staying), start, stop):
            continue
        piece = with_parts(
            piece,
            [p if any(p is s for s in staying) else _without(p, start, stop) for p in piece.parts],
        )
        count += 1
    return with_parts(piece, [part for part in piece.parts if len(part.notes)]), count


def transposed(piece: Piece, semitones: int) -> tuple[Piece, int]:
    """Return a piece transposed by `semitones`, or by 0 if pitches would be out of range, and by how many."""
    pitches = np.concatenate([np.array([60.0]), *(p.notes[:, PITCH] for p in piece.parts if not p.drums)])
    if pitches.min() + semitones < 12 or pitches.max() + semitones > 115:
        return piece, 0
    step = np.array([0.0, 0.0, semitones, 0.0])
    parts = [part if part.drums else replace(part, notes=part.notes + step) for part in piece.parts]
    return with_parts(piece, parts), semitones


def with_crisp_part(piece: Piece, rng: np.random.Generator) -> Piece:
    """Return a piece in which parts with sharp attacks are enough to follow the beat.

    If they are not, the part with most notes gets such an instrument. With slow attacks alone, perceived
    onsets would be up to 75 ms after the beats.
    """
    if _dense(piece, _crisp(piece.parts)):
        return piece
    counts = [len(part.notes) for part in piece.parts]
    busiest = int(np.argmax(counts))
    program = int(rng.choice([0, 4, 11, 12, 24, GUITAR, 26, 45, 105]))
    parts = list(piece.parts)
    parts[busiest] = replace(parts[busiest], program=program)
    return with_parts(piece, parts)


def with_pad(piece: Piece, rng: np.random.Generator) -> Piece:
    """Return a piece with added sustained chords, of the pitch classes that sound longest in each bar."""
    notes = np.concatenate([part.notes for part in piece.parts if not part.drums] or [np.empty((0, 4))])
    rows: list[tuple[float, float, float, float]] = []
    bars = np.append(piece.downbeats, piece.end)
    lowest, size = int(rng.integers(48, 61)), int(rng.integers(2, 5))
    for start, stop in zip(bars[:-1].tolist(), bars[1:].tolist(), strict=True):
        sounding = np.minimum(notes[:, OFFSET], stop) - np.maximum(notes[:, ONSET], start)
        classes = (notes[:, PITCH] % 12).astype(int)
        weights = np.bincount(classes, np.maximum(sounding, 0.0), minlength=12)
        chosen = [pitch for pitch in np.argsort(-weights)[:size].tolist() if weights[pitch] > 0]
        rows += [(start, stop, lowest + (pitch - lowest) % 12, 75.0) for pitch in chosen]
    if not rows:
        return piece
    pad = Part(name="pad", program=int(rng.choice(PADS)), drums=False, notes=notes_array(rows))
    return with_parts(piece, [*piece.parts, pad])


def _distorted(part: Part, rng: np.random.Generator, share: float) -> Part:
    """Return a guitar or keyboard part, by chance for a distorted guitar."""
    if part.drums or not (part.program < 8 or 16 <= part.program < 32) or rng.random() >= share:
        return part
    return replace(part, program=int(rng.choice([29, 30])))


def with_tempo(
    piece: Piece, rng: np.random.Generator, settings: PerformanceSettings
) -> tuple[Piece, dict[str, Any]]:
    """Return a piece with a random tempo and tempo curve, and their description."""
    spread = settings.own_tempo_spread if piece.own_sound else settings.tempo_spread
    scale = float(np.exp(rng.normal(0.0, spread)))
    low, high = (bpm / piece.bpm for bpm in settings.tempo)
    scale = float(np.clip(scale, min(low, 1.0), max(high, 1.0)))
    if piece.own_sound and _lives(piece):
        kind, factors, ritardando = "own", np.ones(len(piece.beats) - 1), False
    else:
        kind, factors = tempo_curve(len(piece.beats) - 1, rng, settings)
        ritardando = rng.random() < settings.ritardando
    if ritardando:
        slow = min(len(factors), int(rng.integers(4, 9)))
        factors[-slow:] *= np.linspace(1.0, rng.uniform(1.15, 1.6), slow)
    warped = warp(piece, factors / scale)
    return warped, {"curve": kind, "scale": round(scale, 4), "ritardando": bool(ritardando)}


def _lives(piece: Piece) -> bool:
    """Return whether the tempo already changes from beat to beat, as in a performance."""
    return bool(np.mean(np.abs(np.diff(np.log(np.diff(piece.beats))))) > OWN_CURVE)


def tempo_curve(
    intervals: int, rng: np.random.Generator, settings: PerformanceSettings
) -> tuple[str, Floats]:
    """Return a random tempo curve.

    Args:
        intervals: number of beat intervals.
        rng: generator of random numbers.
        settings: shares of the kinds of curves.

    Returns:
        Kind of curve, and factor for the duration of each beat interval, shape (intervals,).
    """
    choice = rng.random()
    if choice < settings.fixed_tempo:
        return "fixed", np.ones(intervals)
    walk = np.cumsum(rng.normal(0.0, settings.walk, intervals))
    walk -= np.linspace(0.0, walk[-1], intervals)  # end at the initial tempo
    if choice < settings.fixed_tempo + settings.drifting:
        return "drift", np.exp(walk + np.linspace(0.0, rng.uniform(-0.12, 0.12), intervals))
    return "walk", np.exp(walk)


def warp(piece: Piece, factors: Floats) -> Piece:
    """Return a piece in which the interval after beat i is longer by factors[i].

    Args:
        piece: piece to change.
        factors: positive factors, shape (beats - 1,). Outside the beats, the first and last apply.
    """
    old = piece.beats
    new = old[0] * factors[0] + np.concatenate(([0.0], np.cumsum(np.diff(old) * factors)))

    def moved(times: Floats) -> Floats:
        inside = np.interp(times, old, new)
        before = new[0] + (times - old[0]) * factors[0]
        after = new[-1] + (times - old[-1]) * factors[-1]
        return np.asarray(np.where(times < old[0], before, np.where(times > old[-1], after, inside)))

    parts = [
        replace(
            part, notes=np.column_stack((moved(part.notes[:, 0]), moved(part.notes[:, 1]), part.notes[:, 2:]))
        )
        for part in piece.parts
    ]
    return replace(piece, parts=tuple(parts), beats=new)


def humanised(piece: Piece, rng: np.random.Generator, settings: PerformanceSettings) -> Piece:
    """Return a piece with random shifts of parts, onsets and velocities; the leading part is shifted less."""
    leader = max(piece.parts, key=lambda part: (part.drums, part.crisp, len(part.notes)))
    machine = rng.random() < 0.3  # exactly on the grid, as if sequenced
    parts = []
    for part in piece.parts:
        largest = 0.0 if machine else settings.part_offset * (0.2 if part is leader else 1.0)
        offset = float(np.clip(rng.normal(0.0, largest / 2 + 1e-9), -largest, largest))
        spread = 0.0 if machine else rng.uniform(*settings.jitter)
        parts.append(_scattered(part, rng, offset, spread, rng.uniform(0.0, 9.0)))
    return with_parts(piece, parts)


def _scattered(part: Part, rng: np.random.Generator, offset: float, spread: float, loudness: float) -> Part:
    notes = part.notes.copy()
    shift = offset + np.clip(rng.normal(0.0, spread + 1e-9, len(notes)), -2 * spread, 2 * spread)
    notes[:, :2] += shift[:, None]
    notes[:, VELOCITY] += rng.normal(0.0, loudness + 1e-9, len(notes))
    return replace(part, notes=notes_array(notes))


def _substituted(part: Part, rng: np.random.Generator, share: float) -> Part:
    if part.drums:
        return replace(part, program=int(rng.choice(DRUM_KITS))) if rng.random() < 0.5 else part
    if rng.random() >= share or part.program >= 112:  # effects have no family
        return part
    family = part.program // 8 * 8
    fellows = [replace(part, program=program) for program in range(family, family + 8)]
    fellows = [fellow for fellow in fellows if fellow.crisp or not part.crisp]
    return fellows[int(rng.integers(len(fellows)))]


def with_voice(piece: Piece, rng: np.random.Generator) -> tuple[Piece, Floats | None, str]:
    """Return a piece, the notes to sing, (notes, 4), if any, and the name of the sung part.

    A singer replaces a monophonic part in vocal range that is not needed to follow the beat, or sings a new
    melody.
    """
    able = [
        part
        for part in piece.parts
        if not part.drums
        and 48 <= np.median(part.notes[:, PITCH]) <= 79
        and _monophony(part) > 0.8
        and _dense(piece, _crisp([other for other in piece.parts if other is not part]))
    ]
    if able and rng.random() < 0.6:
        part = able[int(rng.integers(len(able)))]
        others = [other for other in piece.parts if other is not part]
        return with_parts(piece, others), freed(part.notes, rng), part.name
    melody = free_melody(piece, rng)
    return (piece, melody, "free") if len(melody) else (piece, None, "none")


def _monophony(part: Part) -> float:
    """Return the share of notes that do not start together with another."""
    return float(np.mean(np.diff(part.notes[:, ONSET], prepend=-1.0) > 0.03))


def _recorded_stretch(
    piece: Piece, rng: np.random.Generator, settings: PerformanceSettings
) -> tuple[float, float, str]:
    onsets = onsets_of(piece.parts)
    first, last = float(onsets[0]), min(piece.end, float(onsets[-1]) + 2.0)
    seconds = rng.uniform(*settings.seconds)
    choice = rng.random()
    if choice < settings.silence:
        start, kind = first - rng.uniform(0.2, 3.0), "silence"
    elif choice < settings.silence + settings.whole:
        start, kind = first - rng.uniform(0.0, 0.1), "first note"
    else:
        spare = max(last - first - settings.seconds[0], min(4.0, (last - first) / 4))
        start, kind = first + rng.uniform(0.0, min(settings.lead, spare)), "anywhere"
    return start, min(start + seconds, last + rng.uniform(0.1, 1.5)), kind


def _crisp(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if part.crisp]


def _dense(piece: Piece, parts: Sequence[Part], start: float = -np.inf, stop: float = np.inf) -> bool:
    """Return whether parts have enough onsets, without long gaps, to follow the beat between two times."""
    start, stop = max(start, float(piece.beats[0]) - 0.1), min(stop, float(piece.beats[-1]) + 0.1)
    onsets = onsets_of(parts)
    onsets = onsets[(onsets >= start) & (onsets < stop)]
    beat = 60.0 / piece.bpm
    distinct = np.count_nonzero(np.diff(onsets, prepend=-np.inf) > 0.03)
    gap = float(np.max(np.diff(np.concatenate(([start], onsets, [stop])))))
    return bool(distinct >= LEAST_ONSETS * (stop - start) / beat and gap < 8 * beat)


def _without(part: Part, start: float, stop: float) -> Part:
    silent = (part.notes[:, ONSET] >= start) & (part.notes[:, ONSET] < stop)
    return replace(part, notes=part.notes[~silent])
