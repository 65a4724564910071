"""Where a run writes: decided, and refused, before any work is done."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from beattrack.files import atomic_write_text
from beattrack.writers import FORMATS, Format, writer_named

STDIN = "-"


@dataclass(frozen=True)
class Job:
    """One input, and the files it makes: `output` None is standard output, `activations` None is none."""

    source: str
    output: Path | None
    activations: Path | None = None

    @property
    def name(self) -> str | None:
        """The input's name as given, None for standard input."""
        return None if self.source == STDIN else self.source

    @property
    def targets(self) -> Iterator[Path]:
        """The files it writes."""
        return (path for path in (self.output, self.activations) if path is not None)


def output_name(source: str, suffix: str) -> str:
    """Name the output of an input: its name with the last suffix replaced; `stdin` for standard input."""
    return ("stdin" if source == STDIN else Path(source).stem) + suffix


def chosen_format(format: str | None, output: str | None) -> Format:
    """Give the format asked for, or the one that the suffix of the output file tells, or `beats`."""
    names: dict[str, Format] = {writer_named(name).suffix: name for name in FORMATS}
    if format is not None:
        return names[f".{format}"]
    return names.get(Path(output or "").suffix.lower(), "beats")


def plan(
    sources: Sequence[str], *, output: str | None, suffix: str, activations: str | None = None
) -> list[Job]:
    """Give one job for each input, in order, and make the folders of `-o DIR` and `--activations DIR`.

    Raises click.UsageError where a folder is missing, or a file would be written over another output or an
    input.
    """
    if output == STDIN and len(sources) > 1:
        raise click.UsageError("standard output can take one file; give -o a folder for several")
    outputs = _targets(sources, None if output == STDIN else output, suffix, "-o")
    if output is None and len(sources) > 1:
        outputs = [Path(source).parent / output_name(source, suffix) for source in sources]
    saved = _targets(sources, activations, ".npz", "--activations")
    jobs = [Job(*parts) for parts in zip(sources, outputs, saved, strict=True)]
    _check_targets(jobs)
    for path, option in ((output, "-o"), (activations, "--activations")):
        if path is not None and path != STDIN:
            _prepare_folder(path, option, several=len(sources) > 1)
    return jobs


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; a device or pipe, such as /dev/null, is written to, not replaced."""
    if _is_special(path):
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    else:
        # Through a link to its target, as any program writes.
        atomic_write_text(os.path.realpath(path), text)


def _targets(sources: Sequence[str], target: str | None, suffix: str, option: str) -> list[Path | None]:
    if target is None:
        return [None] * len(sources)
    if len(sources) == 1 and not _is_folder(target):
        return [Path(target)]
    if os.path.exists(target) and not os.path.isdir(target):
        raise click.UsageError(f"{target} is a file; with several inputs {option} takes a folder")
    return [Path(target) / output_name(source, suffix) for source in sources]


def _is_folder(target: str) -> bool:
    return target.endswith(("/", os.sep)) or os.path.isdir(target)


def _is_special(path: Path) -> bool:
    return os.path.exists(path) and not os.path.isfile(path)


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
        if job.activations is not None and _is_special(job.activations):
            raise click.UsageError(f"{job.activations} is no file; activations go into one")


def _identity(path: Path) -> object:
    """Tell a file whatever its name: links and letter case lead to the same one."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path))
    # Some file systems number no files.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.normcase(os.path.realpath(path))


def _prepare_folder(target: str, option: str, *, several: bool) -> None:
    folder = Path(target) if several or _is_folder(target) else Path(target).parent
    if os.path.isdir(folder):
        return
    if folder != Path(target) or not os.path.isdir(folder.parent):
        raise click.UsageError(f"the folder of {option} {target} does not exist; make it first")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"the folder {target} cannot be made ({error.strerror})") from error
