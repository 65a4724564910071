"""Downloads of the datasets that mirdata knows: from its addresses, checked by its checksums, unpacked by it.

mirdata itself would wait for a dead server without end, and unpack an archive without a look at its members.
So every file is fetched and looked at here first; mirdata finds it there, checks it again and unpacks it.
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

# What is needed of datasets that offer much more.
_NEEDED: dict[str, tuple[str, ...]] = {
    "guitarset": ("annotations", "audio_mic"),
    "rwc_classical": ("annotations_beat", "metadata"),
    "rwc_jazz": ("annotations_beat", "metadata"),
    "rwc_popular": ("annotations_beat", "metadata"),
}


@dataclass(frozen=True)
class Download:
    """Leave to download.

    ask: called with a sentence that tells licence, what, from where and where to; True to go on.
    progress: called with the bytes of a file that are here, and of the whole or None.
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
    """Download what a dataset needs to `home`.

    name: for messages; module, dataset: of mirdata. keys: of its remotes, None for all that are needed;
    mirdata's list of its files comes with any. what: they are, in words.
    Raises DatasetError where nothing is offered, leave is refused, a server does not answer, or a file is not
    the expected one.
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
        # One after the other: mirdata leaves out the rest after one that it has unpacked before.
        for key in wanted or ["index"]:
            dataset.download(partial_download=[key], cleanup=True)
    except (OSError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DatasetError(f"{name}: mirdata cannot unpack it ({error})") from error


def index_of(module: Any, dataset: Any) -> Any:
    """mirdata's list of the dataset's files, where that too is downloaded."""
    return module.INDEXES[dataset.version].remote
