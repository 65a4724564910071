"""Beat and tempo files of any tool, read into one value.

Read are: one time a line, or time and position in the bar, separated by tabs, blanks, commas or semicolons
(madmom, Beat This!, mir_eval, Sonic Visualiser, Sonic Annotator, Audacity labels), with or without a header;
and our JSON.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.errors import BeattrackError
from beattrack.formats.columns import Table, parse_positions, parse_table

# mir_eval refuses later events: they are nearly always milliseconds or samples taken for seconds.
MAX_SECONDS = 30000.0
_MAX_MESSAGE = 200


class BeatFileError(BeattrackError):
    """A beat or tempo file cannot be read."""


@dataclass(frozen=True, eq=False)
class BeatSequence:
    """Beats as a file gives them, in order.

    times: (n,) seconds, strictly increasing. positions: (n,) position in the bar, 1 = downbeat, other values
    for beats between; None where the file has times only. tempo: BPM stated by the file itself, or None.
    notes: what had to be mended, in words. model: the one that the file says it comes from, or None.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64] | None = None
    tempo: float | None = None
    notes: tuple[str, ...] = ()
    model: str | None = None

    @property
    def downbeats(self) -> NDArray[np.float64] | None:
        """Times of the downbeats, None where the bars are unknown."""
        return None if self.positions is None else self.times[self.positions == 1]


def beat_sequence(
    times: ArrayLike,
    positions: ArrayLike | None = None,
    *,
    tempo: float | None = None,
    notes: Sequence[str] = (),
) -> BeatSequence:
    """Put raw times in order: sorted, each time once (the downbeat where equal times differ).

    times: (n,) seconds; positions: (n,) whole numbers or None.
    Raises BeatFileError for times that are not finite or above 30 000 s, and for unequal lengths.
    """
    seconds = np.asarray(times, dtype=np.float64).reshape(-1)
    bars = None if positions is None else np.asarray(positions, dtype=np.int64).reshape(-1)
    if not np.isfinite(seconds).all():
        raise BeatFileError("holds a time that is not a number")
    if seconds.size and seconds.max() > MAX_SECONDS:
        raise BeatFileError(
            f"holds a beat at {seconds.max():g}; times must be seconds, at most {MAX_SECONDS:g}"
        )
    if bars is not None and bars.shape != seconds.shape:
        raise BeatFileError(f"holds {seconds.size} times but {bars.size} positions")
    mended = list(notes)
    if (np.diff(seconds) < 0).any():
        mended.append("times out of order were sorted")
    # Of equal times the downbeat comes first and is the one kept.
    order = np.lexsort((seconds,) if bars is None else (bars != 1, seconds))
    seconds, bars = seconds[order], None if bars is None else bars[order]
    keep = np.diff(seconds, prepend=-np.inf) > 0
    if not keep.all():
        mended.append("repeated times were counted once")
    if seconds.size and seconds[0] < 0:
        mended.append("beats before 0 s are not scored")
    return BeatSequence(seconds[keep], None if bars is None else bars[keep], tempo, tuple(mended))


def read_beats(path: str | os.PathLike[str]) -> BeatSequence:
    """Read a beat file of any supported format.

    Raises BeatFileError, naming the file and the line, where it cannot.
    """
    name = os.fspath(path)
    text = _read_text(path)
    try:
        if text.lstrip().startswith("{"):
            return _from_json(text)
        return _with_header(_from_table(parse_table(text)), text)
    except (BeatFileError, ValueError) as error:
        raise BeatFileError(f"{name}: {_short(error)}") from error
    except (OverflowError, TypeError, RecursionError, csv.Error) as error:
        raise BeatFileError(f"{name}: holds what are no beats ({_short(error)})") from error


def read_tempo(path: str | os.PathLike[str]) -> float:
    """Read a tempo file: one BPM, or two and the strength (0..1) of the first, the stronger being returned.

    Raises BeatFileError where there is no positive number.
    """
    name = os.fspath(path)
    try:
        values = [float(token) for token in _read_text(path).split()]
    except ValueError as error:
        raise BeatFileError(f"{name}: is not a tempo file ({_short(error)})") from error
    if not values or not all(map(math.isfinite, values)):
        raise BeatFileError(f"{name}: holds no tempo")
    second = len(values) >= 3 and values[2] < 0.5
    tempo = values[1] if second else values[0]
    if tempo <= 0:
        raise BeatFileError(f"{name}: holds the tempo {tempo:g}, which is not positive")
    return tempo


def _short(error: Exception) -> str:
    """Message of an error on one line, without all of a long value that it quotes."""
    text = " ".join(str(error).split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."


def _read_text(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BeatFileError(f"{os.fspath(path)}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BeatFileError(f"{os.fspath(path)}: is not a text file") from error


def _from_table(table: Table) -> BeatSequence:
    # Without a single beat there is no column to see, and no downbeat either.
    if not table.times:
        return beat_sequence([], [])
    if table.labels is None:
        return beat_sequence(table.times)
    positions = parse_positions(table.labels)
    if positions is None:
        return beat_sequence(
            table.times, notes=["the second column is not a position in the bar and was ignored"]
        )
    return beat_sequence(table.times, positions)


def _with_header(beats: BeatSequence, text: str) -> BeatSequence:
    """Add what our own files say in comments before the beats: `# tempo_bpm: 121.95` and `# model: tcn`."""
    comments = [line[1:].partition(":") for line in text.splitlines()[:20] if line.startswith("#")]
    header = {key.strip(): value.strip() for key, _, value in comments}
    try:
        tempo = float(header.get("tempo_bpm", "none"))
    except ValueError:
        tempo = math.nan
    return replace(beats, tempo=tempo if 0 < tempo < math.inf else None, model=header.get("model"))


def _from_json(text: str) -> BeatSequence:
    data = json.loads(text)
    beats = data.get("beats", data.get("times"))
    if not isinstance(beats, list):
        raise BeatFileError("has no list of beats")
    if all(isinstance(beat, Mapping) for beat in beats):
        times = [_number(beat.get("time")) for beat in beats]
        positions: list[Any] | None = [beat.get("position") for beat in beats]
    else:
        times = [_number(beat) for beat in beats]
        positions = data.get("positions")
    if positions is not None and any(position is None for position in positions):
        positions = None
    if not times:
        positions = []
    tempo = data.get("tempo")
    bpm = tempo.get("bpm") if isinstance(tempo, Mapping) else tempo
    model = data.get("model")
    sequence = beat_sequence(times, positions, tempo=None if bpm is None else _number(bpm))
    return replace(sequence, model=model if isinstance(model, str) else None)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BeatFileError(f"holds {value!r} where a number of seconds or BPM belongs")
    return float(value)
