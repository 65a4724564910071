"""Downloads of mirdata's datasets, from mirdata's addresses and checked against its checksums.

mirdata alone would wait forever for a dead server, and unpack archives without checking their members. So
every file is downloaded and checked here first; mirdata then finds it, checks it again and unpacks it.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from beattrack.datasets.base import DatasetError
from beattrack.datasets.fetch import DownloadProgress, check_archive, fetch
from beattrack.datasets.licences import LICENCES, licence_line

# The files needed from datasets that offer many more.
_NEEDED: dict[str, tuple[str, ...]] = {
    "guitarset": ("annotations", "audio_mic"),
    "rwc_classical": ("annotations_beat", "metadata"),
    "rwc_jazz": ("annotations_beat", "metadata"),
    "rwc_popular": ("annotations_beat", "metadata"),
}


@dataclass(frozen=True)
class Download:
    """Permission to download.

    Attributes:
        ask: called with a sentence that states licence, files, server and folder; returns True to download.
        progress: called with the bytes of a file received so far, and its size or None if unknown.
    """

    ask: Callable[[str], bool]
    progress: DownloadProgress | None = None


def download_files(
    name: str,
    module: Any,
    dataset: Any,
    home: Path,
    *,
    allowed: Download,
    keys: Sequence[str] | None = None,
    what: str = "it",
) -> None:
    """Download the files of a dataset, including mirdata's list of them.

    Args:
        name: name of the dataset, for messages.
        module: mirdata's module of the dataset.
        dataset: mirdata's dataset object.
        home: folder to download to.
        allowed: permission to download.
        keys: keys of mirdata's remotes to download; None for all that are needed.
        what: description of these files, for messages.

    Raises:
        DatasetError: if there is nothing to download, permission is denied, a server does not answer, or a
            file is not the expected one.
    """
    offered: Mapping[str, Any] = {
        key: file for key, file in (dataset.remotes or {}).items() if key != "index"
    }
    index = index_of(module, dataset)
    asked_for = (_NEEDED.get(name) or offered) if keys is None else keys
    wanted = [key for key in asked_for if key in offered]
    files = [offered[key] for key in wanted] + ([index] if index is not None else [])
    if not files:
        raise DatasetError(f"{name}: is not offered for download; put your copy in {home}")
    hosts = ", ".join(sorted({urlsplit(file.url).netloc for file in files}))
    licence = LICENCES.get(name) or getattr(dataset, "_license_info", None) or ""
    if not allowed.ask(f"{licence_line(name, licence)}; download {what} from {hosts} to {home}"):
        raise DatasetError(f"{name}: is not in {home}, and nothing was downloaded")
    for file in files:
        path = home / (file.destination_dir or "") / file.filename
        fetch(file.url, path, md5=file.checksum, progress=allowed.progress)
        check_archive(path)
    try:
        # One at a time, because mirdata skips everything after a file that is already unpacked.
        for key in wanted or ["index"]:
            dataset.download(partial_download=[key], cleanup=True)
    except (OSError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DatasetError(f"{name}: mirdata cannot unpack it ({error})") from error


def index_of(module: Any, dataset: Any) -> Any:
    """Return the remote of mirdata's list of a dataset's files; None if the list comes with mirdata."""
    return module.INDEXES[dataset.version].remote
