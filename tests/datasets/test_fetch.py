from __future__ import annotations

import hashlib
import http.client
import io
import socket
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.datasets import DatasetError, fetch

CONTENT = b"beats" * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
URL = "https://example.org/beats.zip"


class Answer(io.BytesIO):
    """What a server sends."""

    def __init__(self, content: bytes, length: str | None = None) -> None:
        super().__init__(content)
        self.headers = {} if length is None else {"Content-Length": length}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses asked for, of a server that always sends CONTENT."""
    addresses: list[str] = []

    def opened(url: str, timeout: float) -> Answer:
        addresses.append(url)
        return Answer(CONTENT, str(len(CONTENT)))

    monkeypatch.setattr(fetch, "open_url", opened)
    return addresses


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def opened(url: str, timeout: float) -> Answer:
        raise error

    monkeypatch.setattr(fetch, "open_url", opened)


def test_a_file_is_fetched_and_progress_told(asked: list[str], tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = tmp_path / "deep" / "beats.zip"
    fetch.fetch(URL, path, md5=MD5, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_http_is_asked_for_by_https(asked: list[str], tmp_path: Path) -> None:
    fetch.fetch("http://example.org/a?download=1", tmp_path / "a", md5=MD5)
    assert asked == ["https://example.org/a?download=1"]


@pytest.mark.parametrize("url", ["ftp://example.org/a", "file:///etc/passwd", "//example.org/a", "a.zip", ""])
def test_other_addresses_are_refused(asked: list[str], tmp_path: Path, url: str) -> None:
    with pytest.raises(DatasetError, match="not an http or https address"):
        fetch.fetch(url, tmp_path / "a", md5=MD5)
    assert asked == []


def test_a_file_that_is_there_is_kept_and_a_wrong_one_replaced(asked: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    fetch.fetch(URL, path, md5=MD5)
    assert asked == []
    path.write_bytes(CONTENT[:100])
    fetch.fetch(URL, path, md5=MD5)
    assert asked == [URL]
    assert path.read_bytes() == CONTENT


def test_another_content_is_refused_and_leaves_nothing(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"not the file that mirdata expects .*{MD5}"):
        fetch.fetch(URL, tmp_path / "a", md5="0" * 32)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")),
        urllib.error.URLError(socket.gaierror(-2, "Name or service not known")),
        urllib.error.URLError(TimeoutError("timed out")),
        urllib.error.HTTPError(URL, 404, "Not Found", Message(), None),
        TimeoutError("timed out"),
        ConnectionResetError(104, "Connection reset by peer"),
        http.client.IncompleteRead(b""),
        http.client.RemoteDisconnected("closed"),
    ],
)
def test_what_fails_on_the_way_is_one_sentence_that_names_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    failing(monkeypatch, error)
    with pytest.raises(DatasetError, match=r"^https://example\.org/beats\.zip: ") as caught:
        fetch.fetch(URL, tmp_path / "a", md5=MD5)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="cannot be written"):
        fetch.fetch(URL, tmp_path / "file" / "a", md5=MD5)


def test_a_refused_connection_is_no_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DatasetError, match="cannot be reached"):
        fetch.fetch(f"https://127.0.0.1:{port}/a", tmp_path / "a", md5=MD5)


@pytest.fixture
def mute() -> Iterator[int]:
    """Port of a server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_mute_server_is_left(mute: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DatasetError, match=r"timed out|did not answer"):
        fetch.fetch(f"https://127.0.0.1:{mute}/a", tmp_path / "a", md5=MD5, timeout=0.2)


@pytest.mark.parametrize(("target", "allowed"), [("https://b.org/x", True), ("http://b.org/x", False)])
def test_only_https_is_followed(target: str, allowed: bool) -> None:
    request = urllib.request.Request(URL)
    arguments: tuple[Any, ...] = (request, io.BytesIO(), 302, "Found", Message(), target)
    if allowed:
        assert fetch._OnlyHttps().redirect_request(*arguments).full_url == target
        return
    with pytest.raises(DatasetError, match="without https"):
        fetch._OnlyHttps().redirect_request(*arguments)


OUTSIDE = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "C:\\x",
    "C:x",
    "..\\x",
    "a\\..\\..\\x",
    "\\\\server\\x",
    "..",
    "\\x",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_members_cannot_escape(tmp_path: Path, name: str) -> None:
    assert not fetch.is_inside(name)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("good.wav", b"")
        file.writestr(name, b"bad")
    with pytest.raises(DatasetError, match="outside its folder"):
        fetch.check_archive(archive)
    tar = tmp_path / "a.tar.gz"
    with tarfile.open(tar, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo(name))
    with pytest.raises(DatasetError, match="outside its folder"):
        fetch.check_archive(tar)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    tar = tmp_path / "a.tar"
    with tarfile.open(tar, "w") as packed:
        member = tarfile.TarInfo("innocent")
        member.type, member.linkname = kind, "/etc/passwd"
        packed.addfile(member)
    with pytest.raises(DatasetError, match="link or device"):
        fetch.check_archive(tar)


def test_honest_archives_and_other_files_pass(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("gtzan/blues/blues.00000.wav", b"")
        file.writestr("gtzan/a file..with dots.txt", b"")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        folder = tarfile.TarInfo("gtzan")
        folder.type = tarfile.DIRTYPE
        packed.addfile(folder)
        packed.addfile(tarfile.TarInfo("./gtzan/a"))
    (tmp_path / "index.json").write_text("{}")
    for path in tmp_path.iterdir():
        fetch.check_archive(path)


def test_a_damaged_archive_is_one_sentence(tmp_path: Path) -> None:
    tar = tmp_path / "a.tar"
    with tarfile.open(tar, "w") as packed:
        member = tarfile.TarInfo("a")
        member.size = 5000
        packed.addfile(member, io.BytesIO(bytes(5000)))
        packed.addfile(tarfile.TarInfo("b"))
    tar.write_bytes(tar.read_bytes()[:3000])
    with pytest.raises(DatasetError, match="damaged archive"):
        fetch.check_archive(tar)


@given(st.text(alphabet="ab./\\:~", max_size=12))
def test_what_is_called_inside_stays_inside(name: str) -> None:
    if fetch.is_inside(name):
        home = Path("/home/x")
        assert (home / name).resolve().is_relative_to(home)
