"""`beattrack render`: music for training, with exact beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.report import prepared

if TYPE_CHECKING:
    from beattrack.rendering.job import PlannedSong, RenderJob, RenderOutcome

_FOLDER = click.Path(path_type=Path, file_okay=False)
_HOURS = "Approximate hours of audio."
_SEED = "Seed of all random numbers; the same seed gives the same songs."
_MIX = "Source and its weight. May be repeated. [default: all available sources]"
_SYMBOLIC = (
    "Folder with some or all of songs.tar.xz, songs2.tar.xz, groove.tar.xz, pop909.tar.xz, freedoom.tar.xz "
    "and nottingham.tar.xz."
)


def _weights(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, float]:
    """Read values of the form SOURCE=WEIGHT."""
    mix: dict[str, float] = {}
    for value in values:
        name, _, weight = value.partition("=")
        try:
            mix[name] = float(weight)
        except ValueError as error:
            raise click.BadParameter(
                f"{value!r} must have the form SOURCE=WEIGHT, such as mma=0.5"
            ) from error
    return mix


@click.command()
@click.argument("out", metavar="OUT", type=_FOLDER, required=False)
@click.option(
    "--hours", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, help=_HOURS
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help=_SEED)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes. [default: all cores]")
@click.option("--mix", "--source", metavar="SOURCE=WEIGHT", multiple=True, callback=_weights, help=_MIX)
@click.option("--symbolic", metavar="DIR", type=_FOLDER, help=_SYMBOLIC)
@click.option("--list", "list_only", is_flag=True, help="List available sources and soundfonts, and exit.")
@click.option("--quiet", is_flag=True, help="Print only errors on standard error.")
def render(out: Path | None, **options: Any) -> None:
    """Render training music with exact beats from symbolic sources.

    \b
    beattrack render OUT --hours 10                             from all available sources
    beattrack render OUT --mix mma=0.7 --mix groove=0.3         from two sources
    beattrack render --list                                     list sources and soundfonts

    Writes OUT/SOURCE/ID.flac, .beats and .json, and OUT/manifest.json. An interrupted run resumes if it is
    started again. Needs fluidsynth, soundfonts and the extra `render`.
    """
    if out is None and not options["list_only"]:
        raise click.UsageError("no output folder given; use beattrack render OUT")
    with prepared():
        code = _list(options) if options["list_only"] or out is None else _render(out, options)
    click.get_current_context().exit(code)


def _list(options: Mapping[str, Any]) -> int:
    """Print which sources and soundfonts are available, and what is missing."""
    from beattrack.errors import BeattrackError
    from beattrack.rendering.sounding.fluidsynth import FONTS, find_font
    from beattrack.rendering.sources import SOURCES

    click.echo("sources")
    for name, make in SOURCES.items():
        try:
            make(options["symbolic"]).check()
            click.echo(f"  {name:<12} available")
        except BeattrackError as error:
            click.echo(f"  {name:<12} {error}")
    click.echo("soundfonts")
    for font in FONTS:
        path = find_font(font)
        click.echo(f"  {font.name:<12} {path or f'missing; install the Debian package {font.package}'}")
    return 0


def _render(out: Path, options: Mapping[str, Any]) -> int:
    from beattrack.rendering.job import RenderJob, plan, prepare, render_songs
    from beattrack.rendering.settings import RenderSettings
    from beattrack.runtime.cores import usable_cores

    settings = RenderSettings()
    job = RenderJob(out=out, seed=options["seed"], symbolic=options["symbolic"], settings=settings)
    mix = options["mix"] or _available(options)
    songs = plan(mix, hours=options["hours"], seed=job.seed, settings=settings)
    prepare(job, sorted({song.source for song in songs}))
    _tell_missing_fonts(options)
    processes = min(options["jobs"] or usable_cores(), len(songs))
    report = _Report(job, songs, quiet=options["quiet"])
    try:
        counts = render_songs(job, songs, processes=processes, tell=report.tell)
    finally:
        report.close()
    return 1 if counts["failed"] and not counts["rendered"] + counts["existing"] else 0


def _tell_missing_fonts(options: Mapping[str, Any]) -> None:
    from beattrack.rendering.sounding.fluidsynth import FONTS, available_fonts

    present = available_fonts()
    missing = dict.fromkeys(font.package for font in FONTS if font not in present)
    if missing and not options["quiet"]:
        text = (
            f"{len(present)} of {len(FONTS)} soundfonts found; for more timbres install {' '.join(missing)}"
        )
        click.echo(f"beattrack: {text}", err=True)


def _available(options: Mapping[str, Any]) -> dict[str, float]:
    """Return the default weights of the available sources."""
    from beattrack.rendering.errors import RenderError
    from beattrack.rendering.job import DEFAULT_MIX
    from beattrack.rendering.sounding.effects import require_pedalboard
    from beattrack.rendering.sources import SOURCES

    mix: dict[str, float] = {}
    problems = []
    require_pedalboard()
    for name, make in SOURCES.items():
        try:
            make(options["symbolic"]).check()
            mix[name] = DEFAULT_MIX[name]
        except RenderError as error:
            problems.append(f"{name}: {error}")
    if not mix:
        raise RenderError(f"no source can be used ({'; '.join(problems)})")
    if problems and not options["quiet"]:
        click.echo("".join(f"beattrack: left out: {problem}\n" for problem in problems), err=True, nl=False)
    return mix


class _Report:
    """Prints failures when they happen, and totals at the end."""

    def __init__(self, job: RenderJob, songs: Sequence[PlannedSong], *, quiet: bool) -> None:
        from beattrack.runtime.progress import FileProgress, on_terminal

        self._job, self._songs, self._quiet = job, songs, quiet
        self._progress = FileProgress(len(songs), len(songs), shown=not quiet and on_terminal())
        self._seconds = {"rendered": 0.0, "existing": 0.0}
        self._counts = {"rendered": 0, "existing": 0, "failed": 0}
        self._rejected = 0
        self._progress.draw()

    def tell(self, song: PlannedSong, outcome: RenderOutcome) -> None:
        """Count a song, and print its failure if it failed."""
        kind = "failed" if outcome.failure else "existing" if outcome.existing else "rendered"
        self._counts[kind] += 1
        if kind != "failed":
            self._seconds[kind] += outcome.seconds
        self._rejected += sum(outcome.rejected.values()) if kind != "existing" else 0
        self._progress.clear()
        if outcome.failure:
            click.echo(f"beattrack: {song.id}: {outcome.failure}", err=True)
        self._progress.advance(
            audio=outcome.seconds if kind == "rendered" else 0.0, bytes=1, skipped=kind == "existing"
        )
        self._progress.draw()

    def close(self) -> None:
        """Print the totals."""
        from beattrack.runtime.progress import duration

        self._progress.clear()
        if self._quiet:
            return
        reached = dict(self._counts)
        reached["not reached"] = len(self._songs) - sum(reached.values())
        text = ", ".join(f"{count} {kind}" for kind, count in reached.items() if count) or "nothing"
        elapsed, seconds = self._progress.elapsed, self._seconds["rendered"]
        if seconds and elapsed:
            text += (
                f"; {duration(seconds)} of audio in {duration(elapsed)}, {seconds / elapsed:.0f} x real time"
            )
        if self._rejected:
            text += f"; {self._rejected} draws rejected"
        click.echo(f"{self._job.out}: {text}", err=True)
