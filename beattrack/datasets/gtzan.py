"""GTZAN (Tzanetakis & Cook 2002) with its published beat, downbeat and tempo annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from beattrack.datasets.base import AUDIO_SUFFIXES, Dataset, DatasetError, Problem, Track, pick_audio
from beattrack.datasets.checks import audio_problem
from beattrack.datasets.data_homes import ENVIRONMENT, MIRDATA_HOME, data_homes
from beattrack.datasets.folds import GENRES, gtzan_groups
from beattrack.datasets.licences import LICENCES
from beattrack.formats.readers import BeatFileError, read_beats, read_tempo

if TYPE_CHECKING:
    from beattrack.datasets.download import Download

_BEATS, _MINI = "tempo_beat_annotations", "mini"  # keys of mirdata's downloads

_NAME = re.compile(rf"(?:gtzan[._-])?({'|'.join(GENRES)})[._-](\d{{5}})", re.IGNORECASE)
# The folders in the data home that existing copies use, in order of preference.
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
_MINI_FOLDERS = ("gtzan_mini-main/genres", "gtzan_mini/genres")
_BEAT_FOLDERS = (
    "beats",
    "gtzan_tempo_beat-main/beats",
    "gtzan_tempo_beat/beats",
    "annotations/beats",
    "annotations/gtzan/annotations/beats",
    "data/annotations/gtzan/annotations/beats",
)


def canonical_id(stem: str) -> str | None:
    """Return the id of a GTZAN excerpt, such as `gtzan_blues_00000`, for any common spelling.

    Args:
        stem: file name without suffix, such as `blues.00000`.

    Returns:
        The id; None if `stem` is not the name of a GTZAN excerpt.
    """
    match = _NAME.fullmatch(stem)
    return f"gtzan_{match[1].lower()}_{match[2]}" if match else None


def genre_of(track_id: str) -> str | None:
    """Return the genre of a GTZAN excerpt; None if `track_id` is not the name of one."""
    match = _NAME.fullmatch(track_id)
    return match[1].lower() if match else None


def load(
    home: Path | None = None,
    *,
    annotations: Path | None = None,
    need_audio: bool = True,
    mini: bool = False,
    download: Download | None = None,
) -> Dataset:
    """Read the annotations of GTZAN and find its audio.

    Args:
        home: folder to look in; None for $BEATTRACK_DATA, then ~/mir_datasets/gtzan_genre.
        annotations: folder of `gtzan_blues_00000.beats` files, if they are not in `home`.
        need_audio: leave out, and list as problems, tracks whose audio is missing or cannot be opened.
        mini: read only the public set of 100 excerpts.
        download: permission to download annotations and, with `mini`, audio; None downloads nothing.

    Raises:
        DatasetError: if audio or annotations are not found, or no excerpt can be used. The message names the
            files and folders that were searched.
    """
    name = "gtzan-mini" if mini else "gtzan"
    roots = _roots(home)
    beat_files, audio_files = _find(roots, annotations, mini=mini)
    missing = [key for key, found in ((_BEATS, beat_files), (_MINI, audio_files)) if not found]
    # The audio of the full dataset is no longer online, so without it annotations are not downloaded either.
    if download is not None and annotations is None and (missing == [_BEATS] or (mini and missing)):
        _download(name, home, missing, download)
        beat_files, audio_files = _find(roots, annotations, mini=mini)
    places = [annotations] if annotations is not None else _places(home)
    if (need_audio or mini) and not audio_files:
        raise DatasetError(_missing_audio(name, _places(home), beats_too=not beat_files))
    if not beat_files:
        raise DatasetError(_missing_beats(name, places))
    if mini:
        beat_files = {track_id: path for track_id, path in beat_files.items() if track_id in audio_files}
    tracks, problems = _read(beat_files, audio_files, need_audio=need_audio)
    if not tracks:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        why = "".join(f": {problem.file} {problem.reason}{more}" for problem in problems[:1])
        raise DatasetError(f"no excerpt of {name} can be used{why}")
    return Dataset(name, places[0], tuple(tracks), tuple(problems), LICENCES[name])


def _roots(home: Path | None) -> list[Path]:
    return [place / root for place in _places(home) for root in _ROOTS]


def _find(
    roots: list[Path], annotations: Path | None, *, mini: bool
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return beat files and audio files by id."""
    if annotations is not None:
        beat_files = _named(_files(annotations), (".beats", ".txt"))
    else:
        beat_files = _first([root / folder for root in roots for folder in _BEAT_FOLDERS], (".beats",))
    folders = _MINI_FOLDERS if mini else _AUDIO_FOLDERS
    return beat_files, _first([root / folder for root in roots for folder in folders], AUDIO_SUFFIXES)


