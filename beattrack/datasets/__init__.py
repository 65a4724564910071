"""Annotated recordings on the local disk: GTZAN, and any folder of audio with beat files beside it."""

from __future__ import annotations

import os
from pathlib import Path

from beattrack.datasets.base import Dataset, DatasetError, Problem, Track

__all__ = ["DATASETS", "Dataset", "DatasetError", "Problem", "Track", "load_dataset"]

DATASETS = ("gtzan",)


def load_dataset(
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    annotations: str | os.PathLike[str] | None = None,
    need_audio: bool = True,
) -> Dataset:
    """Find a dataset on the local disk, check it and read its annotations.

    name: `gtzan`, or `folder:PATH` for a folder of audio files with beat files beside them.
    data_home: where to look first (GTZAN); annotations: a folder of its beat files, where they lie elsewhere.
    need_audio: leave out, and list, the tracks whose audio is missing or cannot be opened.
    Raises DatasetError where it is not found, saying what was looked for.
    """
    from beattrack.datasets import folder, gtzan

    kind, _, path = name.partition(":")
    if kind == "folder" and path:
        return folder.load(Path(path), need_audio=need_audio)
    if name == "gtzan":
        home = None if data_home is None else Path(data_home)
        beats = None if annotations is None else Path(annotations)
        return gtzan.load(home, annotations=beats, need_audio=need_audio)
    known = ", ".join((*DATASETS, "folder:PATH"))
    raise DatasetError(f"there is no dataset {name!r}: choose one of {known}")
