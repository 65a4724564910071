"""Tracking of many files, in which a file that fails does not stop the others."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from beattrack.cli.destinations import Destination, finished, staged
from beattrack.cli.inputs import STDIN
from beattrack.cli.outputs import Job
from beattrack.cli.report import collected_warnings, label, prepared, reason, summary
from beattrack.errors import AudioError, SettingsError
from beattrack.formats import Format, WriteOptions, encode
from beattrack.formats.options import DEFAULT
from beattrack.formats.parquet import Row, failed_row, row_of
from beattrack.runtime.files import atomic_write_bytes, atomic_write_text
from beattrack.runtime.progress import FileProgress, duration, on_terminal

if TYPE_CHECKING:
    from beattrack.formats.parquet_dataset import PartWriter
    from beattrack.result import Beats

TrackJob: TypeAlias = "Callable[[Job], Beats]"

SCREEN = 20  # with more files than this, failures are repeated at the end


@dataclass(frozen=True)
class FileOutcome:
    """The result of one file. A skipped file has neither failure nor summary.

    Attributes:
        failure: why it failed.
        summary: what was found.
        audio: seconds of audio that were tracked.
        warnings: warnings about it.
        row: its row of a dataset; None if none is written.
    """

    failure: str | None = None
    summary: str | None = None
    audio: float = 0.0
    warnings: tuple[str, ...] = ()
    row: Row | None = None

    @property
    def skipped(self) -> bool:
        """Whether the file was skipped because its outputs exist."""
        return self.failure is None and self.summary is None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a batch.

    Attributes:
        format: first format of the beats.
        written: how to write their times.
        quiet: whether to print failures and warnings only.
        skip_existing: whether to skip files whose outputs exist.
        errors: file to which to write the list of failures; None for none.
        processes: number of processes.
        threads: threads per process.
        scheduler: scheduler of a Dask cluster, see `beattrack.cluster`; None for processes of this machine.
        retries: how often to try a file again after the worker of a cluster that tracked it died.
        places: URLs to which outputs are uploaded.
        dataset: folder or URL of a dataset that takes the beats instead of files; None for none.
    """

    format: Format
    quiet: bool
    written: WriteOptions = DEFAULT
    skip_existing: bool = False
    errors: Path | None = None
    processes: int = 1
    threads: int = 1
    scheduler: str | None = None
    retries: int = 0
    places: tuple[Destination, ...] = ()
    dataset: str | None = None


def run_jobs(jobs: Sequence[Job], make: Callable[[], TrackJob], settings: Settings) -> int:
    """Track all jobs and write their outputs.

    Args:
        jobs: jobs to run.
        make: returns a function that tracks a job. It is called in every process, and first here, so that its
            errors end the run.
        settings: settings of the batch.

    Returns:
        Exit code: 1 if any job failed, otherwise 0.
    """
    with prepared():
        track = make()
    do = functools.partial(run_job, settings=settings)
    report = _Report(jobs, settings)
    try:
        with prepared(), _rows(jobs, settings) as (rows, done):
            for index in sorted(done):
                report.take(index, FileOutcome())
            left = [index for index in range(len(jobs)) if index not in done]
            run = _outcomes([jobs[index] for index in left], make, track, do, settings)
            with contextlib.closing(run) as outcomes:
                for number, outcome in outcomes:
                    index = left[number]
                    if rows is not None and not outcome.skipped:
                        failed = failed_row(jobs[index].source, outcome.failure, outcome.warnings)
                        rows.add(outcome.row or failed)
                    report.take(index, replace(outcome, row=None))
    finally:
        report.close()
    return 1 if report.failures else 0


@contextlib.contextmanager
def _rows(jobs: Sequence[Job], settings: Settings) -> Iterator[tuple[PartWriter | None, set[int]]]:
    """Yield the writer of a dataset, if there is one, and the indices of jobs that are known to be done."""
    if settings.dataset is not None:
        from beattrack.cli.dataset import rows_of

        with rows_of(settings.dataset, jobs, skip_existing=settings.skip_existing) as found:
            yield found
    else:
        # A pool looks again before each file, because another run may have tracked it in the meantime.
        early = settings.skip_existing and (settings.places or settings.scheduler is not None)
        yield None, finished(jobs, settings.places) if early else set()


