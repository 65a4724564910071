"""`beattrack predict`: audio files to beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.batch import Settings, TrackJob, run_jobs
from beattrack.cli.inputs import STDIN, Input, expand, read_list
from beattrack.cli.options import chosen, decoder_options, output_options
from beattrack.cli.outputs import Job, chosen_format, plan

if TYPE_CHECKING:
    from beattrack.result import Beats

DEVICES = ("cpu", "cuda", "auto")
MOST = 256  # processes or threads: a slip of the finger must not stop the machine

_RECURSIVE = "Track the audio files in folders and below; -o OUT then mirrors the folders."
_FILES_FROM = "Track the files named in LIST too, one a line or null-separated; - reads standard input."
_SKIP = "Leave out files whose outputs are there already, as after an interrupted run."
_JOBS = "Processes that track at the same time."
_ERRORS = "Write the files that failed, each with its reason after a tab."
_MODEL = "Shipped model, see `beattrack models`, or model file."
_DEVICE = "Where the network runs; auto takes a GPU where there is one."
_THREADS = "Threads of the network in each process. [default: all cores, divided among the processes]"
_ACTIVATIONS = "File for the activations (.npz) as well; with several inputs, the folder for them."
_PAGE = "File for a page (.html) to hear, see and correct the beats; with several inputs, the folder."
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1)
@output_options
@click.option("-r", "--recursive", is_flag=True, help=_RECURSIVE)
@click.option("--files-from", metavar="LIST", help=_FILES_FROM)
@click.option("--skip-existing", is_flag=True, help=_SKIP)
@click.option("--jobs", type=click.IntRange(1, MOST), default=1, show_default=True, help=_JOBS)
@click.option("--errors", metavar="FILE", type=_FILE, help=_ERRORS)
@click.option("--model", metavar="NAME|PATH", default="tcn", show_default=True, help=_MODEL)
@decoder_options
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help=_DEVICE)
@click.option("--threads", type=click.IntRange(1, MOST), help=_THREADS)
@click.option("--activations", metavar="PATH", help=_ACTIVATIONS)
@click.option("--page", metavar="PATH", help=_PAGE)
def predict(files: tuple[str, ...], **options: Any) -> None:
    """Track the beats of audio files; - is standard input.

    The beats of one file go to standard output unless -o is given: comments (#) with tempo and more, then one
    line a beat, its time in seconds and its position in the bar, where 1 is the downbeat.
    """
    sources = _sources(files, options)
    grown = len(sources) > 1 or options["files_from"] is not None or [s.path for s in sources] != [*files]
    format = chosen_format(options["format"], None if grown else options["output"])
    jobs = plan(
        sources,
        output=options["output"],
        suffix=f".{format}",
        activations=options["activations"],
        page=options["page"],
        several=grown,
    )

    from beattrack.runtime.cores import usable_cores

    processes = min(options["jobs"], len(jobs))
    threads = options["threads"] or max(1, usable_cores() // processes)
    settings = Settings(
        format=format,
        quiet=options["quiet"],
        skip_existing=options["skip_existing"],
        errors=options["errors"],
        processes=processes,
        threads=threads,
    )
    tracking = Tracking(options["model"], options["decoder"], chosen(options), options["device"], threads)
    click.get_current_context().exit(run_jobs(jobs, tracking, settings))


@dataclass(frozen=True)
class Tracking:
    """How to track, in terms that can be sent to another process; calling it loads the model."""

    model: str
    decoder: str
    decoder_options: Mapping[str, Any]
    device: str
    threads: int

    def __call__(self) -> TrackJob:
        """Give what tracks one job; errors are those of BeatTracker."""
        from beattrack.tracker import BeatTracker, decoder_with

        decoder = decoder_with(self.decoder, self.decoder_options)  # type: ignore[arg-type]
        tracker = BeatTracker(self.model, decoder, device=self.device, threads=self.threads)  # type: ignore[arg-type]

        def track(job: Job) -> Beats:
            activations, duration = tracker.analyse(job.source)
            if job.activations is not None:
                activations.save(job.activations)
            beats = tracker.decode(activations, duration=duration, file=job.name)
            if job.page is not None:
                from beattrack.page import write_page

                write_page(job.page, job.source, beats, activations)
            return beats

        return track


def _sources(files: tuple[str, ...], options: Mapping[str, Any]) -> list[Input]:
    if not files and options["files_from"] is None:
        raise click.UsageError("Missing argument 'FILE...'")
    sources = expand(files, recursive=options["recursive"])
    if options["files_from"] is not None:
        if options["files_from"] == STDIN and STDIN in files:
            raise click.UsageError("standard input cannot be both a recording and a list")
        sources += read_list(options["files_from"])
    if STDIN in files and options["jobs"] > 1:
        raise click.UsageError("standard input is read by one process; leave out --jobs")
    if options["errors"] is not None and not options["errors"].parent.is_dir():
        raise click.UsageError(f"--errors: there is no folder {options['errors'].parent}")
    return sources
