"""The files of a feature pack, in a folder of this machine or at a URL of fsspec such as s3://bucket/pack."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from beattrack.errors import MissingExtraError

MARK = "://"


def read(folder: str, name: str, start: int = 0, size: int | None = None) -> bytes:
    """Read a file of a pack, or a range of its bytes.

    Args:
        folder: folder or URL of the pack.
        name: file, relative to the folder.
        start: first byte.
        size: number of bytes; None for all that follow.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it ends within the range.
        MissingExtraError: if the URL needs a package that is not installed.
    """
    if MARK in folder:
        files, root = _remote(folder)
        data: bytes = files.cat_file(
            f"{root}/{name}", start=start, end=None if size is None else start + size
        )
    else:
        with Path(folder, name).open("rb") as file:
            file.seek(start)
            data = file.read() if size is None else file.read(size)
    if size is not None and len(data) < size:
        raise ValueError(f"{name} ends too early")
    return data


def length(folder: str, name: str) -> int:
    """Return the size of a file of a pack in bytes.

    Raises:
        OSError: if there is no such file.
    """
    if MARK in folder:
        files, root = _remote(folder)
        return int(files.size(f"{root}/{name}"))
    return Path(folder, name).stat().st_size


def names(folder: str) -> set[str]:
    """Return the names of all files of a pack, relative to its folder."""
    if MARK in folder:
        files, root = _remote(folder)
        return {found.removeprefix(f"{root}/") for found in files.find(root)}
    return {
        os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
        for place, _, inside in os.walk(folder)
        for name in inside
    }


def _remote(folder: str) -> tuple[Any, str]:
    """Return the file system and the path of a URL. fsspec keeps one file system per process and URL."""
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(folder)
    except ImportError as error:
        package = getattr(error, "name", None) or "fsspec"
        raise MissingExtraError(package, "cluster", f"packs at {folder.partition(MARK)[0]}{MARK}") from error
    return files, str(root).rstrip("/")
