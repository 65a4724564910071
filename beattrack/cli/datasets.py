"""Options that say which annotated music to read, and the reading, shared by the commands for training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from beattrack.cli import downloads
from beattrack.runtime.progress import StatusLine, count, on_terminal

if TYPE_CHECKING:
    from beattrack.datasets.training import DatasetSpec, LoadedSongs

FOLDER = click.Path(path_type=Path, file_okay=False)

_DATASET = (
    "Annotated music, such as gtzan, folder:PATH or rendered:PATH; with @WEIGHT, its share of the crops "
    "beside the others. May be repeated."
)
_DATA_HOME = "Where the datasets are. [default: $BEATTRACK_DATA, then each dataset's usual place]"
_ANNOTATIONS = "Beat files of the dataset, where they are not in the data home."
_CACHE = "Keep the spectrograms of audio here. [default: the user's cache folder]"
_JOBS = "Processes that read audio. [default: all cores]"

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
    """Add the options that `load` reads."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def load(specs: Sequence[DatasetSpec | str], options: Mapping[str, Any], *, shown: bool) -> LoadedSongs:
    """Load the songs, saying on standard error what is read where `shown`; a usage error where none are."""
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
        )
    except DatasetError as error:
        raise click.UsageError(str(error)) from error


def _tell(sentence: str) -> None:
    StatusLine(shown=on_terminal()).clear()
    click.echo(sentence, err=True)
