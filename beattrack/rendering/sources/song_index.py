"""The index of the song archives, with facts about each MIDI file, and the felt beats derived from it.

A bar starts at every time signature event. A felt beat may be longer or shorter than the written one (2/2,
6/8, half-time songs), and a felt bar may be two written bars.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.midi import MidiScore
from beattrack.rendering.piece import ONSET, Floats, Integers

NOT_STATED = "not stated: training only"
_PARTIAL_BEAT = 0.25  # a remainder of a bar shorter than this share of a beat does not count as a beat


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One song of the index.

    Attributes:
        id: name of the song.
        genre: genre label.
        licence: licence of the file.
        metre: felt metre.
        felt_step: duration of a felt beat in quarter notes.
        signatures: (tick, numerator, denominator) of each section; every section starts a bar.
        first_downbeat: tick of the first felt downbeat, if `rephased`.
        rephased: whether the bar lines differ from those of the signatures.
        written_bars: written bars per felt bar, 1 or 2.
        parity: which of two written bars starts a felt bar, 0 or 1.
        bars_known: whether the downbeats are reliable.
        arranged: whether a program made the arrangement.
        played: (seconds, is downbeat) of each beat of a human performance; empty for sequenced songs.
    """

    id: str
    genre: str
    licence: str
    metre: str
    felt_step: float
    signatures: tuple[tuple[int, int, int], ...]
    first_downbeat: int
    rephased: bool
    written_bars: int
    parity: int
    bars_known: bool
    arranged: bool
    played: tuple[tuple[float, bool], ...]

    @property
    def expressive(self) -> bool:
        """Whether it is a human performance with annotated beats."""
        return bool(self.played)


def read_index(content: bytes, *, name: str) -> tuple[Entry, ...]:
    """Read an index.

    Args:
        content: JSON list of one object per song.
        name: name of the file, for messages.

    Returns:
        The entries, ordered by id.

    Raises:
        RenderError: if the content is not an index.
    """
    try:
        entries = [_entry(row) for row in json.loads(content)]
    except (ValueError, KeyError, TypeError) as error:
        raise RenderError(f"{name}: not an index of songs ({error!r}); download the archive again") from error
    return tuple(sorted(entries, key=lambda entry: entry.id))


def _entry(row: Mapping[str, Any]) -> Entry:
    stated = str(row["licence"])
    expressive = bool(row["expressive"])
    return Entry(
        id=str(row["id"]),
        genre=str(row["genre"]),
        licence=NOT_STATED if stated.startswith("none stated") else stated,
        metre=str(row["metre"]),
        felt_step=0.0 if expressive else float(row["beat_quarters"]),
        signatures=()
        if expressive
        else tuple((int(t), int(n), int(d)) for t, n, d in row["signature_ticks"]),
        first_downbeat=int(row["first_downbeat_tick"] or 0),
        rephased=bool(row["rephased"]),
        written_bars=1 if expressive else int(row["bars_per_felt_bar"]),
        parity=0 if expressive else int(row["felt_bar_parity"]),
        bars_known=row["downbeats"] == "yes",
        arranged=bool(row["arranged"]),
        played=tuple((float(t), bool(d)) for t, d in row["beats"]) if expressive else (),
    )


def felt_beats(entry: Entry, score: MidiScore) -> tuple[Floats, Integers]:
    """Compute the felt beats of a song.

    Args:
        entry: the song's entry in the index.
        score: its MIDI file.

    Returns:
        Times in seconds and positions in the bar, shape (beats,) each. Beats before the first downbeat count
        as the end of a bar. Positions start at 1, and are meaningful only if `entry.bars_known`.

    Raises:
        RejectedPiece: if there are fewer than two beats, or no downbeat.
    """
    if entry.expressive:
        times = np.array([time for time, _ in entry.played], dtype=np.float64)
        downbeats = np.array([downbeat for _, downbeat in entry.played], dtype=np.bool_)
    else:
        ticks, first = _sequenced(entry, score)
        times, downbeats = score.seconds(np.array(ticks, dtype=np.float64)), np.array(first, dtype=np.bool_)
    apart = np.concatenate(([True], np.diff(times) > 0.05)) if len(times) else np.zeros(0, np.bool_)
    times, downbeats = times[apart], downbeats[apart]
    if len(times) < 2 or not downbeats.any():
        raise RejectedPiece("no beats")
    return times, _positions(downbeats)


def _sequenced(entry: Entry, score: MidiScore) -> tuple[list[float], list[bool]]:
    """Return the ticks of the felt beats up to the last onset, and whether each is a downbeat."""
    quarter = score.ticks_per_quarter
    step = entry.felt_step * quarter
    last = max((float(part.notes[:, ONSET].max()) for part in score.parts), default=0.0)
    shift = _shift(entry, quarter)
    ticks: list[float] = []
    first: list[bool] = []
    if shift > 0:  # beats before the first bar line, if bar lines were moved
        start = entry.signatures[0][0] + shift
        count = int(start // step)
        ticks += [start - step * back for back in range(count, 0, -1)]
        first += [False] * count
    stops = [*(tick for tick, _, _ in entry.signatures[1:]), last + step]
    for (tick, upper, lower), stop in zip(entry.signatures, stops, strict=True):
        length = upper * 4 * quarter / lower
        for bar in np.arange(tick + shift, stop - 1, length).tolist():
            beats = _beats_of_bar(bar, min(bar + length, stop), step, last)
            ticks += beats
            first += [index == 0 for index in range(len(beats))]
    return ticks, _felt_bars(first, entry) if entry.written_bars == 2 else first


def _shift(entry: Entry, quarter: int) -> float:
    """Return the ticks by which the bar lines are later than those of the signatures."""
    if not entry.rephased:
        return 0.0
    _, upper, lower = entry.signatures[0]
    skipped = entry.parity if entry.written_bars == 2 else 0
    return entry.first_downbeat - skipped * upper * 4 * quarter / lower


def _beats_of_bar(start: float, stop: float, step: float, last: float) -> list[float]:
    beats = np.arange(start, stop - _PARTIAL_BEAT * step, step)
    return [beat for beat in beats.tolist() if beat <= last]


def _felt_bars(first: Sequence[bool], entry: Entry) -> list[bool]:
    """Keep every second downbeat."""
    bars = np.cumsum(first) - 1
    return [bool(down and bar % 2 == entry.parity) for down, bar in zip(first, bars.tolist(), strict=True)]


def _positions(downbeats: np.ndarray[Any, np.dtype[np.bool_]]) -> Integers:
    """Count from each downbeat; before the first, count as the end of a bar of median length."""
    index = np.arange(len(downbeats))
    lines = np.flatnonzero(downbeats)
    usual = int(np.median(np.diff(lines))) if len(lines) > 1 else 4
    before = lines[np.maximum(np.searchsorted(lines, index, side="right") - 1, 0)]
    counted = np.where(index >= lines[0], index - before, (index - lines[0]) % usual)
    return np.asarray(counted + 1, dtype=np.int64)