def run_job(job: Job, track: TrackJob, *, settings: Settings) -> FileOutcome:
    """Track one job and write its outputs.

    Args:
        job: job to run.
        track: tracks a job.
        settings: settings of the batch.

    Returns:
        The result. Errors become its failure, so that one file does not stop the others.
    """
    if settings.skip_existing and job.done:
        return FileOutcome()
    start = time.perf_counter()
    with collected_warnings() as warnings:
        try:
            if job.problem is not None:
                raise AudioError(job.problem)
            with staged(job, settings.places) as local:
                for path in local.targets:
                    path.parent.mkdir(parents=True, exist_ok=True)
                beats = track(local)
                if settings.dataset is None:
                    _write(beats, local, settings)
        except BrokenPipeError as error:
            if job.output is None:
                raise
            return FileOutcome(reason(error, job.source), warnings=tuple(warnings))
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            return FileOutcome(reason(error, job.source), warnings=tuple(warnings))
    told = summary(beats, time.perf_counter() - start)
    if beats.reason is not None:
        warnings.append(f"{label(job.source)}: {beats.reason}")
    row = None if settings.dataset is None else row_of(beats, job.source, warnings)
    return FileOutcome(summary=told, audio=beats.duration, warnings=tuple(warnings), row=row)


def _outcomes(
    jobs: Sequence[Job],
    make: Callable[[], TrackJob],
    track: TrackJob,
    do: Callable[[Job, TrackJob], FileOutcome],
    settings: Settings,
) -> Generator[tuple[int, FileOutcome], None, None]:
    """Yield index and outcome of each job when it is finished."""
    if settings.scheduler is not None and jobs:
        from beattrack.cli.cluster import outcomes_on_cluster

        yield from outcomes_on_cluster(jobs, make, do, settings)
        return
    if settings.processes == 1 or len(jobs) == 1:
        yield from ((index, do(job, track)) for index, job in enumerate(jobs))
        return
    from beattrack.runtime import workers

    yield from workers.run(
        functools.partial(_worker, make, do),
        jobs,
        processes=settings.processes,
        threads=settings.threads,
        died=lambda code: FileOutcome(f"the process that tracked it {workers.death(code)}"),
    )


def _worker(
    make: Callable[[], TrackJob], do: Callable[[Job, TrackJob], FileOutcome]
) -> Callable[[Job], FileOutcome]:
    track = make()
    return lambda job: do(job, track)


def _write(beats: Beats, job: Job, settings: Settings) -> None:
    options = _with_rate(settings, job)
    data = encode(beats, settings.format, options)
    further = [(path, encode(beats, format, options)) for format, path in job.further]
    if job.alternatives:
        second = _second_reading(beats)
        further += [(path, encode(second, format, options)) for format, path in job.alternatives]
    for path, content in further:
        atomic_write_bytes(path, content)
    if job.output is None:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        # Write bytes, because the encoding of a terminal or pipe may not be able to represent a name.
        click.echo(data, nl=False)
    else:
        atomic_write_bytes(job.output, data)


def _second_reading(beats: Beats) -> Beats:
    """Return the second reading; without one no beats, so that its files say so."""
    from beattrack.result import Beats

    return beats.alternative or Beats(
        times=beats.times[:0],
        positions=None,
        confidence=beats.confidence[:0],
        duration=beats.duration,
        file=beats.file,
        model=beats.model,
        reason="no beats: there is no other tempo within the tempo range",
    )


def _with_rate(settings: Settings, job: Job) -> WriteOptions:
    """Return the options with the sample rate of the recording if a format counts its samples."""
    written = settings.written
    formats = [settings.format, *(format for format, _ in job.further)]
    if written.rate is not None or not (written.units == "samples" or "sv" in formats):
        return written
    rate = _sample_rate(job.source)
    if rate is None and written.units == "samples":
        raise SettingsError("its sample rate is not known; state it with --rate")
    return replace(written, rate=rate)


