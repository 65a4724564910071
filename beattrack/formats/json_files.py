"""Parser of JSON from many tools: beattrack, all-in-one, Essentia, JAMS, Spotify's analysis, plain lists."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from beattrack.formats.positions import IGNORED, parse_positions
from beattrack.formats.sequence import BeatFileError, FoundBeats, Unit
from beattrack.runtime.records import MAX_NUMBER

# Keys of the lists, the least ambiguous first; NAME_ms holds milliseconds.
_TIMES = ("beat_times", "times", "beats_position", "beats", "beat")
_POSITIONS = ("beat_positions", "positions", "beat_numbers", "beat_number", "position")
_DOWNBEATS = ("downbeat_times", "downbeats", "downbeat")
_BARS = "bars"
_TEMPI = ("tempo", "bpm")
# Keys of an object that describes one beat.
_TIME = ("time", "start", "onset", "timestamp", "seconds", "beat_time", "t")
_POSITION = ("position", "beat_position", "beat_number", "beat", "number", "label")
_FLAG = ("downbeat", "is_downbeat")
_BEAT_NAMESPACES = ("beat", "beat_position")  # of JAMS

_MANY_KEYS = 12  # in a message
_IGNORED = "labels that are not positions in the bar were ignored"


def parse_json(text: str) -> FoundBeats:
    """Read the beats in a JSON file.

    Args:
        text: content of the file.

    Returns:
        The beats as they are in the file.

    Raises:
        BeatFileError: if the file has no list of beats or the list cannot be read.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise BeatFileError(f"cannot be read as JSON ({error})") from error
    if isinstance(data, list):
        return _from_list(data)
    if not isinstance(data, Mapping):
        raise BeatFileError("has no list of beats")
    if isinstance(data.get("annotations"), list):
        return _from_jams(data)
    return _from_object(data)


def _from_list(data: list[Any]) -> FoundBeats:
    """Read a list of times, of (time, position) pairs, of beats as objects, or of a single result."""
    if len(data) == 1 and isinstance(data[0], Mapping) and _has_beats(data[0]):
        return _from_object(data[0])
    return _beats_of(data)


def _beats_of(items: Sequence[Any], unit: Unit | None = None) -> FoundBeats:
    if items and all(isinstance(item, Mapping) for item in items):
        return _from_records(items, unit)
    if items and all(isinstance(item, list) for item in items):
        if min(map(len, items)) < 2:
            raise BeatFileError("has no list of beats: each inner list must hold a time and a position")
        times = [_number(item[0]) for item in items]
        positions, notes = _positions([item[1] for item in items])
        return FoundBeats(times=times, unit=unit, positions=positions, notes=notes)
    return FoundBeats(times=[_number(item) for item in items], unit=unit)


def _from_records(records: Sequence[Mapping[str, Any]], unit: Unit | None) -> FoundBeats:
    """Read beats that are objects."""
    key = _first(records[0], [*_TIME, *(f"{name}_ms" for name in _TIME)])
    if key is None:
        raise BeatFileError(f"has beats without a time; their keys are {_keys(records[0])}")
    times = [_number(record.get(key)) for record in records]
    label, flag = (
        next((name for name in names if any(record.get(name) is not None for record in records)), None)
        for names in (_POSITION, _FLAG)
    )
    positions, notes = _positions([record.get(label) for record in records] if label else [])
    if positions is None and flag is not None:
        positions, notes = [int(bool(record.get(flag))) for record in records], ()
    stated: Unit | None = "milliseconds" if key.endswith("_ms") else unit
    return FoundBeats(times=times, unit=stated, positions=positions, notes=notes)


def _from_object(data: Mapping[str, Any]) -> FoundBeats:
    """Read an object that holds the lists itself or in one inner object, such as Essentia's `rhythm`."""
    inside = [value for value in data.values() if isinstance(value, Mapping) and _has_beats(value)]
    if not _has_beats(data) and len(inside) == 1:
        data = {**data, **inside[0]}
    key = _times_key(data)
    if key is None:
        raise BeatFileError(
            f"has no list of beats under {', '.join(_TIMES)}; its keys are {_keys(data) or 'none'}"
        )
    found = _beats_of(data[key], "milliseconds" if key.endswith("_ms") else None)
    positions, notes = found.positions, found.notes
    listed = _first(data, _POSITIONS)
    if positions is None and listed is not None:
        positions, notes = _positions(_list(data, listed))
    elif positions is None and key in ("times", "beat_times") and _is_list(data.get("beats")):
        positions, _ = _positions(data["beats"])  # here the positions of `times`
    downbeats, flags = _downbeats(data, len(found.times))
    if positions is None and downbeats is None and flags is None:
        ignored = [key for key, value in data.items() if "downbeat" in key.lower() and _is_list(value)]
        notes += tuple(f"{key[:40]!r} was ignored" for key in ignored)
    model = data.get("model")
    return FoundBeats(
        times=found.times,
        unit=found.unit,
        positions=positions if flags is None or positions is not None else flags,
        downbeats=downbeats,
        tempo=_tempo(data),
        duration=_positive(data.get("duration")),
        model=model if isinstance(model, str) else None,
        notes=notes,
    )


