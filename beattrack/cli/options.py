"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from beattrack.formats import FORMATS, UNITS
from beattrack.formats.parquet import PARQUET

F = TypeVar("F", bound=Callable[..., Any])

DECODERS = ("dbn", "madmom", "peaks")
DECODER_OPTIONS = ("min_bpm", "max_bpm", "beats_per_bar")


def whole_numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """Read positive whole numbers separated by commas, such as 3,4."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{value!r} is not one or more positive whole numbers, such as 3,4")
    return tuple(int(part) for part in parts)


def decoder_options(command: F) -> F:
    """Add the options for the decoder to a command."""
    return all_options(
        click.option("--decoder", type=click.Choice(DECODERS), default="dbn", show_default=True, help=_HOW),
        click.option(
            "--min-bpm", type=float, help="Slowest tempo to look for, in beats per minute, at least 10."
        ),
        click.option("--max-bpm", type=float, help="Fastest tempo to look for, in beats per minute."),
        click.option("--beats-per-bar", metavar="N,N", callback=whole_numbers, help=_BEATS_PER_BAR),
    )(command)


def confidence_option(command: F) -> F:
    """Add the option --confidence to a command."""
    return click.option("--confidence", is_flag=True, help=_CONFIDENCE)(command)


def alternatives_option(command: F) -> F:
    """Add the option --alternatives to a command."""
    return click.option("--alternatives", is_flag=True, help=_ALTERNATIVES)(command)


def check_alternatives(options: Mapping[str, Any]) -> None:
    """Raise click.UsageError if the decoder has no second reading, or if --confidence cannot judge it."""
    if options["alternatives"] and options["decoder"] == "peaks":
        raise click.UsageError("--alternatives needs a decoder with a tempo range; use dbn or madmom")
    if options["alternatives"] and options["confidence"]:
        raise click.UsageError("--confidence judges one reading; leave out --alternatives")


def grid_option(command: F) -> F:
    """Add the option --grid to a command."""
    return click.option("--grid", is_flag=True, help=_GRID)(command)


def output_options(command: F) -> F:
    """Add the options for the output to a command: -o, --format and how to write it, and --quiet."""
    return _written("--format", command)


def prediction_options(command: F) -> F:
    """Add the options for the output to a command that can also write a dataset."""
    return _written("--format", command, (*FORMATS, PARQUET), f"{_FORMAT} {_DATASET}")


def conversion_options(command: F) -> F:
    """Add the options for the output of a conversion to a command: those of `output_options`, with --to."""
    return _written("--to", command)


def _written(choice: str, command: F, formats: Sequence[str] = FORMATS, help: str | None = None) -> F:
    kind = click.Choice(formats)
    return all_options(
        click.option("-o", "--output", metavar="PATH", help=_OUTPUT),
        click.option(choice, "formats", metavar="NAME", type=kind, multiple=True, help=help or _FORMAT),
        click.option("--units", type=click.Choice(UNITS), default="seconds", show_default=True, help=_UNITS),
        click.option("--rate", metavar="NUMBER", type=click.FloatRange(1, 10_000_000), help=_RATE),
        click.option("--tolerance", metavar="MS", type=click.FloatRange(0.1, 1000), help=_TOLERANCE),
        click.option("--fps", metavar="NUMBER", type=click.FloatRange(1, 1000), help=_FPS),
        click.option("--name-template", metavar="TEXT", help=_TEMPLATE),
        click.option("--quiet", is_flag=True, help="Print no summary of each file on standard error."),
    )(command)


def chosen(values: dict[str, Any]) -> dict[str, Any]:
    """Return the decoder options that were given, from all values of a command."""
    return {name: values[name] for name in DECODER_OPTIONS if values[name] is not None}


def all_options(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator that adds all of these options, in order."""

    def decorate(command: F) -> F:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


_GRID = (
    "Put the beats on a grid of constant tempo, for DJ software and charts, if the recording has one; "
    "otherwise they stay as they are."
)
_ALTERNATIVES = (
    "Also find the beats at the likeliest other tempo, such as half or double, and write them to a second "
    "file, such as song.alternative.beats; JSON holds both."
)
_HOW = "How to find beats in the activations: exact DBN, madmom's DBN (needs an extra), or peak picking."
_BEATS_PER_BAR = "Numbers of beats per bar to choose from, such as 3,4 (dbn and madmom)."
_CONFIDENCE = (
    "Compute how sure each beat, the tempo, the metre and the file are, as calibrated probabilities (dbn); "
    "files that should be checked are marked."
)
_OUTPUT = (
    "File for the beats; with several inputs, or if it is a folder, the folder for them. "
    "[default: standard output; with several inputs, beside each input]"
)
_FORMAT = (
    "Format of the beats, see `beattrack formats`; may be repeated. "
    "[default: given by the suffix of -o FILE, otherwise beats]"
)
_DATASET = "parquet writes one dataset, a row for each file, to the folder -o."
_UNITS = "Unit of the times in the formats beats, csv and sv-csv."
_RATE = (
    "Samples or frames per second, for these units and for the format sv. "
    "[default: the sample rate of the recording; 100 frames]"
)
_TOLERANCE = (
    "Largest distance of a tempo map from a beat, in milliseconds; more makes fewer tempo changes. "
    "[default: 0.5 in midi, reaper and dawproject; 12 in rekordbox, osu, stepmania and chart]"
)
_FPS = "Video frames per second, for the formats edl and fcpxml, such as 25 or 29.97. [default: 24]"
_TEMPLATE = (
    "Names of the output files, such as {name}_{format}{suffix}; {name} is that of the input without its "
    "suffix. [default: {name}{suffix}]"
)
