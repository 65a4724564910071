"""Datasets read by mirdata's loaders."""

from __future__ import annotations

import csv
import importlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from beattrack.datasets.base import Dataset, DatasetError, MissingReaderError, Problem, Track
from beattrack.datasets.checks import audio_problem
from beattrack.datasets.data_homes import data_homes
from beattrack.datasets.download import Download, download_files
from beattrack.datasets.licences import LICENCES
from beattrack.formats.readers import BeatFileError, BeatSequence, beat_sequence

# Loaders whose `beats` are not the beats of the recording.
_OTHER_BEATS = {"jtd": "one musician's notes", "filosax": "chord changes"}
_AUDIO = ("audio_path", "audio_mix_path", "audio_mic_path")
_OWN = "give your own copy as folder:PATH, with a .beats file beside each recording"
# Errors that mirdata's loaders raise if an annotation is missing or damaged.
_READ_ERRORS = (OSError, ValueError, TypeError, LookupError, AttributeError, StopIteration, csv.Error)
# The part of the id that tracks of the same album, piece or session share.
_GROUPS = {
    "ballroom": re.compile(r"(Albums-.+)-\d+"),
    "guitarset": re.compile(r"\d+_(.+)_(?:comp|solo)"),
    "groove_midi": re.compile(r"(.+)/\d+"),
}


def load(
    name: str,
    *,
    data_home: Path | None = None,
    need_audio: bool = True,
    download: Download | None = None,
) -> Dataset:
    """Read a dataset with mirdata.

    Args:
        name: mirdata's name of the dataset.
        data_home: folder of the dataset, or the folder that holds it under its name; None for
            $BEATTRACK_DATA, then ~/mir_datasets.
        need_audio: leave out, and list as problems, tracks whose audio is missing or cannot be opened.
        download: permission to download what is missing; None downloads nothing.

    Raises:
        DatasetError: if mirdata has no such dataset with beats, or none of its tracks can be used.
        MissingReaderError: if mirdata is not installed.
    """
    module = loader(name)
    home = _find_home(name, data_home)
    tracks, problems = _read(name, module, home, need_audio)
    if not tracks and download is not None and _offered(module):
        if home.is_dir() and not Path(_dataset(name, module, home).index_path).is_file():
            _download(name, module, home, download, keys=())
            tracks, problems = _read(name, module, home, need_audio)
        if not tracks:
            home = own_folder(name, data_home)
            _download(name, module, home, download, keys=None)
            tracks, problems = _read(name, module, home, need_audio)
    if not tracks:
        raise DatasetError(_unusable(name, module, home, problems))
    return Dataset(name, home, tuple(tracks), tuple(problems), licence_of(name, module))


def loader(name: str) -> Any:
    """Return mirdata's module of a dataset.

    Raises:
        DatasetError: if mirdata has no such dataset, or none with beats of recordings.
        MissingReaderError: if mirdata is not installed.
    """
    try:
        with quiet():
            import mirdata

            known = mirdata.list_datasets()
            module = importlib.import_module(f"mirdata.datasets.{name}") if name in known else None
    except ImportError as error:
        raise MissingReaderError("mirdata", "datasets", f"the dataset {name}") from error
    if module is None:
        similar = get_close_matches(name, known, n=1)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        raise DatasetError(f"there is no dataset {name!r}, and mirdata has none of this name{hint}")
    if name in _OTHER_BEATS:
        raise DatasetError(f"{name}: cannot be used, because its beats in mirdata are {_OTHER_BEATS[name]}")
    if not hasattr(getattr(module, "Track", None), "beats"):
        raise DatasetError(f"{name}: cannot be used, because it has no beats in mirdata")
    return module


def licence_of(name: str, module: Any) -> str:
    """Return the known licence of a dataset, in one line; "" if unknown."""
    stated = " ".join(str(getattr(module, "LICENSE_INFO", None) or "").split())
    return LICENCES.get(name) or stated[:200]


def own_folder(name: str, data_home: Path | None) -> Path:
    """Return the folder to download a dataset to: the data home if it has its name, else a folder in it."""
    place = data_homes(data_home)[0]
    return place if place.name == name else place / name