def _downbeats(data: Mapping[str, Any], beats: int) -> tuple[list[float] | None, list[int] | None]:
    """Read downbeats as times or as one flag per beat."""
    names = [*_DOWNBEATS, *(f"{name}_ms" for name in _DOWNBEATS)]
    items = next((data[name] for name in names if _is_list(data.get(name))), None)
    bars = data.get(_BARS) or []  # of Spotify's analysis; in other files the key may mean anything
    if items is None and _is_list(bars) and all(isinstance(bar, Mapping) and "start" in bar for bar in bars):
        items = bars or None
    if items is None:
        return None, None
    if beats and len(items) == beats and all(item in (0, 1) for item in items):
        return None, [int(item) for item in items]
    found = _beats_of(items)
    return list(found.times), None


def _from_jams(data: Mapping[str, Any]) -> FoundBeats:
    """Read the first beat annotation of a JAMS file."""
    annotations = [entry for entry in data["annotations"] if isinstance(entry, Mapping)]
    beats = [entry for entry in annotations if entry.get("namespace") in _BEAT_NAMESPACES]
    beats = [entry for entry in beats if _observations(entry)] or beats
    if not beats:
        spaces = ", ".join(dict.fromkeys(str(entry.get("namespace"))[:40] for entry in annotations))
        raise BeatFileError(f"has no beat annotation; its namespaces are {spaces or 'none'}")
    observations = _observations(beats[0])
    times = [_number(entry.get("time")) for entry in observations]
    positions, notes = _positions([_bar_position(entry.get("value")) for entry in observations])
    if len(beats) > 1:
        notes += (f"the file has {len(beats)} beat annotations; the first was read",)
    tempi = [entry for entry in annotations if entry.get("namespace") == "tempo" and _observations(entry)]
    meta = data.get("file_metadata")
    return FoundBeats(
        times=times,
        positions=positions,
        tempo=_positive(_observations(tempi[0])[0].get("value")) if tempi else None,
        duration=_positive(meta.get("duration")) if isinstance(meta, Mapping) else None,
        notes=notes,
    )


def _observations(annotation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the observations of an annotation, which older files store as one list per key."""
    data = annotation.get("data")
    if isinstance(data, Mapping) and all(isinstance(column, list) for column in data.values()):
        return [dict(zip(data, row, strict=False)) for row in zip(*data.values(), strict=False)]
    return [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []


def _bar_position(value: Any) -> Any:
    return value.get("position") if isinstance(value, Mapping) else value


def _positions(items: Sequence[Any]) -> tuple[list[int] | None, tuple[str, ...]]:
    labels = ["" if item is None else str(item) for item in items]
    positions, notes = parse_positions(labels)
    return positions, tuple(_IGNORED if note == IGNORED else note for note in notes)


def _tempo(data: Mapping[str, Any]) -> float | None:
    """Read the tempo from a number, a list of one number, or an object with the key `bpm`."""
    for key in _TEMPI:
        value = data.get(key)
        value = value.get("bpm") if isinstance(value, Mapping) else value
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if (tempo := _positive(value)) is not None:
            return tempo
    return None


def _positive(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= MAX_NUMBER else None


def _times_key(data: Mapping[str, Any]) -> str | None:
    names = [*_TIMES, *(f"{name}_ms" for name in _TIMES)]
    return next((name for name in names if _is_list(data.get(name))), None)


def _has_beats(data: Mapping[str, Any]) -> bool:
    return _times_key(data) is not None


def _first(data: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if data.get(name) is not None), None)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    if not _is_list(data[key]):
        raise BeatFileError(f"holds no list under {key!r}")
    items: list[Any] = data[key]
    return items


def _keys(data: Mapping[str, Any]) -> str:
    names = [str(key)[:40] for key in list(data)[:_MANY_KEYS]]
    return ", ".join(names) + (", ..." if len(data) > _MANY_KEYS else "")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BeatFileError(f"holds {reprlib.repr(value)} instead of a time in seconds")
    return float(value)
