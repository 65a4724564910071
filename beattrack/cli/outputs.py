"""The outputs of a command, planned and checked before any work is done."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import click

from beattrack.cli.inputs import STDIN, Input
from beattrack.errors import SettingsError
from beattrack.formats import Format, WriteOptions, format_for, format_info
from beattrack.runtime.files import is_special
from beattrack.runtime.remote import is_url

ExtraKind: TypeAlias = Literal["click", "plot", "page", "tempo_curve"]

NAME = "{name}"  # in a template: the name of the input without its suffix
ALTERNATIVE = ".alternative"  # in the names of files of the second reading
_TEMPLATE = NAME + "{suffix}"
_FILE_OPTIONS = ("--activations", "--click", "--plot", "--page", "--tempo-curve")  # of `Job.files`

_OUTPUTS = ("output", "activations", "click", "plot", "page", "tempo_curve", "further", "alternatives")


class Naming(Protocol):
    """How the output of an input is named."""

    def __call__(self, path: Path, *, whole: bool) -> Path:
        """Return the output for an input, by its `whole` name or by its name without the suffix."""
        ...


@dataclass(frozen=True)
class Job:
    """One input and its outputs.

    Attributes:
        source: the input, `-` for standard input.
        output: file for the beats; None for standard output.
        activations: file for the activations; None for none.
        further: formats after the first, and the files for them.
        problem: why the input cannot be read, if known.
        click: file for the click track; None for none.
        plot: file for the picture; None for none.
        page: file for the page; None for none.
        tempo_curve: file for the tempo curve; None for none.
        alternatives: formats of the second reading, and the files for them.
    """

    source: str
    output: Path | None
    activations: Path | None = None
    problem: str | None = None
    click: Path | None = None
    plot: Path | None = None
    page: Path | None = None
    tempo_curve: Path | None = None
    further: tuple[tuple[Format, Path], ...] = ()
    alternatives: tuple[tuple[Format, Path], ...] = ()

    @property
    def name(self) -> str | None:
        """The input as given; None for standard input."""
        return None if self.source == STDIN else self.source

    @property
    def targets(self) -> Iterator[Path]:
        """The files to write."""
        others = (path for _, path in (*self.further, *self.alternatives))
        return (path for path in (self.output, *self.files, *others) if path is not None)

    def with_alternatives(self, first: Format) -> Job:
        """Return this job with a file for the second reading beside each file for the beats."""
        if self.output is None:
            return self
        files = ((first, self.output), *self.further)
        named = tuple((format, alternative_name(path, format)) for format, path in files)
        return dataclasses.replace(self, alternatives=named)

    def moved(self, move: Callable[[Path], Path]) -> Job:
        """Return this job with other places of all its outputs.

        Args:
            move: returns the new place of an output.
        """

        def moved(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple((format, move(path)) for format, path in value)
            return None if value is None else move(value)

        return dataclasses.replace(self, **{name: moved(getattr(self, name)) for name in _OUTPUTS})

    def with_extra(self, kind: ExtraKind, path: Path | None) -> Job:
        """Return this job with another file to write."""
        changes: dict[str, Any] = {kind: path}
        return dataclasses.replace(self, **changes)

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files to write besides the beats."""
        return self.activations, self.click, self.plot, self.page, self.tempo_curve

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

    kind: ExtraKind
    target: str
    option: str
    suffix: str
    suffixes: tuple[str, ...]


def output_name(place: str, suffix: str) -> Path:
    """Return the path of an output: the input's place with another suffix."""
    path = Path(place)
    return path.parent / (path.stem + suffix)


def alternative_name(path: Path, format: Format) -> Path:
    """Return the file for the second reading beside that for the beats, such as song.alternative.beats."""
    suffix = format_info(format).suffix
    if not path.name.lower().endswith(suffix):
        suffix = path.suffix
    stem = path.name[: len(path.name) - len(suffix)]
    return path.with_name(f"{stem}{ALTERNATIVE}{path.name[len(stem) :]}")


