from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from beattrack.cli.inputs import AUDIO_SUFFIXES, Input, expand, read_list
from tests.audio_cases import posix_only


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.wav",
        "a/z.FLAC",
        "a/b/c.mp3",
        "a/notes.txt",
        "a/._z.flac",
        ".trash/x.wav",
        "a/list.beats",
    ):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "tree"


def places(sources: list[Input]) -> list[str]:
    return [source.place for source in sources]


def test_a_folder_gives_the_recordings_in_it_in_order(tree: Path) -> None:
    sources = expand([str(tree)], recursive=True)
    assert places(sources) == ["a/b/c.mp3", "a/z.FLAC", "b.wav"]
    assert [source.path for source in sources] == [str(tree / place) for place in places(sources)]
    assert not any(source.problem for source in sources)


def test_files_that_are_named_are_taken_whatever_their_ending(tree: Path) -> None:
    names = [str(tree / "a" / "notes.txt"), "-", "none.wav"]
    assert places(expand(names, recursive=True)) == ["notes.txt", "stdin", "none.wav"]


def test_folders_need_recursive(tree: Path) -> None:
    (source,) = expand([str(tree)], recursive=False)
    assert source.problem == "is a folder; use --recursive to track the audio files in it"


def test_a_folder_without_recordings_says_so(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    (source,) = expand([str(tmp_path)], recursive=True)
    assert source.problem is not None
    assert "holds no audio files" in source.problem


@posix_only
def test_links_to_folders_are_not_followed_and_links_to_files_are(tree: Path) -> None:
    (tree / "loop").symlink_to(tree)
    (tree / "d.wav").symlink_to("nowhere")
    assert places(expand([str(tree)], recursive=True)) == ["a/b/c.mp3", "a/z.FLAC", "b.wav", "d.wav"]


def test_a_folder_that_cannot_be_listed_is_a_problem(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    sources = expand([str(tree)], recursive=True)
    assert places(sources) == ["a/z.FLAC", "b.wav", "b"]
    assert sources[-1].problem == "cannot be listed (Permission denied)"


def test_suffixes_are_written_as_they_are_compared() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in AUDIO_SUFFIXES)
    assert {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au", ".m4a"} <= AUDIO_SUFFIXES


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_lists_of_files(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "list").write_bytes(end.join([b"a/x y.wav", "\u00fc.wav".encode(), b"\xff.wav", b"-"]))
    sources = read_list(str(tmp_path / "list"))
    assert [source.path for source in sources] == ["a/x y.wav", "\u00fc.wav", os.fsdecode(b"\xff.wav"), "./-"]
    assert places(sources)[0] == "a/x y.wav"


def test_null_characters_allow_lines_in_names(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a\nb.wav\0c.wav\0")
    assert places(read_list(str(tmp_path / "list"))) == ["a\nb.wav", "c.wav"]


def test_places_of_a_list_stay_below_the_output_folder(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("/music/a.wav\n../b.wav\nx/../../c.wav\n./d/e.wav\n.\n")
    assert places(read_list(str(tmp_path / "list"))) == ["a.wav", "b.wav", "c.wav", "d/e.wav", ""]


def test_lists_that_cannot_be_used_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"cannot be read \(No such file"):
        read_list(str(tmp_path / "none"))
    for content in (b"OggS\0.\0" + b"x" * 5000, b"fLaC\0\0\x22", b"x" * 5000):
        (tmp_path / "sound").write_bytes(content)
        with pytest.raises(click.UsageError, match="is not a list of file names"):
            read_list(str(tmp_path / "sound"))
    (tmp_path / "empty").write_text("\n \n")
    with pytest.raises(click.UsageError, match="the list is empty"):
        read_list(str(tmp_path / "empty"))
