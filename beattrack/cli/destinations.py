"""Outputs at URLs: written to a temporary folder first, then uploaded whole.

A command plans its outputs as local files in a folder that stands for the URL. Each job gets a folder of its
own when it runs, and its files are uploaded when it has succeeded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from beattrack.cli.outputs import Job
from beattrack.cli.report import prepared
from beattrack.runtime import remote

_LOCAL_ONLY = ("click_track", "plot", "page", "tempo_curve")


@dataclass(frozen=True)
class Destination:
    """A folder at a URL, or the only file in it.

    Attributes:
        local: the folder that stands for it.
        url: its URL, without a slash at the end.
        single: whether one file is written there, not a folder of files.
    """

    local: Path
    url: str
    single: bool

    def url_of(self, path: Path) -> str | None:
        """Return the URL that a planned output stands for; None if it belongs elsewhere."""
        if not path.is_relative_to(self.local):
            return None
        return f"{self.url}/{path.relative_to(self.local).as_posix()}"


@contextmanager
def destinations(
    options: Mapping[str, Any], *, several: bool, folder: bool
) -> Iterator[tuple[Mapping[str, Any], tuple[Destination, ...]]]:
    """Yield the options of a command with local files in place of URLs, and what they stand for.

    Args:
        options: all values of the command.
        several: whether --activations is a folder.
        folder: whether -o is a folder.

    Raises:
        click.UsageError: if an option that writes only local files is a URL.
        click.ClickException: if a package for a URL is missing.
    """
    for name in _LOCAL_ONLY:
        if remote.is_url(str(options[name] or "")):
            option = name.replace("click_track", "click").replace("_", "-")
            raise click.UsageError(f"--{option} writes to this machine; only -o and --activations take URLs")
    changed, found = dict(options), []
    with tempfile.TemporaryDirectory(prefix="beattrack-") as scratch:
        for number, (name, many) in enumerate((("output", folder), ("activations", several))):
            url = options[name]
            if not remote.is_url(url):
                continue
            path = remote.local_path(url)
            if path is not None:
                changed[name] = path
                continue
            if url.lower().startswith(("http://", "https://")):
                raise click.UsageError(f"{url}: a web server takes no files; give a folder or a bucket")
            with prepared():
                remote.check_urls([url])
            local = Path(scratch) / str(number)
            local.mkdir()
            if many or url.endswith("/"):
                found.append(Destination(local, url.rstrip("/"), single=False))
                changed[name] = f"{local}/"
            else:
                parent, _, file = url.rpartition("/")
                found.append(Destination(local, parent, single=True))
                changed[name] = str(local / file)
        try:
            yield changed, tuple(found)
        except click.UsageError as error:
            text = error.message
            for destination in found:
                text = text.replace(str(destination.local), destination.url)
            raise click.UsageError(text) from error


def check_overwriting(jobs: Sequence[Job], places: Sequence[Destination]) -> None:
    """Check that no output at a URL is an input.

    Raises:
        click.UsageError: if one is.
    """
    inputs = {job.source for job in jobs}
    for job in jobs if places else ():
        for url in (place.url_of(path) for path in job.targets for place in places):
            if url in inputs:
                raise click.UsageError(f"{url} is an input and would be overwritten; choose another -o")


@contextmanager
def staged(job: Job, places: Sequence[Destination]) -> Iterator[Job]:
    """Yield a job that writes local files, and upload them if the block succeeds.

    Raises:
        RemoteError: if an output cannot be uploaded.
    """
    if not places:
        yield job
        return
    uploads: list[tuple[Path, str]] = []
    with tempfile.TemporaryDirectory(prefix="beattrack-") as scratch:

        def move(path: Path) -> Path:
            for number, place in enumerate(places):
                url = place.url_of(path)
                if url is not None:
                    local = Path(scratch) / str(number) / path.relative_to(place.local)
                    uploads.append((local, url))
                    return local
            return path

        yield job.moved(move)
        for local, url in uploads:
            remote.upload(local, url)


def finished(jobs: Sequence[Job], places: Sequence[Destination]) -> set[int]:
    """Return the indices of the jobs whose outputs all exist, on this machine or at URLs.

    Raises:
        RemoteError: if a URL cannot be listed.
    """
    there: set[str] = set()
    for place in places:
        if not place.single:
            there.update(remote.listing(place.url))
    done = set()
    for index, job in enumerate(jobs):
        if job.output is not None and all(_exists(path, places, there) for path in job.targets):
            done.add(index)
    return done


def _exists(path: Path, places: Sequence[Destination], there: set[str]) -> bool:
    for place in places:
        url = place.url_of(path)
        if url is not None:
            return remote.exists(url) if place.single else remote.normal(url) in there
    return path.is_file()
