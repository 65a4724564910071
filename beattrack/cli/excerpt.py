"""The options --start and --end, which limit a command to a part of the recordings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import click

from beattrack.cli.options import F, all_options

_START = (
    "Analyse only the part from here on, in seconds or as minutes:seconds; times stay those of the whole."
)
_END = "Analyse only the part up to here."


def seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Read a time such as 90, 90.5, 1:30 or 1:02:03.5 as seconds."""
    if value is None:
        return None
    try:
        parts = [float(part) for part in value.split(":")]
    except ValueError:
        parts = []
    total = float(sum(part * 60.0**power for power, part in enumerate(reversed(parts))))
    inside = all(0 <= part < 60 for part in parts[1:]) and all(part >= 0 for part in parts)
    if not 1 <= len(parts) <= 3 or not inside or not math.isfinite(total):
        raise click.BadParameter(f"{value!r} is not a time, such as 90.5 or 1:30")
    return total


def excerpt_options(command: F) -> F:
    """Add the options --start and --end to a command."""
    return all_options(
        click.option("--start", metavar="TIME", callback=seconds, help=_START),
        click.option("--end", metavar="TIME", callback=seconds, help=_END),
    )(command)


def chosen_excerpt(options: Mapping[str, Any]) -> tuple[float, float | None]:
    """Return start and end of the part in seconds, from all values of a command; None is the end.

    Raises:
        click.UsageError: if the part is empty.
    """
    start, end = options["start"] or 0.0, options["end"]
    if end is not None and end <= start:
        raise click.UsageError("--end must be after --start")
    return start, end
