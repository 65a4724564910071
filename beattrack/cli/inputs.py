"""The inputs of a command: files, folders and lists of files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from beattrack.errors import BeattrackError
from beattrack.runtime import remote

STDIN = "-"
LONGEST_NAME = 4096  # longest path on common systems

_NO_AUDIO = "holds no audio files (.wav, .flac, .mp3, .ogg and similar)"

# Suffixes of recordings in folders; a file given by name may have any suffix.
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

    Attributes:
        path: path or URL as given or found.
        place: path relative to the folder or list that it is from; its output has the same place in the
            output folder.
        problem: why it cannot be read, if known; otherwise None.
    """

    path: str
    place: str
    problem: str | None = None


def named(path: str, problem: str | None = None) -> Input:
    """Return the input for a path or URL, `-` for standard input."""
    place = remote.place_of(path) if remote.is_url(path) else path.rstrip("/")
    return Input(path, "stdin" if path == STDIN else os.path.basename(place), problem)


def expand(arguments: Sequence[str], *, recursive: bool) -> list[Input]:
    """Return the inputs for the arguments of a command, in a fixed order.

    Args:
        arguments: files and folders, of this machine or at URLs.
        recursive: whether to replace folders by the recordings in them; otherwise folders are problems.
    """
    sources: list[Input] = []
    for argument in arguments:
        if remote.is_url(argument) and not os.path.exists(argument):
            sources += _at_url(argument, recursive)
        elif argument == STDIN or not os.path.isdir(argument):
            sources.append(named(argument))
        elif recursive:
            sources += _tree(argument)
        else:
            sources.append(named(argument, "is a folder; use --recursive to track the audio files in it"))
    return sources


def read_list(path: str) -> list[Input]:
    """Read a list of files, one per line or separated by null characters; `-` is standard input.

    Args:
        path: path or URL of the list.

    Raises:
        click.UsageError: if the list cannot be read or is empty.
    """
    try:
        data = sys.stdin.buffer.read() if path == STDIN else _content(path)
    except BeattrackError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{path}: the list cannot be read ({error.strerror})") from error
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    # Nearly every binary file has two null characters in a row; a list by `find -print0` never has.
    if b"\0\0" in data or max(map(len, lines), default=0) > LONGEST_NAME:
        raise click.UsageError(f"{path}: is not a list of file names")
    names = [os.fsdecode(line) for line in lines if line.strip()]
    if not names:
        raise click.UsageError(f"{path}: the list is empty")
    return [Input(os.path.join(".", name) if name == STDIN else name, _place(name)) for name in names]


def _content(path: str) -> bytes:
    if not remote.is_url(path) or os.path.exists(path):
        return Path(path).read_bytes()
    with remote.downloaded(path) as copy:
        return Path(copy).read_bytes()


def _place(name: str) -> str:
    """Return the place of a file in a list: its path if that stays in the output folder, else its name."""
    if remote.is_url(name):
        return remote.place_of(name)
    parts = Path(name).parts
    return os.path.basename(name) if os.path.isabs(name) or ".." in parts else os.path.join("", *parts)


def _at_url(url: str, recursive: bool) -> list[Input]:
    """Return the recordings at a URL, those in its folders if `recursive`."""
    if not recursive:
        folder = "is a folder; use --recursive to track the audio files in it" if url.endswith("/") else None
        return [named(url, folder)]
    path = remote.local_path(url)
    if path is not None:
        return _tree(path) if os.path.isdir(path) else [named(url)]
    try:
        top, found = remote.normal(url).rstrip("/"), sorted(remote.listing(url))
    except BeattrackError as error:
        return [named(url, str(error).removeprefix(f"{url}: "))]
    if found in ([], [top]):  # a file, or a web server that lists nothing
        return [named(url)]
    wanted = [name for name in found if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES]
    sources = [Input(name, name.removeprefix(f"{top}/")) for name in wanted]
    return sources or [named(url, _NO_AUDIO)]


def _tree(folder: str) -> list[Input]:
    """Return the recordings in a folder and its folders, without hidden files such as ._a.mp3."""
    problems: list[OSError] = []
    sources = sorted(_walk(folder, problems), key=lambda source: Path(source.path).parts)
    sources += [named(str(error.filename), f"cannot be listed ({error.strerror})") for error in problems]
    return sources or [named(folder, _NO_AUDIO)]


def _walk(folder: str, problems: list[OSError]) -> Iterator[Input]:
    for parent, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:
                path = os.path.join(parent, name)
                yield Input(path, os.path.relpath(path, folder))
