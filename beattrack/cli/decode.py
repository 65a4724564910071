"""`beattrack decode`: from saved activations to beats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.batch import Settings, TrackJob, run_jobs
from beattrack.cli.inputs import named
from beattrack.cli.listening import Listening, extras, plot_options
from beattrack.cli.options import chosen, decoder_options, output_options
from beattrack.cli.outputs import Job, chosen_format, plan

if TYPE_CHECKING:
    from beattrack.result import Beats


@click.command()
@click.argument("files", metavar="ACTIVATIONS...", nargs=-1, required=True)
@output_options
@decoder_options
@plot_options
def decode(files: tuple[str, ...], **options: Any) -> None:
    """Track beats from saved activations.

    Reads .npz files such as those written by `beattrack predict --activations`. They hold the arrays `beats`,
    the probability of a beat at each frame, and `fps`, the frames per second. The array `downbeats` may be
    missing; then only beats are tracked. The array `tempo`, the probability of each whole BPM, is optional.
    """
    format = chosen_format(options["format"], options["output"] if len(files) == 1 else None)
    jobs = plan(
        [named(name) for name in files],
        output=options["output"],
        suffix=f".{format}",
        extras=extras(options),
    )
    listening = Listening.from_options(options)

    def make() -> TrackJob:
        from beattrack import tracker
        from beattrack.activations import Activations

        listening.require()
        decoder = tracker.decoder_with(options["decoder"], chosen(options))

        def track(job: Job) -> Beats:
            activations = Activations.load(job.source)
            beats = tracker.decode(activations, decoder, file=job.name)
            listening.write(job, None, beats, activations)
            return beats

        return track

    settings = Settings(format=format, quiet=options["quiet"])
    click.get_current_context().exit(run_jobs(jobs, make, settings))
