"""Pairs of estimate and reference files, matched by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beattrack.datasets.gtzan import canonical_id
from beattrack.errors import BeattrackError

# Compound suffixes first, so that `.downbeats.txt` is not read as `.txt`.
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
    """Files of two folders, matched.

    Attributes:
        pairs: (estimate, reference) by id.
        estimates_left: estimates without a reference.
        references_left: references without an estimate.
    """

    pairs: Mapping[str, tuple[Path, Path]]
    estimates_left: tuple[str, ...]
    references_left: tuple[str, ...]


def find_beat_files(folder: Path, suffix: str | None = None) -> dict[str, Path]:
    """Return the beat files of a folder and its subfolders, by id.

    The id is the file name without the ending, in the spelling of the annotations for GTZAN. If a name occurs
    in two subfolders, ids are paths relative to `folder` without the ending.

    Args:
        folder: folder to search.
        suffix: ending of the files, such as `.downbeats.txt`; None finds it, if all beat files have the same.

    Raises:
        MatchingError: if there is no such folder or no such file, or if beat files have different endings.
    """
    if not folder.is_dir():
        raise MatchingError(f"{folder}: is not a folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    ending = suffix if suffix is not None else _common_suffix(folder, files)
    named = [path for path in files if path.name.endswith(ending) and path.name != ending]
    if not named:
        raise MatchingError(f"{folder}: has no file that ends in {ending!r}")
    inside = [path.relative_to(folder).as_posix()[: -len(ending)] for path in named]
    names = [name.rpartition("/")[2] for name in inside]
    ids = [canonical_id(name) or name for name in names]
    if len(set(ids)) < len(ids):
        ids = inside
    return dict(zip(ids, named, strict=True))


def match(estimates: Mapping[str, Path], references: Mapping[str, Path]) -> Matches:
    """Return the pairs of files with the same id.

    Args:
        estimates, references: files by id.

    Raises:
        MatchingError: if there is no pair.
    """
    shared = sorted(estimates.keys() & references.keys())
    if not shared:
        raise MatchingError(
            f"no prediction has the name of an annotation (predictions such as {min(estimates)!r}, "
            f"annotations such as {min(references)!r}); if only the endings differ, give them with --suffix"
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
            f"{folder}: has no beat files ({', '.join(BEAT_SUFFIXES)}); give another ending with --suffix"
        )
    if len(found) > 1:
        raise MatchingError(
            f"{folder}: has files of several kinds ({', '.join(found)}); choose one with --suffix"
        )
    return found[0]


def _known_suffix(name: str) -> str | None:
    lower = name.lower()
    if any(lower.endswith(suffix) for suffix in _OTHER_SUFFIXES):
        return None
    known = next((suffix for suffix in BEAT_SUFFIXES if lower.endswith(suffix) and lower != suffix), None)
    return None if known is None else name[-len(known) :]
