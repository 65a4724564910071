"""Files at URLs such as s3://, gs:// and https://, by fsspec.

fsspec is imported when a URL is used. Errors of the many packages behind it become a `RemoteError` of one
sentence.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from beattrack.errors import BeattrackError, MissingExtraError

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]+::)?([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_FILE = "file://"
_WEB = ("http", "https")
# A file appears there when it is complete. Elsewhere it is written under another name and moved.
_WHOLE_ONLY = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "memory"})
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "adlfs"),
    **dict.fromkeys(_WEB, "aiohttp"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
    **dict.fromkeys(("smb",), "smbprotocol"),
}
_LONGEST_REASON = 200
MOST_FOLDERS = 1000  # to list for the sizes of files


class RemoteError(BeattrackError):
    """A file at a URL cannot be read or written."""


def is_url(name: object) -> TypeGuard[str]:
    """Return whether a name is a URL; paths of type `Path` never are."""
    return isinstance(name, str) and _SCHEME.match(name) is not None


def local_path(url: str) -> str | None:
    """Return the path of a file:// URL; None for other URLs."""
    return url[len(_FILE) :] if url.lower().startswith(_FILE) else None


def place_of(url: str) -> str:
    """Return the path of a URL without its scheme and query, such as bucket/folder/song.mp3."""
    first, _, second = url.partition("::")  # such as zip://song.wav::s3://bucket/songs.zip
    scheme, _, place = (first if "://" in first else second).partition("://")
    if scheme.lower() in _WEB:
        place = re.split("[?#]", place, maxsplit=1)[0]
    parts = [part for part in PurePosixPath(place).parts if part not in ("/", "..", ".")]
    return "/".join(parts)


def check_urls(urls: Iterable[str]) -> None:
    """Check that the packages for these URLs are installed, without opening any.

    Raises:
        MissingExtraError: if fsspec is not installed.
        RemoteError: if the package for a kind of URL is not installed, or if the kind is unknown.
    """
    first: dict[str, str] = {}
    for url in urls:
        first.setdefault(_scheme(url), url)
    for url in first.values():
        if local_path(url) is None:
            _filesystem_class(url)


@contextmanager
def downloaded(url: str) -> Iterator[str]:
    """Copy a file to a temporary one, and yield its path; it is deleted when the block ends.

    Raises:
        RemoteError: if the file cannot be read.
        MissingExtraError: if fsspec is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="beattrack-") as folder:
        # ffmpeg recognises some formats by their suffix.
        path = os.path.join(folder, "audio" + PurePosixPath(place_of(url)).suffix)
        with _explained(url, "read"):
            files, place = _opened(url)
            files.get_file(place, path)
        if not os.path.isfile(path):
            raise RemoteError(f"{url}: is a folder, not a file")
        yield path


def upload(path: str | os.PathLike[str], url: str) -> None:
    """Copy a local file to a URL, whole or not at all.

    Raises:
        RemoteError: if the file cannot be written.
        MissingExtraError: if fsspec is not installed.
    """
    with _explained(url, "written"):
        files, place = _opened(url)
        if _scheme(url) in _WHOLE_ONLY:
            files.put_file(os.fspath(path), place)
            return
        parent = place.rpartition("/")[0]
        files.makedirs(parent, exist_ok=True)
        temporary = f"{parent}/.beattrack-{secrets.token_hex(6)}.part"
        try:
            files.put_file(os.fspath(path), temporary)
            files.mv(temporary, place)
        finally:
            if files.exists(temporary):
                files.rm_file(temporary)


def write_whole(data: bytes, url: str) -> None:
    """Write bytes to a URL, whole or not at all.

    Raises:
        RemoteError: if the file cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="beattrack-") as folder:
        path = Path(folder) / "data"
        path.write_bytes(data)
        upload(path, url)


def remove(url: str) -> None:
    """Delete a file.

    Raises:
        RemoteError: if the file cannot be deleted.
    """
    with _explained(url, "deleted"):
        files, place = _opened(url)
        files.rm_file(place)


