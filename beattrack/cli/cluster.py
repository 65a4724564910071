"""The options of `beattrack predict` for a Dask cluster, and the tracking of files on one."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from beattrack.cli.inputs import STDIN, Input
from beattrack.cli.options import F, all_options
from beattrack.cli.report import prepared

if TYPE_CHECKING:
    from beattrack.cli.batch import FileOutcome, Settings, TrackJob
    from beattrack.cli.outputs import Job

Outcome = TypeVar("Outcome")

LOCAL = "local"
RETRIES = 2

_SCHEDULER = (
    "Track the files on a Dask cluster: address of its scheduler (tcp://HOST:PORT), its scheduler file "
    "(.json), or local for --jobs processes on this machine."
)
_RETRIES = (
    f"How often to try a file again after the worker that tracked it died (--scheduler). [default: {RETRIES}]"
)


def cluster_options(command: F) -> F:
    """Add the options --scheduler and --retries to a command."""
    return all_options(
        click.option("--scheduler", metavar="ADDRESS", help=_SCHEDULER),
        click.option("--retries", metavar="N", type=click.IntRange(0, 100), help=_RETRIES),
    )(command)


def check_cluster(options: Mapping[str, Any], sources: Sequence[Input]) -> None:
    """Check the options for a cluster before any work is done.

    Raises:
        click.UsageError: if the scheduler is not one, or if an option contradicts it.
        click.ClickException: if Dask is not installed.
    """
    scheduler = options["scheduler"]
    if scheduler is None:
        if options["retries"] is not None:
            raise click.UsageError("--retries needs --scheduler")
        return
    if any(source.path == STDIN for source in sources):
        raise click.UsageError("--scheduler: workers cannot read standard input; name a file or URL")
    if options["output"] in (None, STDIN) and len(sources) == 1 and options["files_from"] is None:
        raise click.UsageError("--scheduler: workers cannot write to standard output; give a folder with -o")
    if scheduler != LOCAL and options["jobs"] > 1:
        raise click.UsageError("--jobs does not apply to a cluster, which has its own number of workers")
    from beattrack.cluster.connect import check_scheduler

    with prepared():
        check_scheduler(scheduler)


def outcomes_on_cluster(
    jobs: Sequence[Job],
    make: Callable[[], TrackJob],
    do: Callable[[Job, TrackJob], FileOutcome],
    settings: Settings,
) -> Iterator[tuple[int, FileOutcome]]:
    """Yield index and outcome of each job when it is finished.

    Raises:
        ClusterError: if no scheduler answers, or if the workers cannot do the work.
    """
    from beattrack.cli.batch import FileOutcome
    from beattrack.cluster.connect import connected
    from beattrack.cluster.run import run

    def died(tries: int) -> FileOutcome:
        times = "once" if tries == 1 else f"{tries} times"
        return FileOutcome(f"the worker that tracked it died ({times}), possibly because memory ran out")

    scheduler = settings.scheduler or LOCAL
    with connected(scheduler, workers=settings.processes) as client:
        if not settings.quiet and "dashboard" in client.scheduler_info().get("services", {}):
            _tell(f"dashboard at {client.dashboard_link}")
        yield from run(
            client,
            functools.partial(_worker, make, do, os.getcwd()),
            jobs,
            weights=weights(jobs),
            retries=settings.retries,
            died=died,
            tell=_tell,
        )


def weights(jobs: Sequence[Job]) -> list[float]:
    """Return the expected seconds of audio of each job."""
    from beattrack.cluster.durations import expected_seconds
    from beattrack.runtime.remote import is_url, sizes

    sources = [job.source for job in jobs]
    known = sizes([source for source in sources if is_url(source)])
    return [expected_seconds(source, known.get(source) or _size(source)) for source in sources]


def _size(source: str) -> int:
    try:
        return os.stat(source).st_size
    except (OSError, ValueError):
        return 0


def _tell(text: str) -> None:
    click.echo(f"beattrack: {text}", err=True)


def _worker(
    make: Callable[[], TrackJob], do: Callable[[Job, TrackJob], FileOutcome], folder: str
) -> Callable[[Job], FileOutcome]:
    """Return the function of a worker process, which resolves relative paths as the client does."""
    with _working_in(folder):
        track = make()

    def run(job: Job) -> FileOutcome:
        with _working_in(folder):
            return do(job, track)

    return run


@contextlib.contextmanager
def _working_in(folder: str) -> Iterator[None]:
    """Work in a folder, if this machine has it; absolute paths and URLs need none."""
    before = os.getcwd()
    try:
        with contextlib.suppress(OSError):
            os.chdir(folder)
        yield
    finally:
        os.chdir(before)
