"""`--format parquet`: the beats of all recordings as one dataset."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.inputs import STDIN, Input
from beattrack.cli.outputs import Job
from beattrack.cli.report import prepared
from beattrack.formats.parquet import PARQUET, encodable
from beattrack.runtime import remote

if TYPE_CHECKING:
    from beattrack.formats.parquet_dataset import PartWriter

_NOT_WITH = ("alternatives", "activations", "name_template", "click_track", "plot", "page", "tempo_curve")


def dataset_place(options: Mapping[str, Any]) -> str | None:
    """Return the folder or URL of the dataset that a command writes, and create the folder; None for none.

    Raises:
        click.UsageError: if an option does not apply to a dataset.
        click.ClickException: if a package is missing.
    """
    if PARQUET not in options["formats"]:
        return None
    if len(options["formats"]) > 1:
        raise click.UsageError("--format parquet writes one dataset; write the other formats by another run")
    for name in _NOT_WITH:
        if options[name]:
            option = name.replace("click_track", "click").replace("_", "-")
            raise click.UsageError(f"--{option} does not apply to --format parquet")
    place: str | None = options["output"]
    if place is None or place == STDIN:
        raise click.UsageError("--format parquet writes several files; give a folder with -o")
    from beattrack.formats.parquet import require_pyarrow

    with prepared():
        require_pyarrow()
        if remote.is_url(place):
            remote.check_urls([place])
            place = remote.local_path(place) or place
        if not remote.is_url(place):
            _prepare(place)
    return place


def _prepare(place: str) -> None:
    if os.path.exists(place) and not os.path.isdir(place):
        raise click.UsageError(f"{place} is a file; --format parquet writes a folder")
    if not os.path.isdir(os.path.dirname(os.path.abspath(place))):
        raise click.UsageError(f"the folder of -o {place} does not exist; create it first")
    os.makedirs(place, exist_ok=True)


def dataset_jobs(sources: Sequence[Input]) -> list[Job]:
    """Return a job for each input, without files of its own.

    Raises:
        click.UsageError: if an input is named twice, which would make two rows.
    """
    twice = [path for path, count in Counter(source.path for source in sources).items() if count > 1]
    if twice:
        raise click.UsageError(f"{twice[0]} is named twice; --format parquet writes one row for each input")
    return [Job(source.path, None, problem=source.problem) for source in sources]


@contextmanager
def rows_of(place: str, jobs: Sequence[Job], *, skip_existing: bool) -> Iterator[tuple[PartWriter, set[int]]]:
    """Yield a writer of rows, and the indices of the jobs to skip: those that an earlier run has tracked.

    Recordings that failed are tried again, and their new rows replace the old ones.
    """
    from beattrack.formats.parquet_dataset import Dataset, appended

    tracked: set[str] = set()
    failed: dict[str, set[str]] = {}
    if skip_existing:
        tracked, failed = Dataset(place).files()
    done = {index for index, job in enumerate(jobs) if encodable(job.source) in tracked}
    with appended(place, failed, tracked) as writer:
        yield writer, done