def exists(url: str) -> bool:
    """Return whether there is a file at a URL.

    Raises:
        RemoteError: if that cannot be found out.
    """
    with _explained(url, "read"):
        files, place = _opened(url)
        files.invalidate_cache()
        return bool(files.isfile(place))


def listing(url: str) -> dict[str, int]:
    """Return the URLs of all files in a folder and its folders, with their sizes in bytes.

    Sizes are 0 if they are unknown. A folder that does not exist is empty.

    Raises:
        RemoteError: if the folder cannot be listed.
    """
    with _explained(url, "listed"):
        files, place = _opened(url)
        files.invalidate_cache()
        try:
            found = files.find(place, detail=True)
        except FileNotFoundError:
            return {}
        return {files.unstrip_protocol(name): int(info.get("size") or 0) for name, info in found.items()}


def sizes(urls: Sequence[str]) -> dict[str, int]:
    """Return the sizes in bytes of files, as far as listings of their folders tell them.

    One request lists up to a thousand files of a folder. Web servers are not asked, and folders that cannot
    be listed are left out, as are all if there are more than `MOST_FOLDERS`.

    Args:
        urls: the files.
    """
    folders: dict[str, list[str]] = {}
    for url in urls:
        if _scheme(url) not in _WEB and "::" not in url:
            folders.setdefault(url.rpartition("/")[0], []).append(url)
    found: dict[str, int] = {}
    if len(folders) > MOST_FOLDERS:
        return found
    for folder, files in folders.items():
        with suppress(BeattrackError), _explained(folder, "listed"):
            system, place = _opened(folder)
            entries = {
                entry["name"].rsplit("/", 1)[-1]: entry.get("size") for entry in system.ls(place, detail=True)
            }
            found |= {url: entries.get(url.rpartition("/")[2]) or 0 for url in files}
    return found


def normal(url: str) -> str:
    """Return the URL as `listing` spells it.

    Raises:
        RemoteError: if the kind of URL is unknown.
    """
    with _explained(url, "read"):
        files, place = _opened(url)
        return str(files.unstrip_protocol(place))


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Open a file for reading, of which only the bytes that are read are fetched.

    Raises:
        RemoteError: if the file cannot be read.
    """
    with _explained(url, "read"):
        files, place = _opened(url)
        with files.open(place, "rb") as file:
            yield file


def read_range(url: str, start: int, size: int | None) -> bytes:
    """Read `size` bytes of a file from byte `start` on, or all that follow if `size` is None.

    Raises:
        RemoteError: if the file cannot be read.
    """
    with _explained(url, "read"):
        files, place = _opened(url)
        return bytes(files.cat_file(place, start=start, end=None if size is None else start + size))


def _opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it."""
    _filesystem_class(url)
    import fsspec

    files, place = fsspec.url_to_fs(url)
    return files, place


def _filesystem_class(url: str) -> Any:
    scheme = _scheme(url)
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("fsspec", "cluster", f"{scheme}://") from error
    try:
        return fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        if package is None:
            raise RemoteError(
                f"{scheme}:// needs a package that is not installed ({_reason(error)})"
            ) from error
        raise RemoteError(
            f"{scheme}:// needs the package {package!r}; install it with `pip install {package}`"
        ) from error
    except ValueError as error:
        raise RemoteError(f"{url}: fsspec knows no {scheme}://") from error


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


@contextmanager
def _explained(url: str, done: str) -> Iterator[None]:
    """Turn every error of a file system into one sentence."""
    try:
        yield
    except (BeattrackError, MemoryError):
        raise
    except FileNotFoundError as error:
        what = (
            "does not exist" if done == "read" else f"cannot be {done} (its bucket or folder does not exist)"
        )
        raise RemoteError(f"{url}: {what}") from error
    except Exception as error:  # each package behind fsspec raises errors of its own
        raise RemoteError(f"{url}: cannot be {done} ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_LONGEST_REASON]
