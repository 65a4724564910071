"""The outputs of a command, planned and checked before any work is done."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from beattrack.cli.inputs import STDIN, Input
from beattrack.errors import SettingsError
from beattrack.formats import Format, format_for
from beattrack.runtime.files import is_special

NAME = "{name}"  # in a template: the name of the input without its suffix


@dataclass(frozen=True)
class Job:
    """One input and its outputs.

    Attributes:
        source: the input, `-` for standard input.
        output: file for the beats; None for standard output.
        activations: file for the activations; None for none.
        problem: why the input cannot be read, if known.
        click: file for the click track; None for none.
        plot: file for the picture; None for none.
    """

    source: str
    output: Path | None
    activations: Path | None = None
    problem: str | None = None
    click: Path | None = None
    plot: Path | None = None

    @property
    def name(self) -> str | None:
        """The input as given; None for standard input."""
        return None if self.source == STDIN else self.source

    @property
    def targets(self) -> Iterator[Path]:
        """The files to write."""
        return (path for path in (self.output, *self.files) if path is not None)

    def with_extra(self, kind: Literal["click", "plot"], path: Path | None) -> Job:
        """Return this job with another file to write."""
        if kind == "click":
            return dataclasses.replace(self, click=path)
        return dataclasses.replace(self, plot=path)

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files to write besides the beats."""
        return self.activations, self.click, self.plot

    @property
    def done(self) -> bool:
        """Whether all output files exist. They are complete, because they are written whole or not at all."""
        targets = list(self.targets)
        return self.output is not None and all(os.path.isfile(path) for path in targets)


@dataclass(frozen=True)
class Extra:
    """A kind of file to write for each input besides the beats.

    Attributes:
        kind: the attribute of `Job` for it.
        target: value of the option: a file, a folder, or a template with {name}.
        option: the option, for messages.
        suffix: suffix of the files in a folder.
        suffixes: suffixes that the user can choose from.
    """

    kind: Literal["click", "plot"]
    target: str
    option: str
    suffix: str
    suffixes: tuple[str, ...]


def output_name(place: str, suffix: str) -> Path:
    """Return the path of an output: the input's place with another suffix."""
    path = Path(place)
    return path.parent / (path.stem + suffix)


def chosen_format(format: Format | None, output: str | None) -> Format:
    """Return the format to write: the given one, or that of the output file's suffix, or `beats`.

    Raises:
        click.UsageError: if no format is given and the suffix belongs to none.
    """
    if format is not None:
        return format
    if output is None or output == STDIN or _is_folder(output):
        return "beats"
    try:
        return format_for(output)
    except SettingsError as error:
        raise click.UsageError(f"{error} (--format)") from error


def plan(
    sources: Sequence[Input],
    *,
    output: str | None,
    suffix: str,
    activations: str | None = None,
    extras: Sequence[Extra] = (),
    several: bool | None = None,
) -> list[Job]:
    """Return a job for each input, in order, and create the folders of `-o DIR` and `--activations DIR`.

    Inputs that differ only in their suffix keep it in the names of their outputs: `a.wav.beats` and
    `a.flac.beats`.

    Args:
        sources: inputs.
        output: value of -o.
        suffix: suffix of the files for beats.
        activations: value of --activations.
        extras: other files to write.
        several: whether these options are folders; None if that depends on the number of inputs.

    Raises:
        click.UsageError: if a folder is missing, a suffix is unknown, or an output would overwrite an input
            or another output.
    """
    several = len(sources) > 1 if several is None else several
    if output == STDIN and several:
        raise click.UsageError("only one file can go to standard output; give a folder with -o")
    outputs = _targets(sources, None if output == STDIN else output, suffix, "-o", several)
    if output is None and several:
        beside = [Path(source.path).parent / Path(source.place).name for source in sources]
        outputs = _distinct(beside, suffix)
    saved = _targets(sources, activations, ".npz", "--activations", several)
    jobs = [
        Job(source.path, None, problem=source.problem)
        if source.problem
        else Job(source.path, target, saved_to)
        for source, target, saved_to in zip(sources, outputs, saved, strict=True)
    ]
    for extra in extras:
        paths = _extra_targets(sources, extra, several)
        jobs = [
            job if job.problem else job.with_extra(extra.kind, path)
            for job, path in zip(jobs, paths, strict=True)
        ]
    _check_targets(jobs)
    for path, option in ((output, "-o"), (activations, "--activations")):
        if path is not None and path != STDIN:
            _prepare_folder(path, option, several=several)
    for extra in extras:
        _prepare_extra(extra, several=several)
    return jobs