def _sample_rate(source: str) -> float | None:
    """Return the sample rate of a recording in Hz; None for standard input and for what is no recording."""
    if source == STDIN:
        return None
    from beattrack.audio.files import opened

    try:
        with opened(source) as (stream, _):
            return stream.rate
    except AudioError:
        return None


class _Report:
    """Prints the outcome of each file, in the order of the jobs, and totals at the end."""

    def __init__(self, jobs: Sequence[Job], settings: Settings) -> None:
        self._jobs, self._settings = jobs, settings
        self._sizes = [_size(job) for job in jobs]
        if not any(self._sizes):  # at URLs
            self._sizes = [1] * len(jobs)
        told = len(jobs) > 1 and not settings.quiet
        self._progress = FileProgress(
            len(jobs),
            sum(self._sizes),
            shown=told and on_terminal(),
            logged=told and settings.scheduler is not None and not on_terminal(),
        )
        self._waiting: dict[int, FileOutcome] = {}
        self._told = 0
        self._warned: set[str] = set()
        self._audio, self._tracked, self._skipped = 0.0, 0, 0
        self.failures: dict[int, str] = {}
        self._progress.draw()

    def take(self, index: int, outcome: FileOutcome) -> None:
        """Count an outcome, and print all outcomes that are next in order."""
        self._count(index, outcome)
        self._progress.clear()
        if self._settings.scheduler is not None:  # whose order of files is not that of the jobs
            self._tell(self._jobs[index], outcome)
        else:
            self._waiting[index] = outcome
        while self._told in self._waiting:
            self._tell(self._jobs[self._told], self._waiting.pop(self._told))
            self._told += 1
        self._progress.draw()

    def close(self) -> None:
        """Print the totals, and write the list of failures."""
        self._progress.clear()
        for index in sorted(self._waiting):  # some are left if the run was interrupted
            self._tell(self._jobs[index], self._waiting[index])
        failures = [(self._jobs[index].source, why) for index, why in sorted(self.failures.items())]
        if self._settings.errors is not None:
            lines = "".join(f"{label(source)}\t{why}\n" for source, why in failures)
            try:
                atomic_write_text(self._settings.errors, lines)
            except OSError as error:
                click.echo(f"beattrack: {self._settings.errors}: {reason(error, '')}", err=True)
        if self._settings.quiet or len(self._jobs) == 1:
            return
        click.echo(self._total(), err=True)
        if failures and len(self._jobs) > SCREEN:
            click.echo("".join(f"  {label(source)}: {why}\n" for source, why in failures), err=True, nl=False)

    def _count(self, index: int, outcome: FileOutcome) -> None:
        self._audio += outcome.audio
        self._skipped += outcome.skipped
        self._tracked += outcome.summary is not None
        if outcome.failure is not None:
            self.failures[index] = outcome.failure
        self._progress.advance(audio=outcome.audio, bytes=self._sizes[index], skipped=outcome.summary is None)

    def _tell(self, job: Job, outcome: FileOutcome) -> None:
        for text in outcome.warnings:
            if text not in self._warned:
                click.echo(f"beattrack: warning: {text}", err=True)
        self._warned.update(outcome.warnings)
        if outcome.failure is not None:
            click.echo(f"beattrack: {label(job.source)}: {outcome.failure}", err=True)
        elif outcome.summary is not None and not self._settings.quiet:
            click.echo(f"{label(job.source)}: {outcome.summary}", err=True)

    def _total(self) -> str:
        elapsed = self._progress.elapsed
        counts = {"tracked": self._tracked, "skipped": self._skipped, "failed": len(self.failures)}
        counts["not reached"] = len(self._jobs) - sum(counts.values())
        parts = [f"{count} {what}" for what, count in counts.items() if count]
        text = f"{len(self._jobs)} files: {', '.join(parts)}"
        if self._audio and elapsed:
            text += f"; {duration(self._audio)} of audio in {duration(elapsed)}"
            text += f", {self._audio / elapsed:.0f} x real time"
        return text


def _size(job: Job) -> int:
    try:
        return os.stat(job.source).st_size
    except (OSError, ValueError):
        return 0