def _read(
    beat_files: dict[str, Path], audio_files: dict[str, Path], *, need_audio: bool
) -> tuple[list[Track], list[Problem]]:
    tracks, problems = [], []
    for track_id, path in sorted(beat_files.items()):
        audio = audio_files.get(track_id)
        reason = audio_problem(audio) if need_audio else None
        if reason is not None:
            problems.append(Problem(str(audio or track_id), reason))
            continue
        try:
            tracks.append(_track(track_id, path, audio))
        except BeatFileError as error:
            problems.append(Problem(str(path), str(error).removeprefix(f"{path}: ")))
    extra = sorted(audio_files.keys() - beat_files.keys())
    problems += [Problem(str(audio_files[name]), "has no beat annotation") for name in extra if need_audio]
    return tracks, problems


def _download(name: str, home: Path | None, keys: list[str], allowed: Download) -> None:
    from beattrack.datasets.download import download_files
    from beattrack.datasets.mirdata_sets import loader, own_folder, quiet

    folder = own_folder("gtzan_genre", home)
    module = loader("gtzan_genre")
    what = "100 excerpts (about 120 MB) and their beats" if _MINI in keys else "its beats (1 MB)"
    with quiet():
        dataset = module.Dataset(data_home=str(folder), version="mini")
        download_files(name, module, dataset, folder, allowed=allowed, keys=keys, what=what)


def _track(track_id: str, path: Path, audio: Path | None) -> Track:
    beats = read_beats(path)
    tempo_file = path.parent.parent / "tempo" / f"{path.stem}.bpm"
    tempo = read_tempo(tempo_file) if tempo_file.is_file() else None
    return Track(
        track_id,
        audio,
        beats.times,
        beats.positions,
        tempo,
        genre_of(track_id),
        beats.notes,
        group=f"gtzan/{gtzan_groups().get(track_id, track_id)}",
    )


def _places(home: Path | None) -> list[Path]:
    usual = MIRDATA_HOME.expanduser()
    return [place / "gtzan_genre" if place == usual else place for place in data_homes(home)]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in its folders of genres, the two layouts that copies use."""
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
    """Return the files of the first folder that has any, so that copies are not mixed."""
    return next((named for folder in folders if (named := _named(_files(folder), suffixes))), {})


def _missing_beats(name: str, places: list[Path]) -> str:
    return (
        f"{name}: no annotations (`beats/gtzan_blues_00000.beats` and so on) found in "
        f"{' or '.join(map(str, places))}; download them with --download (1 MB), or give the folder of your "
        f"copy with --annotations, --data-home or ${ENVIRONMENT}"
    )


def _missing_audio(name: str, places: list[Path], *, beats_too: bool) -> str:
    looked = ("and no annotations " if beats_too else "") + f"found in {' or '.join(map(str, places))}"
    if name == "gtzan-mini":
        return (
            f"gtzan-mini: no audio (`gtzan_mini-main/genres/blues/blues.00000.wav` and so on) {looked}; "
            f"download it with --download (about 120 MB), or give its folder with --data-home or "
            f"${ENVIRONMENT}"
        )
    return (
        f"gtzan: no audio (`genres/blues/blues.00000.wav` and so on) {looked}; it is no longer online, so "
        f"give the folder of your copy with --data-home or ${ENVIRONMENT}, or use --dataset gtzan-mini "
        f"--download (100 excerpts)"
    )