def _targets(
    sources: Sequence[Input], target: str | None, suffix: str, option: str, several: bool
) -> Sequence[Path | None]:
    if target is None:
        return [None] * len(sources)
    if not several and not _is_folder(target):
        return [Path(target)]
    if os.path.exists(target) and not os.path.isdir(target):
        raise click.UsageError(f"{target} is a file; with several inputs, give a folder with {option}")
    return _distinct([Path(target) / source.place for source in sources], suffix)


def _extra_targets(sources: Sequence[Input], extra: Extra, several: bool) -> Sequence[Path | None]:
    target, suffix, is_template = extra.target, Path(extra.target).suffix, NAME in extra.target
    if not is_template and target != STDIN and (_is_folder(target) or (several and not suffix)):
        return _targets(sources, target, extra.suffix, extra.option, several)
    if suffix.lower() not in extra.suffixes:
        raise click.UsageError(
            f"{target}: unknown format; use one of {', '.join(extra.suffixes)} ({extra.option})"
        )
    if is_template:
        names = _distinct([Path(source.place) for source in sources], "")
        return [Path(target.replace(NAME, os.fspath(name))) for name in names]
    if several:
        raise click.UsageError(
            f"{target} is one file; with several inputs, give a folder or a template such as "
            f"'{NAME}{suffix}' with {extra.option}"
        )
    return [Path(target)]


def _prepare_extra(extra: Extra, *, several: bool) -> None:
    before, name, _ = extra.target.partition(NAME)
    if not name:
        _prepare_folder(extra.target, extra.option, several=several)
    elif os.path.dirname(before):
        _prepare_folder(os.path.dirname(before), extra.option, several=True)


def _distinct(inputs: Sequence[Path], suffix: str) -> list[Path]:
    """Replace the suffix of each path, or add the new one if paths would otherwise become equal."""
    names = [output_name(os.fspath(path), suffix) for path in inputs]
    times = Counter(os.path.normcase(name) for name in names)
    return [
        name if times[os.path.normcase(name)] == 1 else path.with_name(path.name + suffix)
        for path, name in zip(inputs, names, strict=True)
    ]


def _is_folder(target: str) -> bool:
    return target.endswith(("/", os.sep)) or os.path.isdir(target)


def _check_targets(jobs: Sequence[Job]) -> None:
    inputs = {_identity(Path(job.source)) for job in jobs if job.source != STDIN}
    makers: dict[object, str] = {}
    for job in jobs:
        for path in job.targets:
            identity = _identity(path)
            if identity in inputs:
                raise click.UsageError(f"{path} is an input and would be overwritten; choose another -o")
            if identity in makers:
                raise click.UsageError(f"{makers[identity]} and {job.source} would both be written to {path}")
            makers[identity] = job.source
    for job in jobs:
        for file, option in zip(job.files, ("--activations", "--click", "--plot"), strict=True):
            if file is not None and is_special(file):
                raise click.UsageError(f"{file} is not a file; give a file with {option}")


def _identity(path: Path) -> object:
    """Return a value that is equal for paths to the same file, such as links or other letter case."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path))
    # Some file systems have no inode numbers.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.normcase(os.path.realpath(path))


def _prepare_folder(target: str, option: str, *, several: bool) -> None:
    folder = Path(target) if several or _is_folder(target) else Path(target).parent
    if os.path.isdir(folder):
        return
    if folder != Path(target) or not os.path.isdir(folder.parent):
        raise click.UsageError(f"the folder of {option} {target} does not exist; create it first")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"the folder {target} cannot be created ({error.strerror})") from error
