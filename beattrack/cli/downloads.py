"""Permission to download datasets: given by an option, or by the user on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from beattrack.runtime.progress import StatusLine, on_terminal

if TYPE_CHECKING:
    from beattrack.datasets.download import Download

HELP = "Download the public files of a dataset if they are missing. [default: ask, if on a terminal]"


def leave(download: bool, *, shown: bool = True) -> Download | None:
    """Return the permission to download.

    Args:
        download: whether the user gave --download.
        shown: whether to print what is downloaded, and the progress, on standard error.

    Returns:
        The permission, which asks the user if --download was not given; None if there is no terminal to ask.
    """
    from beattrack.datasets.download import Download

    if download:
        return Download(lambda sentence: _told(sentence, shown), _draw if shown and on_terminal() else None)
    if on_terminal() and sys.stdin is not None and sys.stdin.isatty():
        return Download(lambda sentence: click.confirm(f"{sentence}?", err=True), _draw)
    return None


def _told(sentence: str, shown: bool) -> bool:
    if shown:
        click.echo(sentence, err=True)
    return True


def _draw(done: int, total: int | None) -> None:
    size = f"{done / 1e6:.1f} MB" if total is None else f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
    line = StatusLine(shown=True)
    line.draw(size)
    if done == total:
        line.end()
