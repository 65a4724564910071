"""Downloads that cannot hang, be tampered with on the way, or write outside their folder."""

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

# Called with the bytes that are here and those of the whole file, or None where the server does not say.
DownloadProgress = Callable[[int, int | None], None]


def fetch(
    url: str,
    path: Path,
    *,
    md5: str,
    timeout: float = TIMEOUT_SECONDS,
    progress: DownloadProgress | None = None,
) -> None:
    """Download a file over https and check it; one that is there already and right is kept.

    url: an address with http is tried with https alone. md5: of the content, as mirdata lists it.
    Raises DatasetError where the server does not answer in `timeout` seconds, the content is not the expected
    one, or the file cannot be written. Nothing half done stays behind.
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
                        f"{address}: is not the file that mirdata knows (its MD5 is {found}, not {md5})"
                    )
    except urllib.error.HTTPError as error:
        raise DatasetError(f"{address}: cannot be downloaded ({error.code} {error.reason})") from error
    except urllib.error.URLError as error:
        raise DatasetError(f"{address}: cannot be reached ({_reason(error.reason)})") from error
    except TimeoutError as error:
        raise DatasetError(f"{address}: did not answer in {timeout:g} s") from error
    except (http.client.HTTPException, ConnectionError, ssl.SSLError) as error:
        raise DatasetError(f"{address}: the download broke off ({error})") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written ({error.strerror or error})") from error


def secure(url: str) -> str:
    """The https address of a url; DatasetError where it is of another kind."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DatasetError(f"{url}: is not an address that is downloaded from")
    return urlunsplit(parts._replace(scheme="https"))


def check_archive(path: Path) -> None:
    """Look at the members of a zip or tar file; other files are left alone.

    Raises DatasetError where it is damaged, or a member would be written outside the folder it is unpacked to
    or is no regular file.
    """
    try:
        for name in _members(path):
            if not is_inside(name):
                raise DatasetError(
                    f"{path}: holds {name!r}, which would lie outside its folder: not unpacked"
                )
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise DatasetError(f"{path}: is a damaged archive ({error})") from error


def is_inside(member: str) -> bool:
    """Tell whether a member's name stays in the folder that it is unpacked to, on any system."""
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
                    raise DatasetError(f"{path}: holds {member.name!r}, a link or device: not unpacked")
                yield member.name


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Refuses to be sent on to an address without https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme != "https":
            _refuse(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse(url: str) -> NoReturn:
    raise DatasetError(f"{url}: the download was sent on to an address without https")


def open_url(url: str, timeout: float) -> Any:
    """Open a URL over HTTPS alone, redirections too; the caller closes what is returned."""
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
