"""The files of a feature pack, in a folder of this machine or at a URL of fsspec such as s3://bucket/pack."""

from __future__ import annotations

import os
from pathlib import Path

from beattrack.runtime import remote


def read(folder: str, name: str, start: int = 0, size: int | None = None) -> bytes:
    """Read a file of a pack, or a range of its bytes.

    Args:
        folder: folder or URL of the pack.
        name: file, relative to the folder.
        start: first byte.
        size: number of bytes; None for all that follow.

    Raises:
        OSError: if the file cannot be read.
        RemoteError: if the file at a URL cannot be read.
        ValueError: if it ends within the range.
    """
    if remote.is_url(folder):
        data = remote.read_range(f"{folder.rstrip('/')}/{name}", start, size)
    else:
        with Path(folder, name).open("rb") as file:
            file.seek(start)
            data = file.read() if size is None else file.read(size)
    if size is not None and len(data) < size:
        raise ValueError(f"{name} ends too early")
    return data


def listing(folder: str) -> dict[str, int]:
    """Return the sizes of all files of a pack in bytes, by their names relative to its folder.

    Raises:
        RemoteError: if the folder at a URL cannot be listed.
    """
    if remote.is_url(folder):
        root = f"{remote.normal(folder).rstrip('/')}/"
        return {url.removeprefix(root): size for url, size in remote.listing(folder).items()}
    return {
        os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/"): os.stat(
            os.path.join(place, name)
        ).st_size
        for place, _, names in os.walk(folder)
        for name in names
    }
