"""Which recordings a run is about: files, folders, lists of files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

STDIN = "-"
LONGEST_NAME = 4096  # of a path, on any system in use

# What counts as a recording in a folder; a file that is named is read whatever its ending.
AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for names in (
        ("wav", "wave", "bwf", "rf64", "w64", "flac", "ogg", "oga", "opus", "mp3", "mp2"),
        ("aif", "aiff", "aifc", "au", "snd", "caf"),
        ("m4a", "m4b", "aac", "wma", "webm", "mka", "ape", "wv", "ac3"),  # by ffmpeg
    )
    for name in names
)


@dataclass(frozen=True)
class Input:
    """One input.

    path: as given or found. place: where it lies below the folder or list that named it; its output lies at
    the same place below the output folder. problem: why it cannot be read, where that is known already.
    """

    path: str
    place: str
    problem: str | None = None


def named(path: str, problem: str | None = None) -> Input:
    """Give the input of that name, `-` for standard input."""
    return Input(path, "stdin" if path == STDIN else os.path.basename(path.rstrip("/")), problem)


def expand(arguments: Sequence[str], *, recursive: bool) -> list[Input]:
    """Give the files that are meant, folders replaced by the recordings in them, in a stable order."""
    sources: list[Input] = []
    for argument in arguments:
        if argument == STDIN or not os.path.isdir(argument):
            sources.append(named(argument))
        elif recursive:
            sources += _tree(argument)
        else:
            sources.append(named(argument, "is a folder; --recursive tracks the audio files in it"))
    return sources


def read_list(path: str) -> list[Input]:
    """Read names of files, one a line or separated by null characters; `-` reads standard input.

    Raises click.UsageError where the list cannot be read or names nothing.
    """
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise click.UsageError(f"the list {path} cannot be read ({error.strerror})") from error
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    # Two null characters in a row are in nearly every binary file, and in no list that `find -print0` makes.
    if b"\0\0" in data or max(map(len, lines), default=0) > LONGEST_NAME:
        raise click.UsageError(f"{path} is no list of file names")
    names = [os.fsdecode(line) for line in lines if line.strip()]
    if not names:
        raise click.UsageError(f"the list {path} names no files")
    return [Input(os.path.join(".", name) if name == STDIN else name, _place(name)) for name in names]


def _place(name: str) -> str:
    """Place of a file in a list: its relative path, where that leads nowhere else, else its name."""
    parts = Path(name).parts
    return os.path.basename(name) if os.path.isabs(name) or ".." in parts else os.path.join("", *parts)


def _tree(folder: str) -> list[Input]:
    """Recordings in a folder and those below it; hidden files and folders, such as ._a.mp3, are left out."""
    problems: list[OSError] = []
    sources = sorted(_walk(folder, problems), key=lambda source: Path(source.path).parts)
    sources += [named(str(error.filename), f"cannot be listed ({error.strerror})") for error in problems]
    return sources or [named(folder, "holds no audio files (.wav, .flac, .mp3, .ogg and their like)")]


def _walk(folder: str, problems: list[OSError]) -> Iterator[Input]:
    for parent, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:
                path = os.path.join(parent, name)
                yield Input(path, os.path.relpath(path, folder))
