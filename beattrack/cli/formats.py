"""`beattrack formats`: the output formats."""

from __future__ import annotations

import click

from beattrack.formats import FORMAT_TABLE, FormatInfo


@click.command()
def formats() -> None:
    """List the output formats with what a file holds and a program that reads it."""
    width = max(map(len, FORMAT_TABLE))
    suffixes = max(len(info.suffix) for info in FORMAT_TABLE.values())
    for name, info in FORMAT_TABLE.items():
        click.echo(f"{name:<{width}}  {info.suffix:<{suffixes}}  {_description(info)}")


def _description(info: FormatInfo) -> str:
    units = f" Times in {', '.join(info.units)}." if len(info.units) > 1 else ""
    return f"{info.sentence} Read by {info.tool}.{units}"
