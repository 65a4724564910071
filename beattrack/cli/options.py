"""Options that several commands share."""

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
    """Read positive whole numbers between commas, such as 3,4."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{value!r} is not one or more positive whole numbers, such as 3,4")
    return tuple(int(part) for part in parts)


def decoder_options(command: F) -> F:
    """Add the choice of the decoder and what it can be told."""
    return _all(
        click.option("--decoder", type=click.Choice(DECODERS), default="dbn", show_default=True, help=_HOW),
        click.option(
            "--min-bpm", type=float, help="Slowest tempo to look for, beats per minute, from 10 on."
        ),
        click.option("--max-bpm", type=float, help="Fastest tempo to look for, beats per minute."),
        click.option("--beats-per-bar", metavar="N,N", callback=whole_numbers, help=_BEATS_PER_BAR),
    )(command)


def output_options(command: F) -> F:
    """Add where the beats go and in which format, and --quiet."""
    return _all(
        click.option("-o", "--output", metavar="PATH", help=_OUTPUT),
        click.option("--format", type=click.Choice(FORMATS), help=_FORMAT),
        click.option("--quiet", is_flag=True, help="No summary of each file on standard error."),
    )(command)


def chosen(values: dict[str, Any]) -> dict[str, Any]:
    """Give the decoder options among a command's values that were set."""
    return {name: values[name] for name in DECODER_OPTIONS if values[name] is not None}


def _all(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


_HOW = "How beats are found in the activations: exact DBN, madmom's own (an extra), or plain peaks."
_BEATS_PER_BAR = "Metres to choose from, such as 3,4 (dbn, madmom)."
_OUTPUT = (
    "File for the beats; with several inputs, or where it is a folder, the folder for them. "
    "[default: standard output; with several inputs, beside each]"
)
_FORMAT = "Format of the beats. [default: by the suffix of -o FILE, else beats]"
