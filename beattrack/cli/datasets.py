"""Options for annotated music, shared by the commands for training, and the loading of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from beattrack.cli import downloads
from beattrack.runtime.progress import StatusLine, count, on_terminal

if TYPE_CHECKING:
    from beattrack.datasets.training import DatasetSpec, LoadedSongs

MEGABYTE = 1_000_000
FOLDER = click.Path(path_type=Path, file_okay=False)

_DATASET = (
    "Annotated music, such as gtzan, folder:PATH or rendered:PATH; @WEIGHT is its share of the crops, "
    "relative to the other datasets. May be repeated."
)
_DATA_HOME = "Folder of the datasets. [default: $BEATTRACK_DATA, then ~/mir_datasets]"
_ANNOTATIONS = "Folder of GTZAN's beat files, if they are not in the data home."
_CACHE = "Folder for the spectrograms of audio files. [default: the user's cache folder]"
_JOBS = "Number of processes that read audio. [default: all cores]"

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--dataset", "datasets", metavar="NAME[@WEIGHT]", multiple=True, help=_DATASET),
    click.option("--data-home", metavar="DIR", type=FOLDER, help=_DATA_HOME),
    click.option("--annotations", metavar="DIR", type=FOLDER, help=_ANNOTATIONS),
    click.option("--download", is_flag=True, help=downloads.HELP),
    click.option("--cache", metavar="DIR", type=FOLDER, help=_CACHE),
    click.option("--jobs", type=click.IntRange(min=1), help=_JOBS),
)


def dataset_options(function: Function) -> Function:
    """Add the options for `load` to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def load(specs: Sequence[DatasetSpec | str], options: Mapping[str, Any], *, shown: bool) -> LoadedSongs:
    """Load songs for training.

    Args:
        specs: datasets.
        options: values of `dataset_options`.
        shown: whether to print progress and problems on standard error.

    Raises:
        click.UsageError: if a dataset cannot be loaded.
    """
    from beattrack.datasets import DatasetError
    from beattrack.datasets.training import load_songs

    try:
        return load_songs(
            specs,
            data_home=options["data_home"],
            annotations=options["annotations"],
            cache=options["cache"],
            jobs=options["jobs"],
            progress=count("files analysed") if shown else None,
            tell=_tell if shown else None,
            download=downloads.leave(options["download"], shown=shown),
            pack_memory=None if options.get("pack_memory") is None else options["pack_memory"] * MEGABYTE,
        )
    except DatasetError as error:
        raise click.UsageError(str(error)) from error


def _tell(sentence: str) -> None:
    StatusLine(shown=on_terminal()).clear()
    click.echo(sentence, err=True)
