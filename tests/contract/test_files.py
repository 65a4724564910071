"""The contract: what no recording is costs one sentence and one file, whatever its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.audio import sources
from tests.audio_cases import make_text, posix_only
from tests.cli_cases import RATE, lines, names, run

NAMES = [
    b"with spaces.flac",
    b"with a\nnewline.flac",
    "\U0001f941 \u00e9t\u00e9 \u97f3\u697d.flac".encode(),
    b"x" * 195 + b".flac",
    b"\xff\xfe not text.flac",
    b"-o leading dash.flac",
    b"--help",
    b"a:b|c?d*e.flac",
    b"%s{}$(touch x)`y`;z.flac",
    b"no suffix",
    b".flac",
]


@posix_only
@pytest.mark.parametrize("name", NAMES)
def test_any_file_name(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(recorded, os.fsdecode(name))
    result = run("predict", "-o", "out/", "--", os.fsdecode(name))
    assert (result.exit_code, len(lines(result.stderr))) == (0, 1)
    (written,) = Path("out").iterdir()
    assert os.fsencode(written.name) == os.fsencode(Path(os.fsdecode(name)).stem) + b".beats"
    assert sorted(os.listdir()) == sorted([os.fsdecode(name), "out"])


@posix_only
def test_names_of_a_tree_are_as_free(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"tree \xff\n")
    folder.mkdir()
    for name in NAMES:
        if name.endswith(b".flac") and not name.startswith(b"."):
            shutil.copy(recorded, folder / os.fsdecode(name))
    result = run("predict", "-r", folder, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert len(names(tmp_path / "out")) == len(names(folder)) == 8


def make_truncated(folder: Path) -> Path:
    soundfile.write(folder / "a.flac", np.zeros(RATE), RATE)
    data = (folder / "a.flac").read_bytes()
    (folder / "a.flac").write_bytes(data[:20])
    return folder / "a.flac"


def make_noise(folder: Path) -> Path:
    (folder / "a.mp3").write_bytes(np.random.default_rng(0).bytes(10_000))
    return folder / "a.mp3"


def make_empty(folder: Path) -> Path:
    (folder / "a.wav").touch()
    return folder / "a.wav"


def make_broken_link(folder: Path) -> Path:
    (folder / "a.wav").symlink_to("nowhere.wav")
    return folder / "a.wav"


def make_loop(folder: Path) -> Path:
    (folder / "a.wav").symlink_to("a.wav")
    return folder / "a.wav"


def make_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.wav")
    return folder / "a.wav"


def make_unreadable(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may read anything")
    (folder / "a.wav").write_bytes(b"RIFF")
    (folder / "a.wav").chmod(0)
    return folder / "a.wav"


def make_folder(folder: Path) -> Path:
    (folder / "a.wav").mkdir()
    return folder / "a.wav"


def make_device(folder: Path) -> Path:
    return Path("/dev/zero")


def make_absent(folder: Path) -> Path:
    return folder / "none.wav"


def make_playlist(folder: Path) -> Path:
    (folder / "a.m3u8").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n")
    return folder / "a.m3u8"


@posix_only
@pytest.mark.parametrize(
    "make",
    [
        make_text,
        make_truncated,
        make_noise,
        make_empty,
        make_broken_link,
        make_loop,
        make_pipe,
        make_unreadable,
        make_folder,
        make_device,
        make_absent,
        make_playlist,
    ],
)
def test_what_is_no_recording_is_one_sentence(
    clip: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path]
) -> None:
    monkeypatch.setattr(sources, "PIPE_SECONDS", 0.1)
    (clip.parent / "bad").mkdir()
    bad = make(clip.parent / "bad")
    result = run("predict", "-o", clip.parent / "out", bad, clip)
    assert (result.exit_code, result.stdout) == (1, "")
    first, second, total = lines(result.stderr)
    assert first.startswith(f"beattrack: {bad}: ")
    assert first.count(str(bad)) == 1
    assert 10 < len(first.removeprefix(f"beattrack: {bad}: ")) < 200
    assert second.startswith(f"{clip}: ")
    assert total.startswith("2 files: 1 tracked, 1 failed; ")
    assert names(clip.parent / "out") == ["blues.00000.beats"]


def test_an_output_folder_that_is_read_only(clip: Path) -> None:
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    out = clip.parent / "out"
    out.mkdir(mode=0o555)
    result = run("predict", "-o", out, clip)
    assert (result.exit_code, len(lines(result.stderr))) == (1, 1)
    assert "Permission denied" in result.stderr


def test_an_output_folder_that_refuses(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a read-only or a full disk does."""

    def refuse(self: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device", os.fspath(self))

    monkeypatch.setattr(Path, "write_text", refuse)
    out = clip.parent / "a.beats"
    result = run("predict", "-o", out, clip)
    assert (result.exit_code, result.stderr) == (1, f"beattrack: {clip}: No space left on device ({out})\n")
    assert names(clip.parent) == [clip.name]


@posix_only
def test_a_full_device(clip: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    result = run("predict", "-o", "/dev/full", clip)
    assert (result.exit_code, result.stderr) == (1, f"beattrack: {clip}: No space left on device\n")
