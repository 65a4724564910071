"""`beattrack predict`: track the beats of audio files."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.alternatives import with_alternative
from beattrack.cli.batch import Settings, TrackJob, run_jobs
from beattrack.cli.cluster import LOCAL, RETRIES, check_cluster, cluster_options
from beattrack.cli.corrections import check_anchors, correction_options, decoder_settings, read
from beattrack.cli.dataset import dataset_jobs, dataset_place
from beattrack.cli.destinations import Destination, check_overwriting, destinations
from beattrack.cli.early import EarlyJobs
from beattrack.cli.excerpt import chosen_excerpt, excerpt_options
from beattrack.cli.inputs import STDIN, Input, expand, read_list
from beattrack.cli.listening import Listening, extras, listening_options, readable_again
from beattrack.cli.options import (
    alternatives_option,
    check_alternatives,
    confidence_option,
    decoder_options,
    grid_option,
    prediction_options,
)
from beattrack.cli.outputs import Job, check_list, chosen_formats, plan, write_options
from beattrack.cli.report import prepared
from beattrack.formats import Format, WriteOptions
from beattrack.runtime.remote import check_urls, is_url

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.decoding.base import Decoder
    from beattrack.result import Beats

DEVICES = ("cpu", "cuda", "auto")
MOST = 256  # processes or threads; a mistyped number must not overload the machine

_RECURSIVE = "Track the audio files in folders and their subfolders; -o OUT then mirrors the folders."
_FILES_FROM = "Also track the files named in LIST, one per line or null-separated; - reads standard input."
_SKIP = "Skip files whose outputs already exist, for example after an interrupted run."
_JOBS = "Number of processes that track files at the same time."
_ERRORS = "Write the files that failed, each followed by a tab and the reason."
_MODEL = "Shipped model (see `beattrack models`) or model file."
_TRACK = "Number of the audio track of a video or other container, from 1. [default: the default track]"
_DEVICE = "Device that runs the network; auto uses a GPU if there is one."
_THREADS = "Threads of the network in each process. [default: all cores, divided among processes]"
_ACTIVATIONS = "Also write the activations to this .npz file, or with several inputs, to this folder."
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1)
@prediction_options
@click.option("-r", "--recursive", is_flag=True, help=_RECURSIVE)
@click.option("--files-from", metavar="LIST", help=_FILES_FROM)
@click.option("--skip-existing", is_flag=True, help=_SKIP)
@click.option("--jobs", type=click.IntRange(1, MOST), default=1, show_default=True, help=_JOBS)
@cluster_options
@click.option("--errors", metavar="FILE", type=_FILE, help=_ERRORS)
@click.option("--model", metavar="NAME|PATH", default="tcn", show_default=True, help=_MODEL)
@decoder_options
@correction_options
@confidence_option
@click.option("--track", metavar="N", type=click.IntRange(1), help=_TRACK)
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help=_DEVICE)
@click.option("--threads", type=click.IntRange(1, MOST), help=_THREADS)
@excerpt_options
@alternatives_option
@grid_option
@click.option("--activations", metavar="PATH", help=_ACTIVATIONS)
@listening_options
def predict(files: tuple[str, ...], **options: Any) -> None:
    """Track the beats of audio files; - is standard input.

    The beats of a single file are printed on standard output unless -o is given: comments (#) with the tempo
    and more, then one line per beat with its time in seconds and its position in the bar, 1 for the downbeat.
    """
    settings_given = decoder_settings(options)
    sources = _sources(files, options)
    with prepared():
        check_urls(source.path for source in sources if is_url(source.path))
    check_cluster(options, sources)
    grown = len(sources) > 1 or options["files_from"] is not None or [s.path for s in sources] != [*files]
    check_alternatives(options)
    planned = _planned(sources, options, grown)
    jobs = planned.jobs
    check_anchors(options, jobs)
    read_too = [Path(path) for path in (options["anchors"], options["files_from"]) if path is not None]
    check_list(options["errors"], "--errors", jobs, read_too)

    from beattrack.runtime.cores import usable_cores

    processes = min(options["jobs"], len(jobs))
    remote = options["scheduler"] not in (None, LOCAL)  # so that the cores here say nothing
    threads = options["threads"] or (1 if remote else max(1, usable_cores() // processes))
    settings = Settings(
        format=planned.format,
        written=planned.written,
        quiet=options["quiet"],
        skip_existing=options["skip_existing"],
        errors=options["errors"],
        processes=processes,
        threads=threads,
        scheduler=options["scheduler"],
        retries=RETRIES if options["retries"] is None else options["retries"],
        places=planned.places,
        dataset=planned.dataset,
    )
    tracking = Tracking(
        options["model"],
        options["decoder"],
        settings_given,
        options["device"],
        threads,
        track=options["track"],
        anchors=options["anchors"],
        anchor_tolerance=options["anchor_tolerance"],
        confidence=options["confidence"],
        part=chosen_excerpt(options),
        grid=options["grid"],
        alternatives=options["alternatives"],
        listening=Listening.from_options(options),
    )
    early = EarlyJobs(jobs, track=options["track"], skip_existing=options["skip_existing"])
    with early:
        if options["scheduler"] is not None or not tracking.begins_early(processes):
            code = run_jobs(jobs, tracking, settings)
        else:
            early.begin()
            code = run_jobs(jobs, functools.partial(tracking, early), settings)
    click.get_current_context().exit(code)


@dataclass(frozen=True)
class Tracking:
    """Settings of the tracker, which can be sent to another process; calling it loads the model.

    Attributes:
        model: name or path of the model.
        decoder: name of the decoder.
        decoder_options: settings of the decoder that differ from the defaults.
        device: device that runs the network.
        threads: number of threads of the network.
        track: number of the audio track, from 1; None for the default track.
        anchors: file of anchors; None for none.
        anchor_tolerance: tolerance of the anchors in milliseconds; None for the default.
        confidence: whether to compute calibrated confidence.
        part: start and end of the part to analyse, in seconds; an end of None is that of the recording.
        grid: whether to put the beats on a grid.
        alternatives: whether to find the beats at another tempo too.
        listening: how to make beats heard and seen.
    """

    model: str
    decoder: str
    decoder_options: Mapping[str, Any]
    device: str
    threads: int
    track: int | None = None
    anchors: Path | None = None
    anchor_tolerance: float | None = None
    confidence: bool = False
    part: tuple[float, float | None] = (0.0, None)
    grid: bool = False
    alternatives: bool = False
    listening: Listening = field(default_factory=Listening)

    def begins_early(self, processes: int) -> bool:
        """Return whether there is a core to decode recordings before they are needed."""
        from beattrack.runtime.cores import usable_cores

        whole = self.part == (0.0, None)
        return whole and processes == 1 and min(self.threads, usable_cores()) > 1

    def __call__(self, early: EarlyJobs | None = None) -> TrackJob:
        """Return a function that tracks one job.

        Args:
            early: recordings that are decoded before their jobs are reached; None for none.

        Raises:
            ModelError: if the model is unknown or damaged.
            SettingsError: if a setting is invalid.
            BeatFileError: if the file of anchors cannot be read.
        """
        from beattrack.assessment import check_confidence
        from beattrack.decoding.make import decoder_with
        from beattrack.tracker import BeatTracker

        self.listening.require()
        decoder = decoder_with(self.decoder, self.decoder_options)  # type: ignore[arg-type]
        if self.confidence:
            check_confidence(decoder)
        start, end = self.part
        anchors = read(self.anchors, self.anchor_tolerance, start=start, end=end)
        tracker = BeatTracker(self.model, decoder, device=self.device, threads=self.threads)  # type: ignore[arg-type]

        def track(job: Job) -> Beats:
            with readable_again(job) as source:
                begun = None if early is None else early.take(job)
                if begun is None:
                    activations, duration = tracker.analyse(source, track=self.track, start=start, end=end)
                else:
                    activations, duration = tracker.analyse(begun)
                if early is not None:
                    early.begin(after=job)
                if job.activations is not None:
                    activations.save(job.activations)
                beats = tracker.decode(
                    activations,
                    duration=duration,
                    file=job.name,
                    anchors=anchors,
                    confidence=self.confidence,
                )
                beats = self._changed(beats, activations, decoder)
                self.listening.write(job, source, beats, activations)
            return beats

        return track

    def _changed(self, beats: Beats, activations: Activations, decoder: Decoder) -> Beats:
        """Return the beats with what else was asked for: a second reading, a grid."""
        if self.alternatives:
            beats = with_alternative(beats, activations, decoder, self.decoder_options)
        if self.grid:
            from beattrack.snapping import on_their_grid

            beats = on_their_grid(beats, activations)
        return beats


@dataclass(frozen=True)
class _Plan:
    """What to track and where to write it.

    Attributes:
        jobs: the inputs and their outputs.
        format: first format of the beats.
        written: how to write their times.
        places: URLs to which outputs are uploaded.
        dataset: dataset that takes the beats instead of files; None for none.
    """

    jobs: list[Job]
    format: Format
    written: WriteOptions
    places: tuple[Destination, ...] = ()
    dataset: str | None = None


def _planned(sources: Sequence[Input], options: Mapping[str, Any], grown: bool) -> _Plan:
    """Return what the options ask for; `grown` is whether the inputs are more than those named."""
    dataset = dataset_place(options)
    if dataset is not None:
        return _Plan(dataset_jobs(sources), "beats", write_options(("beats",), options), dataset=dataset)
    formats = chosen_formats(options["formats"], None if grown else options["output"])
    written = write_options(formats, options)
    with destinations(options, several=grown, folder=grown or len(formats) > 1) as (local, places):
        jobs = plan(
            sources,
            output=local["output"],
            formats=formats,
            template=options["name_template"],
            activations=local["activations"],
            extras=extras(options),
            several=grown,
            alternatives=options["alternatives"],
        )
    check_overwriting(jobs, places)
    return _Plan(jobs, formats[0], written, places)


def _sources(files: tuple[str, ...], options: Mapping[str, Any]) -> list[Input]:
    if not files and options["files_from"] is None:
        raise click.UsageError("Missing argument 'FILE...'")
    sources = expand(files, recursive=options["recursive"])
    if options["files_from"] is not None:
        if options["files_from"] == STDIN and STDIN in files:
            raise click.UsageError("standard input cannot be both a recording and a list")
        sources += read_list(options["files_from"])
    if STDIN in files and options["jobs"] > 1:
        raise click.UsageError("standard input is read by a single process; leave out --jobs")
    if options["errors"] is not None and not options["errors"].parent.is_dir():
        raise click.UsageError(f"--errors: the folder {options['errors'].parent} does not exist")
    return sources
