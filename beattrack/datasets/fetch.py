"""Safe downloads: they cannot hang, are checked against a checksum, and write only to their folder."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

from beattrack.datasets.base import DatasetError
from beattrack.runtime.files import atomic_path

TIMEOUT_SECONDS = 20.0  # for each answer of the server
_BLOCK = 1 << 18

# Called with the bytes received so far and the size of the file, or None if the server does not state it.
DownloadProgress = Callable[[int, int | None], None]


def fetch(
    url: str,
    path: Path,
    *,
    md5: str,
    timeout: float = TIMEOUT_SECONDS,
    progress: DownloadProgress | None = None,
) -> None:
    """Download a file over https, unless it exists with the right content.

    Args:
        url: address; http is replaced by https.
        path: file to write, whole or not at all.
        md5: expected MD5 of the content, in hexadecimal.
        timeout: seconds to wait for each answer of the server.
        progress: called with the bytes received so far and the size of the file, or None if unknown.

    Raises:
        DatasetError: if the server does not answer, the content is not the expected one, or the file cannot
            be written.
    """
    address = secure(url)
    try:
        if path.is_file() and _md5(path) == md5:
            return
        with open_url(address, timeout) as answer:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                with temporary.open("wb") as file:
                    _copy(answer, file, progress)
                if (found := _md5(temporary)) != md5:
                    raise DatasetError(
                        f"{address}: is not the file that mirdata expects (its MD5 is {found}, not {md5})"
                    )
    except urllib.error.HTTPError as error:
        raise DatasetError(f"{address}: cannot be downloaded ({error.code} {error.reason})") from error
    except urllib.error.URLError as error:
        raise DatasetError(f"{address}: cannot be reached ({_reason(error.reason)})") from error
    except TimeoutError as error:
        raise DatasetError(f"{address}: did not answer within {timeout:g} s; try again later") from error
    except (http.client.HTTPException, ConnectionError, ssl.SSLError) as error:
        raise DatasetError(f"{address}: the download was interrupted ({error}); try again") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written ({error.strerror or error})") from error


def secure(url: str) -> str:
    """Return an address with https instead of http.

    Raises:
        DatasetError: if it is not an http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DatasetError(f"{url}: is not an http or https address")
    return urlunsplit(parts._replace(scheme="https"))


def check_archive(path: Path) -> None:
    """Check the members of a zip or tar file; other files always pass.

    Raises:
        DatasetError: if the archive is damaged, or a member is a link or device or would be written outside
            the folder to which the archive is unpacked.
    """
    try:
        for name in _members(path):
            if not is_inside(name):
                raise DatasetError(
                    f"{path}: not unpacked, because {name!r} would be written outside its folder"
                )
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise DatasetError(f"{path}: is a damaged archive ({error})") from error


def is_inside(member: str) -> bool:
    """Return whether a member of an archive stays in the folder to which it is unpacked, on any system."""
    return not any(
        path.is_absolute() or path.drive or path.root or ".." in path.parts
        for path in (PurePosixPath(member), PureWindowsPath(member))
    )


def _members(path: Path) -> Iterator[str]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from archive.namelist()
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            for member in tar:
                if not (member.isfile() or member.isdir()):
                    raise DatasetError(f"{path}: not unpacked, because {member.name!r} is a link or device")
                yield member.name


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Refuse redirects to addresses without https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme != "https":
            _refuse(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse(url: str) -> NoReturn:
    raise DatasetError(f"{url}: the download was redirected to this address without https")


def open_url(url: str, timeout: float) -> Any:
    """Open an https address; redirects must use https too. The caller closes the response."""
    request = urllib.request.Request(url, headers={"User-Agent": "beattrack"})
    return urllib.request.build_opener(_OnlyHttps).open(request, timeout=timeout)


def _copy(answer: Any, file: IO[bytes], progress: DownloadProgress | None) -> None:
    length = answer.headers.get("Content-Length")
    total = int(length) if length and length.isdigit() else None
    done = 0
    while block := answer.read(_BLOCK):
        file.write(block)
        done += len(block)
        if progress is not None:
            progress(done, total)


def _reason(reason: Any) -> str:
    return str(getattr(reason, "strerror", None) or reason)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
