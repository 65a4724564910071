"""Readers of beat and tempo files of many tools.

Beat files are text with one time per line, or time and position in the bar, with or without a header (madmom,
Beat This!, BeatNet, mir_eval, Sonic Visualiser, Sonic Annotator, Audacity labels); JSON (beattrack,
all-in-one, Essentia, JAMS, lists); or layers of Sonic Visualiser. Files whose times cannot be beats in
seconds are refused.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from beattrack.formats.columns import parse_table
from beattrack.formats.json_files import parse_json
from beattrack.formats.plausible import READ_AS_MILLISECONDS, in_seconds
from beattrack.formats.positions import positions_of
from beattrack.formats.sequence import BeatFileError as BeatFileError
from beattrack.formats.sequence import BeatSequence as BeatSequence
from beattrack.formats.sequence import FoundBeats
from beattrack.formats.sequence import beat_sequence as beat_sequence
from beattrack.formats.svl import parse_svl
from beattrack.formats.text import read_text

_MAX_MESSAGE = 200


def read_beats(path: str | os.PathLike[str], *, sparse: bool = False) -> BeatSequence:
    """Read a beat file of any supported format.

    Args:
        path: path of the file. Its format is found from its content.
        sparse: whether the file may have some beats only, so that they can be any time apart.

    Returns:
        The beats in seconds; their notes say what was changed or ignored.

    Raises:
        BeatFileError: if the file cannot be read, or if its times can be beats neither in seconds nor,
            unambiguously, in milliseconds; the message names the file, and the line if there is one.
    """
    name = os.fspath(path)
    text = read_text(path)
    try:
        return _sequence(_parser(text)(text), sparse=sparse)
    except (BeatFileError, ValueError) as error:
        raise BeatFileError(f"{name}: {_short(error)}") from error
    except (OverflowError, TypeError, RecursionError, csv.Error) as error:
        raise BeatFileError(f"{name}: cannot be read as beats ({_short(error)})") from error


def read_tempo(path: str | os.PathLike[str]) -> float:
    """Read the tempo in BPM from a tempo file.

    The file holds one tempo, or two tempi and the strength of the first, 0 to 1; the stronger is returned.

    Raises:
        BeatFileError: if the file holds no positive number.
    """
    name = os.fspath(path)
    try:
        values = [float(token) for token in read_text(path).split()]
    except ValueError as error:
        raise BeatFileError(f"{name}: is not a tempo file ({_short(error)})") from error
    if not values or not all(map(math.isfinite, values)):
        raise BeatFileError(f"{name}: holds no tempo")
    second = len(values) >= 3 and values[2] < 0.5
    tempo = values[1] if second else values[0]
    if tempo <= 0:
        raise BeatFileError(f"{name}: holds the tempo {tempo:g}, which is not positive")
    return tempo


def _parser(text: str) -> Callable[[str], FoundBeats]:
    """Return the parser for a file, chosen by its first character."""
    start = text.lstrip()[:1]
    return {"{": parse_json, "[": parse_json, "<": parse_svl}.get(start, _parse_text)


def _parse_text(text: str) -> FoundBeats:
    """Read a table, and the header of `.beats` files in comments before it, such as `# tempo_bpm: 121.95`."""
    comments = [line[1:].partition(":") for line in text.splitlines()[:20] if line.startswith("#")]
    header = {key.strip(): value.strip() for key, _, value in comments}
    found = parse_table(text)
    if header.get("units") not in (None, "seconds") and (rate := _stated(header.get("units_per_second"))):
        found = replace(found, times=[time / rate for time in found.times], unit="seconds")
    return replace(
        found,
        tempo=_stated(header.get("tempo_bpm")),
        duration=_stated(header.get("duration")),
        model=header.get("model"),
    )


def _stated(value: str | None) -> float | None:
    try:
        number = float(value or "none")
    except ValueError:
        return None
    return number if 0 < number < math.inf else None


def _sequence(found: FoundBeats, *, sparse: bool) -> BeatSequence:
    """Convert what a parser has found to beats in seconds with positions."""
    times, notes = in_seconds(found.times, found.unit, sparse=sparse)
    positions = found.positions
    if found.downbeats is not None:
        scale = 1000 if READ_AS_MILLISECONDS in notes else 1
        downbeats = np.asarray(found.downbeats, dtype=np.float64) / scale
        counted = positions_of(times.tolist(), downbeats.tolist())
        if positions is None:
            positions = counted
        elif 1 in counted and [place == 1 for place in positions] != [place == 1 for place in counted]:
            raise BeatFileError("lists downbeats that contradict its positions in the bar")
    if not len(times):  # no beats at all also means that no downbeats were found
        positions = []
    return beat_sequence(
        times,
        positions,
        tempo=found.tempo,
        notes=[*found.notes, *notes],
        model=found.model,
        duration=found.duration,
    )


def _short(error: Exception) -> str:
    """Return the message of an error on one line, cut if it quotes a long value."""
    text = " ".join(str(error).split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."
