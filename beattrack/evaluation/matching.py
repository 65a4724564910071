"""Which estimate belongs to which reference: files matched by name, and those left over on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beattrack.datasets.gtzan import canonical_id
from beattrack.errors import BeattrackError

# Longest first, so that `.downbeats.txt` is not taken for `.txt` with a stem of its own.
BEAT_SUFFIXES = (
    ".downbeats.txt",
    ".beats.json",
    ".beats.txt",
    ".beats.csv",
    ".beats",
    ".json",
    ".csv",
    ".txt",
    ".tsv",
    ".lab",
    ".jams",
    ".svl",
)
_OTHER_SUFFIXES = (".bpm.txt", ".tempo.txt", ".bpm")


class MatchingError(BeattrackError):
    """The files of two folders cannot be matched."""


@dataclass(frozen=True)
class Matches:
    """pairs: (estimate, reference) by id. Left over: files of either side without a partner."""

    pairs: Mapping[str, tuple[Path, Path]]
    estimates_left: tuple[str, ...]
    references_left: tuple[str, ...]


def find_beat_files(folder: Path, suffix: str | None = None) -> dict[str, Path]:
    """Find the beat files of a folder and its subfolders, by id.

    suffix: ending that these files share, as `.downbeats.txt`; it is taken off to give the id. None: the
    ending is found out, which needs all beat files to have the same one.
    The id is the name without the ending, in the annotations' spelling for GTZAN; where a name occurs in two
    folders, the path inside `folder` without the ending.
    Raises MatchingError where there is no such folder or file, or where endings differ.
    """
    if not folder.is_dir():
        raise MatchingError(f"{folder}: is not a folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    ending = suffix if suffix is not None else _common_suffix(folder, files)
    named = [path for path in files if path.name.endswith(ending) and path.name != ending]
    if not named:
        raise MatchingError(f"{folder}: holds no file that ends in {ending!r}")
    inside = [path.relative_to(folder).as_posix()[: -len(ending)] for path in named]
    names = [name.rpartition("/")[2] for name in inside]
    ids = [canonical_id(name) or name for name in names]
    if len(set(ids)) < len(ids):
        ids = inside
    return dict(zip(ids, named, strict=True))


def match(estimates: Mapping[str, Path], references: Mapping[str, Path]) -> Matches:
    """Pair files of the same id.

    Raises MatchingError, with an example of both sides, where no pair is found.
    """
    shared = sorted(estimates.keys() & references.keys())
    if not shared:
        raise MatchingError(
            f"no prediction has the name of an annotation, as {min(estimates)!r} is not one of "
            f"{min(references)!r} and so on: if the names differ by their ending only, give it with --suffix"
        )
    return Matches(
        {name: (estimates[name], references[name]) for name in shared},
        tuple(str(estimates[name]) for name in sorted(estimates.keys() - references.keys())),
        tuple(str(references[name]) for name in sorted(references.keys() - estimates.keys())),
    )


def _common_suffix(folder: Path, files: Sequence[Path]) -> str:
    found = sorted({suffix for path in files if (suffix := _known_suffix(path.name)) is not None})
    if not found:
        raise MatchingError(
            f"{folder}: holds no beat files (names ending in {', '.join(BEAT_SUFFIXES)}); name another "
            "ending with --suffix"
        )
    if len(found) > 1:
        raise MatchingError(
            f"{folder}: holds files of several kinds ({', '.join(found)}): choose one with --suffix"
        )
    return found[0]


def _known_suffix(name: str) -> str | None:
    lower = name.lower()
    if any(lower.endswith(suffix) for suffix in _OTHER_SUFFIXES):
        return None
    known = next((suffix for suffix in BEAT_SUFFIXES if lower.endswith(suffix) and lower != suffix), None)
    return None if known is None else name[-len(known) :]
