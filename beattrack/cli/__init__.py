"""The command line: thin commands over the library.

This module and those of the commands import little beside click, so that help, version and usage errors are
printed at once. Each command imports what it needs when it runs.
"""

from __future__ import annotations

import click

from beattrack.cli.command_group import Command, LazyGroup
from beattrack.version import __version__

COMMANDS = {
    "predict": Command("beattrack.cli.predict", "predict", "Track the beats of audio files."),
    "stream": Command("beattrack.cli.stream", "stream", "Track the beats of live audio."),
    "decode": Command("beattrack.cli.decode", "decode", "Track beats from saved activations."),
    "convert": Command("beattrack.cli.convert", "convert", "Write beat files of any tool in another format."),
    "formats": Command("beattrack.cli.formats", "formats", "List the output formats."),
    "models": Command("beattrack.cli.models", "models", "List the shipped models."),
    "receptive-field": Command(
        "beattrack.cli.receptive_field", "receptive_field", "How much of its input a network sees."
    ),
    "eval": Command("beattrack.cli.eval", "eval_command", "Score predictions against annotations."),
    "render": Command("beattrack.cli.render", "render", "Render training music with exact beats."),
    "pack": Command("beattrack.cli.pack", "pack", "Write annotated music as a feature pack."),
    "train": Command("beattrack.cli.train", "train", "Train a network on annotated music."),
    "export": Command("beattrack.cli.export", "export", "Turn a training run into a model file."),
}


@click.group(cls=LazyGroup, commands_by_name=COMMANDS, invoke_without_command=True)
@click.version_option(__version__, prog_name="beattrack", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Beats, downbeats and tempo of any recording.

    \b
    beattrack predict song.flac               beats on standard output
    beattrack predict -o beats/ *.flac        one .beats file per recording
    beattrack COMMAND --help                  help for a command
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)
