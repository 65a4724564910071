"""`beattrack decode`: from saved activations to beats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.alternatives import with_alternative
from beattrack.cli.batch import Settings, TrackJob, run_jobs
from beattrack.cli.corrections import check_anchors, correction_options, decoder_settings, read
from beattrack.cli.excerpt import chosen_excerpt, excerpt_options
from beattrack.cli.inputs import named
from beattrack.cli.listening import Listening, extras, plot_options
from beattrack.cli.options import (
    alternatives_option,
    check_alternatives,
    confidence_option,
    decoder_options,
    output_options,
)
from beattrack.cli.outputs import Job, chosen_formats, plan, write_options

if TYPE_CHECKING:
    from beattrack.result import Beats


@click.command()
@click.argument("files", metavar="ACTIVATIONS...", nargs=-1, required=True)
@output_options
@decoder_options
@correction_options
@confidence_option
@alternatives_option
@excerpt_options
@plot_options
def decode(files: tuple[str, ...], **options: Any) -> None:
    """Track beats from saved activations.

    Reads .npz files such as those written by `beattrack predict --activations`. They hold the arrays `beats`,
    the probability of a beat at each frame, and `fps`, the frames per second. The array `downbeats` may be
    missing; then only beats are tracked. The array `tempo`, the probability of each whole BPM, is optional.
    """
    settings_given = decoder_settings(options)
    check_alternatives(options)
    formats = chosen_formats(options["formats"], options["output"] if len(files) == 1 else None)
    written = write_options(formats, options)
    jobs = plan(
        [named(name) for name in files],
        output=options["output"],
        formats=formats,
        template=options["name_template"],
        extras=extras(options),
        alternatives=options["alternatives"],
    )
    check_anchors(options, jobs)
    start, end = chosen_excerpt(options)
    listening = Listening.from_options(options)

    def make() -> TrackJob:
        from beattrack import tracker
        from beattrack.activations import Activations
        from beattrack.assessment import check_confidence
        from beattrack.decoding.make import decoder_with

        listening.require()
        decoder = decoder_with(options["decoder"], settings_given)
        if options["confidence"]:
            check_confidence(decoder)
        anchors = read(options["anchors"], options["anchor_tolerance"], start=start, end=end)

        def track(job: Job) -> Beats:
            whole = Activations.load(job.source)
            activations = whole.part(start, end) if start or end is not None else whole
            beats = tracker.decode(
                activations,
                decoder,
                duration=whole.duration,
                file=job.name,
                anchors=anchors,
                confidence=options["confidence"],
            )
            if options["alternatives"]:
                beats = with_alternative(beats, activations, decoder, settings_given)
            listening.write(job, None, beats, activations)
            return beats

        return track

    settings = Settings(format=formats[0], written=written, quiet=options["quiet"])
    click.get_current_context().exit(run_jobs(jobs, make, settings))
