"""Music written by `beattrack render`: `SOURCE/ID.flac`, with `ID.beats` and its description `ID.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beattrack.datasets.base import Dataset, DatasetError, Problem, Track
from beattrack.datasets.checks import audio_problem
from beattrack.formats.readers import BeatFileError, read_beats

AUDIO_SUFFIX = ".flac"


def load(home: Path, *, need_audio: bool = True) -> Dataset:
    """Read rendered songs; while `beattrack render` is running, read those that are finished.

    Args:
        home: folder that `beattrack render` wrote, or the folder of one source in it.
        need_audio: leave out, and list as problems, songs whose audio is missing or cannot be opened.

    Raises:
        DatasetError: if there is no such folder or no usable song in it.
    """
    if not home.is_dir():
        raise DatasetError(f"{home}: is not a folder; give one that `beattrack render` wrote")
    tracks, problems = [], []
    # A song is finished if it has a description, which is written last.
    one_source = any(home.glob(f"*{AUDIO_SUFFIX}"))
    for description in sorted(home.glob("*.json" if one_source else "*/*.json")):
        path, audio = description.with_suffix(".beats"), description.with_suffix(AUDIO_SUFFIX)
        reason = audio_problem(audio) if need_audio else None
        if reason is not None:
            problems.append(Problem(str(audio), reason))
            continue
        try:
            tracks.append(_track(path, audio if audio.is_file() else None))
        except BeatFileError as error:
            problems.append(Problem(str(path), str(error).removeprefix(f"{path}: ")))
    if not tracks:
        raise DatasetError(
            f"{home}: holds no usable song of `beattrack render`; files are expected as "
            f"SOURCE/ID{AUDIO_SUFFIX} with ID.beats and ID.json beside it"
        )
    licences = sorted({track.licence for track in tracks})
    return Dataset(
        f"rendered:{home.resolve().name}",
        home,
        tuple(tracks),
        tuple(problems),
        f"made from works under {'; '.join(licences)}",
    )


def _track(path: Path, audio: Path | None) -> Track:
    beats = read_beats(path)
    about = _about(path.with_suffix(".json"))
    source = path.parent.name
    return Track(
        f"{source}/{path.stem}",
        audio,
        beats.times,
        beats.positions,
        genre=about["genre"],
        notes=beats.notes,
        source=source,
        licence=about["licence"],
        group=f"{source}/{about['group']}",
    )


def _about(path: Path) -> dict[str, str]:
    """Return genre, licence and group of a song; raise BeatFileError if they are missing."""
    try:
        about: Any = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(about[name]) for name in ("genre", "licence", "group")}
    except OSError as error:
        raise BeatFileError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BeatFileError(f"{path}: is not the description of a rendered song ({error!r})") from error
