"""Options of commands that make beats heard and seen: click tracks, pictures, tempo curves and pages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.excerpt import chosen_excerpt
from beattrack.cli.inputs import STDIN
from beattrack.cli.options import F, all_options
from beattrack.cli.outputs import Extra, Job
from beattrack.runtime.files import atomic_write_text

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.audio import Excerpt
    from beattrack.result import Beats

# The same as in beattrack.sonify and beattrack.plot, whose imports would slow down --help.
SOUND_SUFFIXES = (".wav", ".flac", ".mp3")
PICTURE_SUFFIXES = (".png", ".svg")
CURVE_SUFFIXES = (".csv",)
PAGE_SUFFIXES = (".html", ".htm")
CLICK_MODES = ("mix", "only", "split")

_CLICK = (
    "Sound file (.wav, .flac, .mp3) of the song with clicks on the beats, higher on downbeats; with several "
    "inputs, the folder for them or a template such as 'clicks/{name}.mp3'."
)
_LEVEL = "Peak of the clicks in dB; 0 is as loud as the loudest sample of the song. [default: -3]"
_MODE = "Clicks mixed into the song, clicks only, or song left and clicks right. [default: mix]"
_PLOT = (
    "Picture (.png, .svg) of spectrogram, activations, beats, bars and tempo; with several inputs, the "
    "folder for them or a template such as 'plots/{name}.svg'."
)
_CURVE = (
    "Table (.csv) of the local tempo at each beat; with several inputs, the folder for them or a template "
    "such as 'tempi/{name}.csv'."
)
_PAGE = (
    "Page (.html) to hear, see and correct the beats in a browser; with several inputs, the folder for them "
    "or a template such as 'pages/{name}.html'."
)


def listening_options(command: F) -> F:
    """Add the options --click, --plot and --page and what belongs to them to a command."""
    return all_options(
        click.option("--click", "click_track", metavar="PATH", help=_CLICK),
        click.option("--click-level", metavar="DB", type=click.FloatRange(-60, 0), help=_LEVEL),
        click.option("--click-mode", type=click.Choice(CLICK_MODES), help=_MODE),
        plot_options,
        click.option("--page", metavar="PATH", help=_PAGE),
    )(command)


def plot_options(command: F) -> F:
    """Add the options --plot and --tempo-curve to a command."""
    return all_options(
        click.option("--plot", metavar="PATH", help=_PLOT),
        click.option("--tempo-curve", metavar="PATH", help=_CURVE),
    )(command)


def extras(options: Mapping[str, Any]) -> list[Extra]:
    """Return the sound files, pictures, tables and pages to write, by the options of a command.

    Raises:
        click.UsageError: if options contradict each other.
    """
    for part in ("click_level", "click_mode"):
        if options.get("click_track") is None and options.get(part) is not None:
            raise click.UsageError(f"--{part.replace('_', '-')} needs --click")
    wanted: list[Extra] = []
    if options.get("click_track") is not None:
        wanted.append(Extra("click", options["click_track"], "--click", ".click.wav", SOUND_SUFFIXES))
    if options["plot"] is not None:
        wanted.append(Extra("plot", options["plot"], "--plot", ".png", PICTURE_SUFFIXES))
    if options["tempo_curve"] is not None:
        wanted.append(
            Extra("tempo_curve", options["tempo_curve"], "--tempo-curve", ".tempo.csv", CURVE_SUFFIXES)
        )
    if options.get("page") is not None:
        wanted.append(Extra("page", options["page"], "--page", ".html", PAGE_SUFFIXES))
    return wanted


@dataclass(frozen=True)
class Listening:
    """How to make beats heard and seen, in terms that can be sent to another process.

    Attributes:
        click_level: see `ClickSettings`; None for its default.
        click_mode: see `ClickSettings`; None for its default.
        start, end: the part of the recording to show, in seconds; an end of None is that of the recording.
        plots: whether there is anything to plot.
        track: audio track of a film, counted from 1; None is the default one.
    """

    click_level: float | None = None
    click_mode: str | None = None
    start: float = 0.0
    end: float | None = None
    plots: bool = False
    track: int | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Listening:
        """Return what the options of a command ask for."""
        names = ("click_level", "click_mode", "track")
        start, end = chosen_excerpt(options)
        given = {name: options.get(name) for name in names}
        return cls(**given, start=start, end=end, plots=options["plot"] is not None)

    def require(self) -> None:
        """Raise MissingExtraError if a package for the pictures is missing."""
        if self.plots:
            from beattrack.plot import require_matplotlib

            require_matplotlib()

    def write(self, job: Job, source: str | None, beats: Beats, activations: Activations) -> None:
        """Write the sound file, the picture, the tempo curve and the page of a job, if it has any.

        Args:
            job: the job.
            source: file with the recording; None if there is none, for a picture without spectrogram.
            beats: its beats.
            activations: what they were found in.
        """
        if job.click is not None and source is not None:
            from beattrack.sonify import ClickSettings, write_click_track

            given = {"level": self.click_level, "mode": self.click_mode}
            settings = ClickSettings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
            write_click_track(source, beats, job.click, settings, track=self.track, excerpt=self._excerpt)
        if job.plot is not None:
            from beattrack.plot import PlotSettings, write_plot

            part = PlotSettings(self.start, self.end)
            write_plot(source, beats, activations, job.plot, part, track=self.track)
        if job.tempo_curve is not None:
            from beattrack.formats.tempo_curve import tempo_curve_csv

            atomic_write_text(job.tempo_curve, tempo_curve_csv(beats))
        if job.page is not None and source is not None:
            from beattrack.page import write_page

            write_page(source, beats, activations, job.page, track=self.track, excerpt=self._excerpt)

    @property
    def _excerpt(self) -> Excerpt:
        from beattrack.audio import Excerpt

        return Excerpt(self.start, self.end)


@contextmanager
def readable_again(job: Job) -> Iterator[str]:
    """Yield a path from which the recording of a job can be read several times.

    Standard input and pipes are copied to a temporary file, if more than the beats is wanted. Messages about
    that file name the input instead.
    """
    again = any(path is not None for path in (job.click, job.plot, job.page))
    if not again or (job.source != STDIN and Path(job.source).is_file()):
        yield job.source
        return
    from beattrack.audio.sources import on_disk

    with on_disk(job.source) as (path, name), _renamed(path, name):
        yield path


@contextmanager
def _renamed(path: str, name: str) -> Iterator[None]:
    """Replace a path by a name in the warnings and errors about audio."""
    from beattrack.errors import AudioError

    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            yield
    except AudioError as error:
        raise AudioError(str(error).replace(path, name)) from error
    finally:
        for warning in caught:
            warnings.warn(str(warning.message).replace(path, name), warning.category, stacklevel=2)
