"""`beattrack convert`: beat files of any tool to any output format."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.batch import Settings, TrackJob, run_jobs
from beattrack.cli.inputs import STDIN, named
from beattrack.cli.options import conversion_options, grid_option
from beattrack.cli.outputs import Job, chosen_formats, plan, write_options

if TYPE_CHECKING:
    from beattrack.result import Beats


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@conversion_options
@grid_option
def convert(files: tuple[str, ...], **options: Any) -> None:
    """Write beat files of any tool in another format.

    Reads files of beattrack, madmom, Beat This!, all-in-one, Sonic Annotator, Sonic Visualiser,
    Audacity, mir_eval, JAMS and others; the kind is recognised by the content. Beats of files that state no
    confidence have the confidence 1.
    """
    if STDIN in files:
        raise click.UsageError("beat files are not read from standard input; give files")
    formats = chosen_formats(options["formats"], options["output"] if len(files) == 1 else None, "--to")
    written = write_options(formats, options)
    jobs = plan(
        [named(name) for name in files],
        output=options["output"],
        formats=formats,
        template=options["name_template"],
    )
    settings = Settings(format=formats[0], written=written, quiet=options["quiet"])
    make = functools.partial(_reader, grid=options["grid"])
    click.get_current_context().exit(run_jobs(jobs, make, settings))


def _reader(*, grid: bool) -> TrackJob:
    import warnings

    from beattrack.conversion import read_as_beats
    from beattrack.snapping import on_their_grid

    def convert_job(job: Job) -> Beats:
        beats, notes = read_as_beats(job.source)
        for note in notes:
            warnings.warn(f"{job.source}: {note}", stacklevel=2)
        return on_their_grid(beats) if grid else beats

    return convert_job
