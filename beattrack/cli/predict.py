"""`beattrack predict`: audio files to beats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.options import chosen, decoder_options, output_options
from beattrack.cli.outputs import Job, chosen_format, plan
from beattrack.cli.report import prepared, run_jobs

if TYPE_CHECKING:
    from beattrack.result import Beats

DEVICES = ("cpu", "cuda", "auto")

_MODEL = "Shipped model, see `beattrack models`, or model file."
_DEVICE = "Where the network runs; auto takes a GPU where there is one."
_THREADS = "Threads of the network. [default: all cores]"
_ACTIVATIONS = "File for the activations (.npz) as well; with several inputs, the folder for them."


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@output_options
@click.option("--model", metavar="NAME|PATH", default="tcn", show_default=True, help=_MODEL)
@decoder_options
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help=_DEVICE)
@click.option("--threads", type=click.IntRange(min=1), help=_THREADS)
@click.option("--activations", metavar="PATH", help=_ACTIVATIONS)
def predict(files: tuple[str, ...], **options: Any) -> None:
    """Track the beats of audio files; - is standard input.

    The beats of one file go to standard output unless -o is given: comments (#) with tempo and more, then one
    line a beat, its time in seconds and its position in the bar, where 1 is the downbeat.
    """
    format = chosen_format(options["format"], options["output"] if len(files) == 1 else None)
    jobs = plan(files, output=options["output"], suffix=f".{format}", activations=options["activations"])

    from beattrack.tracker import BeatTracker, decoder_with

    with prepared():
        decoder = decoder_with(options["decoder"], chosen(options))
        tracker = BeatTracker(options["model"], decoder, device=options["device"], threads=options["threads"])

    def track(job: Job) -> Beats:
        activations, duration = tracker.analyse(job.source)
        if job.activations is not None:
            activations.save(job.activations)
        return tracker.decode(activations, duration=duration, file=job.name)

    click.get_current_context().exit(run_jobs(jobs, track, format=format, quiet=options["quiet"]))
