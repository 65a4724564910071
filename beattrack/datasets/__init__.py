"""Annotated recordings: GTZAN, mirdata's datasets, rendered music, and folders of audio with beat files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from beattrack.datasets.base import Dataset, DatasetError, Problem, Track

if TYPE_CHECKING:
    from beattrack.datasets.download import Download

__all__ = ["DATASETS", "Dataset", "DatasetError", "Problem", "Track", "load_dataset", "overlaps"]

DATASETS = ("gtzan", "gtzan-mini", "folder:PATH", "rendered:PATH")


def load_dataset(
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    annotations: str | os.PathLike[str] | None = None,
    need_audio: bool = True,
    download: Download | None = None,
) -> Dataset:
    """Read the annotations of a dataset and find its audio.

    Args:
        name: `gtzan`, `gtzan-mini`, `folder:PATH` for a folder of audio files with beat files beside them,
            `rendered:PATH` for a folder written by `beattrack render`, or mirdata's name of a dataset.
        data_home: folder to look in; None for $BEATTRACK_DATA, then ~/mir_datasets.
        annotations: folder of GTZAN's beat files, if they are not with the audio.
        need_audio: leave out, and list as problems, tracks whose audio is missing or cannot be opened.
        download: permission to download what is missing; None downloads nothing.

    Returns:
        The dataset, with the files that cannot be used.

    Raises:
        DatasetError: if the dataset is unknown, is not found or has no usable track.
        MissingReaderError: if mirdata is needed and not installed.
    """
    from beattrack.datasets import folder, gtzan, rendered

    kind, _, path = name.partition(":")
    home = None if data_home is None else Path(data_home)
    if kind == "folder" and path:
        return folder.load(Path(path), need_audio=need_audio)
    if kind == "rendered" and path:
        return rendered.load(Path(path), need_audio=need_audio)
    if name in ("gtzan", "gtzan-mini", "gtzan_genre"):
        beats = None if annotations is None else Path(annotations)
        mini = name == "gtzan-mini"
        return gtzan.load(home, annotations=beats, need_audio=need_audio, mini=mini, download=download)
    if re.fullmatch(r"[a-z][a-z0-9_]*", name) and name not in ("folder", "rendered", "pack"):
        from beattrack.datasets import mirdata_sets

        return mirdata_sets.load(name, data_home=home, need_audio=need_audio, download=download)
    raise DatasetError(
        f"there is no dataset {name!r}; use one of {', '.join(DATASETS)}, or a dataset of mirdata, such as "
        "ballroom"
    )


def overlaps(name: str, other: str) -> bool:
    """Return whether two datasets share recordings: they have the same name, or both are from GTZAN."""
    first, second = ("gtzan" if each.lower() in _GTZAN else each.lower() for each in (name, other))
    return first == second


_GTZAN = frozenset({"gtzan", "gtzan-mini", "gtzan_genre"})
