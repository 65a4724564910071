"""`beattrack pack`: from annotated music to a feature pack, small enough to move to another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.datasets import FOLDER, MEGABYTE, dataset_options, load
from beattrack.cli.report import prepared
from beattrack.runtime.progress import count

if TYPE_CHECKING:
    from beattrack.datasets.training import LoadedSongs


_SHARDS = "Write files of about this size with many songs each, from which training reads ranges of bytes."


@click.command()
@click.argument("out", metavar="OUT", type=FOLDER)
@dataset_options
@click.option("--shard-size", metavar="MB", type=click.FloatRange(min=0, min_open=True), help=_SHARDS)
@click.option("--quiet", is_flag=True, help="Print only errors on standard error.")
def pack(out: Path, **options: Any) -> None:
    """Write annotated music as a feature pack, which `train` reads without the audio.

    \b
    beattrack pack songs --dataset rendered:music        about 9 MB per hour
    beattrack train --dataset pack:songs                 on any machine

    A pack is derived from the recordings. Share it only if their licences, which it lists, allow that.
    """
    with prepared():
        _pack(out, options)


def _pack(out: Path, options: dict[str, Any]) -> None:
    from beattrack.datasets.base import DatasetError
    from beattrack.datasets.pack import check_free, write_pack
    from beattrack.errors import SettingsError

    shown = not options["quiet"]
    if not options["datasets"]:
        raise SettingsError("no dataset given; use --dataset NAME, such as --dataset rendered:PATH")
    try:
        check_free(out)
        loaded = load(options["datasets"], options, shown=shown)
        size = options["shard_size"]
        write_pack(
            out,
            loaded.songs,
            shard_bytes=None if size is None else round(size * MEGABYTE),
            progress=count("songs packed") if shown else None,
        )
    except DatasetError as error:
        raise click.UsageError(str(error)) from error
    if shown:
        click.echo(_summary(out, loaded), err=True)


def _summary(out: Path, loaded: LoadedSongs) -> str:
    hours = sum(song.seconds for song in loaded.songs) / 3600
    size = sum(file.stat().st_size for file in out.rglob("*") if file.suffix in (".xz", ".bin")) / MEGABYTE
    return f"{out}: {len(loaded.songs)} songs, {hours:.1f} h, {size:.1f} MB"
