from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path

import pytest

from beattrack.rendering.errors import RenderError
from beattrack.rendering.sources.archive import archive_path, read_archive
from tests.midi_cases import write_archive


def test_contents_come_by_name_in_order(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "tunes", {"tunes/b": b"two", "tunes/a": b"one"})
    assert archive_path(tmp_path, "tunes") == path
    assert list(read_archive(path).items()) == [("tunes/a", b"one"), ("tunes/b", b"two")]


def test_members_outside_and_links_write_nothing(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        evil = tarfile.TarInfo("../escaped")
        evil.size = 3
        archive.addfile(evil, io.BytesIO(b"bad"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    folder = tmp_path / "inner"
    folder.mkdir()
    path = folder / "evil.tar.xz"
    path.write_bytes(lzma.compress(buffer.getvalue()))
    assert read_archive(path) == {"../escaped": b"bad"}
    assert not (tmp_path / "escaped").exists()
    assert sorted(entry.name for entry in folder.iterdir()) == ["evil.tar.xz"]


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="--symbolic"):
        archive_path(None, "tunes")
    with pytest.raises(RenderError, match=r"tunes\.tar\.xz"):
        archive_path(tmp_path, "tunes")
    path = write_archive(tmp_path, "broken", {"a": bytes(range(256)) * 100})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RenderError, match="cannot be read"):
        read_archive(path)
    (tmp_path / "noise.tar.xz").write_bytes(b"noise" * 100)
    with pytest.raises(RenderError, match="cannot be read"):
        read_archive(tmp_path / "noise.tar.xz")