def chosen_formats(
    formats: Sequence[Format], output: str | None, option: str = "--format"
) -> tuple[Format, ...]:
    """Return the formats to write: those given, each once, or that of the output file's suffix, or `beats`.

    Raises:
        click.UsageError: if no format is given and the suffix belongs to none.
    """
    if formats:
        return tuple(dict.fromkeys(formats))
    if output is None or output == STDIN or _is_folder(output):
        return ("beats",)
    try:
        return (format_for(output),)
    except SettingsError as error:
        raise click.UsageError(f"{error} ({option})") from error


def write_options(formats: Sequence[Format], options: Mapping[str, Any]) -> WriteOptions:
    """Return how to write times in these formats, from all values of a command.

    Raises:
        click.UsageError: if a format has no such units, or if an option applies to none of the formats.
    """
    infos = {format: format_info(format) for format in formats}
    for format, info in infos.items():
        if options["units"] not in info.units:
            raise click.UsageError(f"the format {format} has no --units {options['units']}")
    counted = {"rate"} if options["units"] in ("samples", "frames") else set()
    taken = counted.union(*(info.takes for info in infos.values()))
    for name in ("rate", "tolerance", "fps"):
        if options[name] is not None and name not in taken:
            raise click.UsageError(f"--{name} does not apply to the format {' or '.join(formats)}")
    tolerance = None if options["tolerance"] is None else options["tolerance"] / 1000
    try:
        return WriteOptions(
            units=options["units"], rate=options["rate"], tolerance=tolerance, fps=options["fps"]
        )
    except SettingsError as error:  # NaN, which no range of the command line excludes
        raise click.UsageError(str(error)) from error


def plan(
    sources: Sequence[Input],
    *,
    output: str | None,
    formats: Sequence[Format] = ("beats",),
    template: str | None = None,
    activations: str | None = None,
    extras: Sequence[Extra] = (),
    several: bool | None = None,
    alternatives: bool = False,
) -> list[Job]:
    """Return a job for each input, in order, and create the folders of `-o DIR` and `--activations DIR`.

    Inputs that differ only in their suffix keep it in the names of their outputs: `a.wav.beats` and
    `a.flac.beats`.

    Args:
        sources: inputs.
        output: value of -o.
        formats: formats of the beats. With several, -o is a folder.
        template: value of --name-template.
        activations: value of --activations.
        extras: other files to write.
        several: whether these options are folders; None if that depends on the number of inputs.
        alternatives: whether to write the second reading too.

    Raises:
        click.UsageError: if a folder is missing, a suffix is unknown, or an output would overwrite an input
            or another output.
    """
    several = len(sources) > 1 if several is None else several
    folder = several or len(formats) > 1
    if output == STDIN and folder:
        raise click.UsageError("only one file can go to standard output; give a folder with -o")
    if not folder and output in (None, STDIN) and format_info(formats[0]).binary and _to_terminal():
        raise click.UsageError(f"a terminal cannot show the format {formats[0]}; give a file with -o")
    if alternatives and not folder and output in (None, STDIN) and formats[0] != "json":
        raise click.UsageError(
            "--alternatives writes a second file; give one with -o, or --format json for both readings in one"
        )
    _check_template(template, output, used=folder or (output is not None and _is_folder(output)))
    columns = [_outputs(sources, output, _naming(format, template), folder) for format in formats]
    saved = _targets(sources, activations, _with_suffix(".npz"), "--activations", several)
    jobs = [
        _job(source, formats, targets, saved_to)
        for source, targets, saved_to in zip(sources, zip(*columns, strict=True), saved, strict=True)
    ]
    if alternatives:
        jobs = [job.with_alternatives(formats[0]) for job in jobs]
    for extra in extras:
        paths = _extra_targets(sources, extra, several)
        jobs = [
            job if job.problem else job.with_extra(extra.kind, path)
            for job, path in zip(jobs, paths, strict=True)
        ]
    _check_targets(jobs)
    for path, option, many in ((output, "-o", folder), (activations, "--activations", several)):
        if path is not None and path != STDIN:
            _prepare_folder(path, option, several=many)
    for extra in extras:
        _prepare_extra(extra, several=several)
    return jobs


def _job(
    source: Input, formats: Sequence[Format], targets: Sequence[Path | None], activations: Path | None
) -> Job:
    if source.problem:
        return Job(source.path, None, problem=source.problem)
    pairs = zip(formats[1:], targets[1:], strict=True)
    further = tuple((format, path) for format, path in pairs if path is not None)
    return Job(source.path, targets[0], activations, further=further)


