from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from beattrack.errors import MissingExtraError
from beattrack.runtime import remote
from beattrack.runtime.remote import RemoteError, is_url, local_path, place_of
from tests.remote_cases import memory, stored

__all__ = ["memory"]


@pytest.mark.parametrize("name", ["s3://b/x.wav", "HTTPS://h/x", "zip://a.wav::s3://b/x.zip", "memory://x"])
def test_urls(name: str) -> None:
    assert is_url(name)


@pytest.mark.parametrize(
    "name", ["x.wav", "/a//b", "C:\\x.wav", "c://x", "a/s3://b", b"s3://b/x", Path("s3://b"), "-"]
)
def test_paths_are_no_urls(name: object) -> None:
    assert not is_url(name)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket/a/b.mp3", "bucket/a/b.mp3"),
        ("https://host/b.mp3?key=1/2", "host/b.mp3"),
        ("s3://bucket/what?.mp3", "bucket/what?.mp3"),
        ("simplecache::s3://bucket/b.mp3", "bucket/b.mp3"),
        ("zip://b.mp3::s3://bucket/x.zip", "b.mp3"),
        ("s3://bucket/../../b.mp3", "bucket/b.mp3"),
        ("memory:///b.mp3", "b.mp3"),
    ],
)
def test_the_place_of_a_url_stays_in_a_folder(url: str, place: str) -> None:
    assert place_of(url) == place


def test_file_urls_are_paths() -> None:
    assert local_path("file:///tmp/a b.wav") == "/tmp/a b.wav"
    assert local_path("s3://b/x") is None


def test_what_is_uploaded_can_be_read(memory: Any, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    remote.upload(path, "memory://out/deep/x.wav")
    remote.write_whole(b"de", "memory://out/y")
    with remote.downloaded("memory://out/deep/x.wav") as copy:
        assert Path(copy).read_bytes() == b"abc"
        assert copy.endswith(".wav")
    assert not os.path.exists(copy)
    with remote.opened("memory://out/y") as file:
        assert file.read() == b"de"
    assert remote.listing("memory://out") == {"memory:///out/deep/x.wav": 3, "memory:///out/y": 2}
    assert remote.normal("memory://out/y") in remote.listing("memory://out")
    assert remote.listing("memory://none") == {}
    assert remote.exists("memory://out/y")
    remote.remove("memory://out/y")
    assert not remote.exists("memory://out/y")


def test_where_files_grow_they_are_moved_when_complete(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    remote.upload(path, f"local://{tmp_path}/new/y")
    assert stored(memory, "/") == []
    assert [found.name for found in (tmp_path / "new").iterdir()] == ["y"]
    from fsspec.implementations.local import LocalFileSystem

    def half(self: Any, local: str, place: str, **settings: Any) -> None:
        Path(place).write_bytes(b"a")
        raise OSError("the line was cut")

    monkeypatch.setattr(LocalFileSystem, "put_file", half)
    with pytest.raises(RemoteError, match=r"new/z: cannot be written \(the line was cut\)"):
        remote.upload(path, f"local://{tmp_path}/new/z")
    assert [found.name for found in (tmp_path / "new").iterdir()] == ["y"]


def test_sizes_are_told_by_listings(memory: Any) -> None:
    memory.pipe_file("/in/a.wav", b"abc")
    urls = ["memory://in/a.wav", "memory://in/none.wav", "memory://none/b.wav", "https://host/c.wav"]
    assert remote.sizes(urls) == {"memory://in/a.wav": 3, "memory://in/none.wav": 0}


def test_errors_are_one_sentence(memory: Any) -> None:
    with (
        pytest.raises(RemoteError, match=r"^memory://none: does not exist$"),
        remote.downloaded("memory://none"),
    ):
        pass
    memory.pipe_file("/folder/x", b"")
    with pytest.raises(RemoteError, match=r"^memory://folder: "), remote.downloaded("memory://folder"):
        pass
    with pytest.raises(RemoteError, match="fsspec knows no nothing://"):
        remote.check_urls(["memory://a", "nothing://a", "file:///x"])


def test_missing_packages_are_named(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    def missing(scheme: str) -> None:
        raise ImportError(f"Install the package for {scheme}")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(
        RemoteError, match=r"gs:// needs the package 'gcsfs'; install it with `pip install gcsfs`"
    ):
        remote.check_urls(["gs://b/x"])
    with pytest.raises(RemoteError, match=r"odd:// needs a package that is not installed \(Install the"):
        remote.check_urls(["odd://b/x"])


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    remote.check_urls(["file:///x"])
    with pytest.raises(MissingExtraError, match=r"s3:// needs the package 'fsspec'.*\[cluster\]"):
        remote.check_urls(["s3://b/x"])
