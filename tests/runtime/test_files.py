from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import beattrack
from beattrack.runtime.files import atomic_path, atomic_write_bytes, atomic_write_text, is_special
from tests.audio_cases import posix_only
from tests.cli_cases import names


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    for text in ("one\n", "tw\u00f6\r\n"):
        atomic_write_text(tmp_path / "a", text)
        assert (tmp_path / "a").read_bytes() == text.encode()
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a").write_text("old")

    def write_half() -> None:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_errors_name_the_file_that_was_meant(tmp_path: Path) -> None:
    for target in (tmp_path / "no" / "such" / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=r".") as caught:
            atomic_write_text(target, "text")
        assert caught.value.filename == str(target)
    assert names(tmp_path) == []


@posix_only
def test_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    atomic_write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text"


@posix_only
def test_a_link_to_itself_is_an_error_or_replaced(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    atomic_write_text(tmp_path / "loop", "text")
    assert (tmp_path / "loop").read_text() == "text"


@posix_only
def test_devices_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    atomic_write_text(os.devnull, "text")
    assert is_special(os.devnull)
    os.mkfifo(tmp_path / "pipe")
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_text()), daemon=True)
    reader.start()
    atomic_write_text(tmp_path / "pipe", "text")
    reader.join(10)
    assert received == ["text"]
    assert (tmp_path / "pipe").is_fifo()


@posix_only
def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic_write_text(tmp_path / "folder", "text")
    assert (tmp_path / "folder").is_dir()


@posix_only
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """The system itself refuses to write more than 100 bytes to a file."""
    code = (
        "import resource, sys\n"
        "from beattrack.runtime.files import atomic_write_text\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "atomic_write_text(sys.argv[1], 'x' * 99)\n"
        "try:\n"
        "    atomic_write_text(sys.argv[1], 'y' * 101)\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    root = Path(beattrack.__file__).parents[1]
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "File too large\n"
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "x" * 99


def test_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    texts = [str(n) * 1000 for n in range(8)]
    threads = [threading.Thread(target=atomic_write_text, args=(tmp_path / "a", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() in texts


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    atomic_write_bytes(tmp_path / "a", b"\r\n\0\xff")
    assert (tmp_path / "a").read_bytes() == b"\r\n\0\xff"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