def _outputs(
    sources: Sequence[Input], output: str | None, naming: Naming, several: bool
) -> Sequence[Path | None]:
    if output is None and several:
        if any(is_url(source.path) for source in sources):
            raise click.UsageError("the beats of URLs cannot be written beside them; give a folder with -o")
        return _distinct([Path(source.path).parent / Path(source.place).name for source in sources], naming)
    return _targets(sources, None if output == STDIN else output, naming, "-o", several)


def _naming(format: Format, template: str | None) -> Naming:
    """Return how to name the files of a format."""
    suffix = format_info(format).suffix

    def name(path: Path, *, whole: bool) -> Path:
        text = (template or _TEMPLATE).format(
            name=path.name if whole else path.stem, format=format, suffix=suffix
        )
        return path.parent / text

    return name


def _with_suffix(suffix: str) -> Naming:
    def name(path: Path, *, whole: bool) -> Path:
        return path.with_name(path.name + suffix) if whole else output_name(os.fspath(path), suffix)

    return name


def _check_template(template: str | None, output: str | None, *, used: bool) -> None:
    """Raise click.UsageError for a template that names no files, or that would not be used."""
    if template is None:
        return
    if not used:
        where = "standard output" if output in (None, STDIN) else output
        raise click.UsageError(
            f"--name-template names files in a folder, but the beats go to {where}; see -o"
        )
    try:
        text = template.format(name="name", format="format", suffix=".suffix")
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        fields = "{name}, {format} and {suffix}"
        raise click.UsageError(f"--name-template {template!r}: only {fields} have values") from error
    path = Path(text)
    if not path.name or path.is_absolute() or ".." in path.parts or text[-1] in f"/{os.sep}" or "\0" in text:
        raise click.UsageError(f"--name-template {template!r} gives no names of files in the output folder")


def _targets(
    sources: Sequence[Input], target: str | None, naming: Naming, option: str, several: bool
) -> Sequence[Path | None]:
    if target is None:
        return [None] * len(sources)
    if not several and not _is_folder(target):
        return [Path(target)]
    if os.path.exists(target) and not os.path.isdir(target):
        raise click.UsageError(f"{target} is a file; with several inputs, give a folder with {option}")
    return _distinct([Path(target) / source.place for source in sources], naming)


def _extra_targets(sources: Sequence[Input], extra: Extra, several: bool) -> Sequence[Path | None]:
    target, suffix, is_template = extra.target, Path(extra.target).suffix, NAME in extra.target
    if not is_template and target != STDIN and (_is_folder(target) or (several and not suffix)):
        return _targets(sources, target, _with_suffix(extra.suffix), extra.option, several)
    if suffix.lower() not in extra.suffixes:
        raise click.UsageError(
            f"{target}: unknown format; use one of {', '.join(extra.suffixes)} ({extra.option})"
        )
    if is_template:
        names = _distinct([Path(source.place) for source in sources], _with_suffix(""))
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


def _distinct(inputs: Sequence[Path], naming: Naming) -> list[Path]:
    """Name the output of each path, by its whole name if outputs would otherwise become equal."""
    names = [naming(path, whole=False) for path in inputs]
    times = Counter(os.path.normcase(name) for name in names)
    return [
        name if times[os.path.normcase(name)] == 1 else naming(path, whole=True)
        for path, name in zip(inputs, names, strict=True)
    ]


def _to_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


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
        for file, option in zip(job.files, _FILE_OPTIONS, strict=True):
            if file is not None and is_special(file):
                raise click.UsageError(f"{file} is not a file; give a file with {option}")


def check_list(path: Path | None, option: str, jobs: Sequence[Job], others: Sequence[Path]) -> None:
    """Check that a list which a command writes at its end is not one of its other files.

    Args:
        path: the list; None if there is none.
        option: its option.
        jobs: jobs of the command.
        others: other files that it reads.

    Raises:
        click.UsageError: if it is.
    """
    if path is None:
        return
    sources = (Path(job.source) for job in jobs if job.source != STDIN)
    targets = (target for job in jobs for target in job.targets)
    if _identity(path) in {_identity(other) for other in (*sources, *targets, *others)}:
        raise click.UsageError(f"{path} is another file of this command; choose another {option}")


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
