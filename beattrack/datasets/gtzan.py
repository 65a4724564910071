"""GTZAN (Tzanetakis & Cook 2002) with the beat, downbeat and tempo annotations of its public releases."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from beattrack.datasets.base import AUDIO_SUFFIXES, Dataset, DatasetError, Problem, Track, pick_audio
from beattrack.datasets.checks import audio_problem
from beattrack.evaluation.readers import BeatFileError, read_beats, read_tempo

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
ENVIRONMENT = "BEATTRACK_DATA"
MIRDATA_HOME = Path("~/mir_datasets/gtzan_genre")

_NAME = re.compile(rf"(?:gtzan[._-])?({'|'.join(GENRES)})[._-](\d{{5}})", re.IGNORECASE)
# The folders that people's copies use inside the data home, in the order of preference.
_ROOTS = ("", "gtzan", "gtzan_genre")
_AUDIO_FOLDERS = (
    "genres",
    "gtzan_genre/genres",
    "gtzan_mini-main/genres",
    "genres_original",
    "Data/genres_original",
    "audio",
    "",
)
_BEAT_FOLDERS = (
    "beats",
    "gtzan_tempo_beat-main/beats",
    "gtzan_tempo_beat/beats",
    "annotations/beats",
    "annotations/gtzan/annotations/beats",
    "data/annotations/gtzan/annotations/beats",
)


def canonical_id(stem: str) -> str | None:
    """Name of a GTZAN excerpt in the annotations' spelling, `gtzan_blues_00000`, from any usual spelling.

    None where `stem` is not a GTZAN name.
    """
    match = _NAME.fullmatch(stem)
    return f"gtzan_{match[1].lower()}_{match[2]}" if match else None


def genre_of(track_id: str) -> str | None:
    """Genre in a GTZAN name, None where it is not one."""
    match = _NAME.fullmatch(track_id)
    return match[1].lower() if match else None


def load(home: Path | None = None, *, annotations: Path | None = None, need_audio: bool = True) -> Dataset:
    """Read the annotations of GTZAN and find its audio.

    home: the folder given by the user, else $BEATTRACK_DATA, else mirdata's ~/mir_datasets/gtzan_genre.
    annotations: folder of `gtzan_blues_00000.beats` files, where they do not lie in `home`.
    Raises DatasetError naming what was looked for and where.
    """
    places = _places(home)
    roots = [place / root for place in places for root in _ROOTS]
    beat_files: dict[str, Path] = {}
    if annotations is not None:
        beat_files = _named(_files(annotations), (".beats", ".txt"))
    else:
        beat_files = _first([root / folder for root in roots for folder in _BEAT_FOLDERS], (".beats",))
    audio_files = _first([root / folder for root in roots for folder in _AUDIO_FOLDERS], AUDIO_SUFFIXES)
    if not beat_files:
        raise DatasetError(_missing("annotations", "`beats/gtzan_blues_00000.beats`", places, annotations))
    if need_audio and not audio_files:
        raise DatasetError(_missing("audio", "`genres/blues/blues.00000.wav`", places, None))

    tracks, problems = [], []
    for track_id, path in sorted(beat_files.items()):
        audio = audio_files.get(track_id)
        try:
            tracks.append(_track(track_id, path, audio))
        except BeatFileError as error:
            problems.append(Problem(str(path), str(error)))
            continue
        reason = audio_problem(audio) if need_audio else None
        if reason is not None:
            tracks.pop()
            problems.append(Problem(str(audio or track_id), reason))
    extra = sorted(audio_files.keys() - beat_files.keys())
    problems += [Problem(str(audio_files[name]), "has no beat annotation") for name in extra if need_audio]
    if not tracks:
        raise DatasetError(
            f"no excerpt of GTZAN can be used: {problems[0].file} {problems[0].reason}, "
            f"and {len(problems) - 1} more"
        )
    where = annotations or home or places[0]
    return Dataset("gtzan", where, tuple(tracks), tuple(problems))


def _track(track_id: str, path: Path, audio: Path | None) -> Track:
    beats = read_beats(path)
    tempo_file = path.parent.parent / "tempo" / f"{path.stem}.bpm"
    tempo = read_tempo(tempo_file) if tempo_file.is_file() else None
    return Track(track_id, audio, beats.times, beats.positions, tempo, genre_of(track_id), beats.notes)


def _places(home: Path | None) -> list[Path]:
    if home is not None:
        return [home]
    environment = os.environ.get(ENVIRONMENT)
    given = [Path(environment).expanduser()] if environment else []
    return [*given, MIRDATA_HOME.expanduser()]


def _files(folder: Path) -> Iterator[Path]:
    """Files of a folder and of the folders in it, no deeper: audio lies flat or in one folder a genre."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name.lower() in GENRES:
            yield from sorted(path for path in entry.iterdir() if path.is_file())
        elif entry.is_file():
            yield entry


def _named(files: Iterator[Path], suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, list[Path]] = {}
    for path in files:
        track_id = canonical_id(path.stem)
        if track_id is not None and path.suffix.lower() in suffixes:
            found.setdefault(track_id, []).append(path)
    pick = pick_audio if suffixes is AUDIO_SUFFIXES else min
    return {track_id: pick(paths) for track_id, paths in found.items()}


def _first(folders: list[Path], suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files of the first folder that has any: two copies are never mixed."""
    return next((named for folder in folders if (named := _named(_files(folder), suffixes))), {})


def _missing(what: str, example: str, places: list[Path], annotations: Path | None) -> str:
    looked = [annotations] if annotations is not None else places
    return (
        f"the {what} of GTZAN ({example} and so on) were looked for in {' and '.join(map(str, looked))} and "
        f"not found: put your copy there, or name its folder with --data-home or ${ENVIRONMENT} "
        "(docs/evaluation.md tells where to get one)"
    )
