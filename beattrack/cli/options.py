"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from beattrack.formats import FORMATS

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


def output_options(command: F) -> F:
    """Add the options for the output to a command: -o, --format and --quiet."""
    return all_options(
        click.option("-o", "--output", metavar="PATH", help=_OUTPUT),
        click.option("--format", type=click.Choice(FORMATS), help=_FORMAT),
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


_HOW = "How to find beats in the activations: exact DBN, madmom's DBN (needs an extra), or peak picking."
_BEATS_PER_BAR = "Numbers of beats per bar to choose from, such as 3,4 (dbn and madmom)."
_OUTPUT = (
    "File for the beats; with several inputs, or if it is a folder, the folder for them. "
    "[default: standard output; with several inputs, beside each input]"
)
_FORMAT = "Format of the beats. [default: given by the suffix of -o FILE, otherwise beats]"
