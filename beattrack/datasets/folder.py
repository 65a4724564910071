"""Your own annotations: a folder of recordings with a beat file beside each."""

from __future__ import annotations

from pathlib import Path

from beattrack.datasets.base import AUDIO_SUFFIXES, Dataset, DatasetError, Problem, Track, pick_audio
from beattrack.datasets.checks import audio_problem
from beattrack.datasets.licences import OWN_DATA
from beattrack.formats.readers import BeatFileError, read_beats, read_tempo

BEAT_SUFFIX = ".beats"
TEMPO_SUFFIX = ".bpm"


def load(home: Path, *, need_audio: bool = True) -> Dataset:
    """Read every `name.beats` in a folder that has its audio beside it, and `name.bpm` if there is one.

    The genre of a track is the path of its folder relative to `home`; tracks in `home` itself have none.

    Args:
        home: folder to search, with all folders in it.
        need_audio: leave out, and list as problems, tracks whose audio is missing or cannot be opened.

    Raises:
        DatasetError: if there is no such folder or no usable track in it.
    """
    if not home.is_dir():
        raise DatasetError(
            f"{home}: is not a folder; give one with audio files and {BEAT_SUFFIX} files beside them"
        )
    tracks, problems = [], []
    audio = _audio_by_stem(home)
    beat_files = sorted(path for path in home.rglob(f"*{BEAT_SUFFIX}") if path.is_file())
    for path in beat_files:
        stem = path.with_suffix("")
        file = audio.pop(stem, None)
        reason = audio_problem(file) if need_audio else None
        if reason is not None:
            problems.append(Problem(str(file or path), reason))
            continue
        try:
            tracks.append(_track(home, path, file))
        except BeatFileError as error:
            problems.append(Problem(str(path), str(error).removeprefix(f"{path}: ")))
    problems += [
        Problem(str(file), "has no beat file beside it") for _, file in sorted(audio.items()) if need_audio
    ]
    if not tracks:
        wanted = f"song.wav with song{BEAT_SUFFIX} beside it" if need_audio else f"song{BEAT_SUFFIX}"
        raise DatasetError(f"{home}: holds no usable recording; files are expected as {wanted}")
    return Dataset(f"folder:{home.resolve().name}", home, tuple(tracks), tuple(problems), OWN_DATA)


def _audio_by_stem(home: Path) -> dict[Path, Path]:
    found: dict[Path, list[Path]] = {}
    for path in sorted(home.rglob("*")):
        if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
            found.setdefault(path.with_suffix(""), []).append(path)
    return {stem: pick_audio(paths) for stem, paths in found.items()}


def _track(home: Path, path: Path, audio: Path | None) -> Track:
    beats = read_beats(path)
    tempo_file = path.with_suffix(TEMPO_SUFFIX)
    tempo = read_tempo(tempo_file) if tempo_file.is_file() else None
    inside = path.relative_to(home)
    genre = inside.parent.as_posix() if inside.parent != Path() else None
    return Track(
        inside.with_suffix("").as_posix(), audio, beats.times, beats.positions, tempo, genre, beats.notes
    )