@contextmanager
def quiet() -> Iterator[None]:
    """Keep mirdata from logging, and undo its changes to the root logger when it is imported."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


def _download(name: str, module: Any, home: Path, allowed: Download, *, keys: tuple[str, ...] | None) -> None:
    what = "it" if keys is None else "the list of its files"
    with quiet():
        dataset = _dataset(name, module, home)
        download_files(name, module, dataset, home, allowed=allowed, keys=keys, what=what)


def _find_home(name: str, data_home: Path | None) -> Path:
    places = data_homes(data_home)
    inside = [place / name for place in places if (place / name).is_dir()]
    if inside:
        return inside[0]
    return data_home if data_home is not None else own_folder(name, None)


def _read(name: str, module: Any, home: Path, need_audio: bool) -> tuple[list[Track], list[Problem]]:
    tracks: list[Track] = []
    problems: list[Problem] = []
    with quiet():
        dataset = _dataset(name, module, home)
        try:
            ids = sorted(dataset.track_ids)
        except FileNotFoundError:
            return [], [Problem(name, "mirdata's list of its files is missing")]
        except (OSError, ValueError, TypeError, AttributeError) as error:
            reason = f"mirdata's list of its files cannot be read ({_short(error)})"
            return [], [Problem(str(dataset.index_path), reason)]
        for track_id in ids:
            found = _track_or_problem(name, track_id, dataset, need_audio)
            if isinstance(found, Track):
                tracks.append(found)
            else:
                problems.append(found)
    return tracks, problems


def _dataset(name: str, module: Any, home: Path) -> Any:
    try:
        return module.Dataset(data_home=str(home))
    except _READ_ERRORS as error:  # such as simac in mirdata 1.0
        raise DatasetError(
            f"{name}: mirdata's loader fails ({type(error).__name__}: {_short(error)}); {_OWN}"
        ) from error


def _track_or_problem(name: str, track_id: str, dataset: Any, need_audio: bool) -> Track | Problem:
    try:
        track = dataset.track(track_id)
        audio = _audio_of(track)
        reason = audio_problem(audio) if need_audio else None
        if reason is not None:
            return Problem(str(audio or track_id), reason)
        beats = _beats_of(track)
    except BeatFileError as error:
        return Problem(track_id, f"its annotation {error}")
    except _READ_ERRORS as error:
        return Problem(track_id, f"its annotation cannot be read ({_short(error)})")
    if beats is None:
        return Problem(track_id, "has no beat annotation")
    return Track(
        track_id,
        audio if audio is not None and audio.is_file() else None,
        beats.times,
        beats.positions,
        genre=_label(track, "genre") or _label(track, "style"),
        notes=beats.notes,
        group=f"{name}/{_group(name, track_id)}",
    )


def _audio_of(track: Any) -> Path | None:
    """Return the audio file of a track, the first one that exists if there are several."""
    paths = [Path(path) for name in _AUDIO if (path := getattr(track, name, None))]
    return next((path for path in paths if path.is_file()), paths[0] if paths else None)


def _beats_of(track: Any) -> BeatSequence | None:
    data = track.beats
    if data is None:
        return None
    in_bars = getattr(data, "position_unit", None) == "bar_index" and data.positions is not None
    return beat_sequence(data.times, data.positions if in_bars else None)


def _label(track: Any, name: str) -> str | None:
    try:
        value = getattr(track, name, None)
    except _READ_ERRORS:  # some loaders read it from a table of all tracks, which may be missing
        return None
    return value if isinstance(value, str) and value else None


def _group(name: str, track_id: str) -> str:
    match = _GROUPS[name].match(track_id) if name in _GROUPS else None
    return match[1] if match else track_id


def _unusable(name: str, module: Any, home: Path, problems: list[Problem]) -> str:
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    why = "".join(f": {problem.file}: {problem.reason}{more}" for problem in problems[:1])
    said = f"{name}: nothing in {home} can be used{why}"
    if module.INDEXES[module.INDEXES["default"]].remote is None:
        return f"{said}; mirdata cannot download that list, so {_OWN}"
    way = "--download gets its public files" if _offered(module) else "it is not offered for download"
    layout = f"put your own copy there in the layout of mirdata (mirdata.readthedocs.io, {name})"
    return f"{said}; {way}; {layout}, or {_OWN}"


def _offered(module: Any) -> bool:
    """Return whether there is anything to download besides the list of files."""
    return bool(set(getattr(module, "REMOTES", None) or ()) - {"index"})


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}..."
