"""Options that tell the decoder what the user knows of a recording: beats, the tempo, changes of metre."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.options import F, all_options, chosen
from beattrack.cli.outputs import Job
from beattrack.cli.report import prepared
from beattrack.errors import SettingsError

if TYPE_CHECKING:
    from beattrack.decoding.anchors import Anchors

SLOWEST_BPM = 10.0  # as in DBNSettings
# A hint outside the default tempo range extends it to this many times the tempo, or its reciprocal.
HINT_REACH = 1.2
DEFAULT_TOLERANCE = 70.0  # milliseconds, as in beattrack.decoding.anchors

_BPM_TYPE = click.FloatRange(SLOWEST_BPM)
_ANCHORS = (
    "File with beats that the result must contain: a beat file, or lines of `time [position]`. "
    "For one recording (dbn)."
)
_TOLERANCE = f"How far a beat may be from its anchor, in milliseconds. [default: {DEFAULT_TOLERANCE:g}]"
_TEMPO = (
    "Tempo of the recording, if you know it: all beats follow it (dbn; madmom: to the nearest whole frame)."
)
_HINT = "Rough tempo, which decides between a tempo, its double and its half (dbn)."
_CHANGES = "Allow the number of beats per bar to change within a recording (dbn)."


def correction_options(command: F) -> F:
    """Add the options for what the user knows of a recording to a command."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    return all_options(
        click.option("--bpm", metavar="BPM", type=_BPM_TYPE, help=_TEMPO),
        click.option("--tempo-hint", metavar="BPM", type=_BPM_TYPE, help=_HINT),
        click.option("--metre-changes", is_flag=True, help=_CHANGES),
        click.option("--anchors", metavar="FILE", type=file, help=_ANCHORS),
        click.option("--anchor-tolerance", metavar="MS", type=click.FloatRange(0, 1000), help=_TOLERANCE),
    )(command)


def decoder_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the decoder that were given, from all values of a command.

    Raises:
        click.UsageError: if options contradict each other, or the decoder has no such settings.
    """
    settings = chosen(dict(options))
    decoder = options["decoder"]
    for name, decoders in (
        ("bpm", ("dbn", "madmom")),
        ("tempo_hint", ("dbn",)),
        ("metre_changes", ("dbn",)),
        ("anchors", ("dbn",)),
    ):
        if options[name] and decoder not in decoders:
            raise click.UsageError(f"{_flag(name)} needs the decoder {' or '.join(decoders)}, not {decoder}")
    if options["anchors"] is not None and options["alternatives"]:
        raise click.UsageError("--anchors decides on one reading; leave out --alternatives")
    if options["bpm"] is not None:
        for name in ("min_bpm", "max_bpm", "tempo_hint"):
            if options[name] is not None:
                raise click.UsageError(f"--bpm sets the tempo; leave out {_flag(name)}")
        settings |= {"min_bpm": options["bpm"], "max_bpm": options["bpm"]}
    if options["tempo_hint"] is not None:
        settings |= _hint(options["tempo_hint"], options)
    if options["metre_changes"]:
        settings |= _metre_changes(options)
    return settings


def _hint(bpm: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the prior for a tempo, and a range that includes the tempo."""
    from beattrack.decoding.dbn.settings import DEFAULT_BPM_RANGE, TempoPrior

    given = {name: options[name] for name in ("min_bpm", "max_bpm")}
    low, high = (
        default if value is None else value
        for value, default in zip(given.values(), DEFAULT_BPM_RANGE, strict=True)
    )
    with prepared():
        settings: dict[str, Any] = {"tempo_prior": TempoPrior.hint(bpm)}
    for name, outside, bound in (
        ("min_bpm", bpm < low, max(bpm / HINT_REACH, SLOWEST_BPM)),
        ("max_bpm", bpm > high, bpm * HINT_REACH),
    ):
        if outside and given[name] is not None:
            raise click.UsageError(
                f"--tempo-hint {bpm:g} is outside the tempo range; change {_flag(name)} {given[name]:g}"
            )
        if outside:
            settings[name] = bound
    return settings


def _metre_changes(options: Mapping[str, Any]) -> dict[str, Any]:
    from beattrack.decoding.dbn.settings import METRE_CHANGE

    if options["beats_per_bar"] is not None and len(set(options["beats_per_bar"])) == 1:
        raise click.UsageError("--metre-changes needs several metres, such as --beats-per-bar 3,4")
    return {"metre_change": METRE_CHANGE}


def check_anchors(options: Mapping[str, Any], jobs: Sequence[Job]) -> None:
    """Check the options for anchors before any work is done.

    Raises:
        click.UsageError: if there are several recordings, if the file of anchors would be overwritten, or if
            there is a tolerance without anchors.
    """
    path = options["anchors"]
    if path is None:
        if options["anchor_tolerance"] is not None:
            raise click.UsageError("--anchor-tolerance needs --anchors")
        return
    if len(jobs) != 1:
        raise click.UsageError(f"--anchors {path} belongs to one recording; track the others without it")
    for target in jobs[0].targets:
        if target.exists() and os.path.samefile(target, path):
            raise click.UsageError(f"{path} holds the anchors and would be overwritten; choose another -o")


def read(
    path: Path | None, tolerance: float | None, *, start: float = 0.0, end: float | None = None
) -> Anchors | None:
    """Read the anchors of a command.

    Args:
        path: value of --anchors.
        tolerance: value of --anchor-tolerance, in milliseconds.
        start, end: the part to track, in seconds; an `end` of None is the end of the recording.

    Raises:
        BeatFileError: if the file cannot be read.
        SettingsError: if no anchor is in the part.
    """
    if path is None:
        return None
    from beattrack.formats.anchors import read_anchors

    anchors = read_anchors(path, (DEFAULT_TOLERANCE if tolerance is None else tolerance) / 1000)
    last = math.inf if end is None else end
    if not any(start <= time <= last for time in anchors.times):
        part = f"from {start:g} s on" if end is None else f"from {start:g} to {end:g} s"
        raise SettingsError(f"{path}: has no anchor {part}")
    return anchors


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
