"""A click group that imports a command only when it runs, and reports every failure in one line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, NamedTuple

import click

from beattrack.runtime import signals
from beattrack.runtime.signals import EXIT_SIGNAL as EXIT_SIGNAL
from beattrack.runtime.signals import Terminated as Terminated

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # the exit code of programs ended by Ctrl-C


class Command(NamedTuple):
    """The location of a command in the package, and its one-line help."""

    module: str
    attribute: str
    help: str


class LazyGroup(click.Group):
    """A group of commands that are imported when they are needed."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, Command], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in order."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of this name."""
        if cmd_name not in self._lazy:
            return None
        entry = self._lazy[cmd_name]
        command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.{entry.attribute} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands with their stored help, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self._lazy.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit with 0, 1 (failure), 2 (usage error), 130 (Ctrl-C) or 128 + signal (terminated)."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            with _signals():
                result = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "beattrack"
            message = error.format_message().rstrip(".")
            click.echo(f"beattrack: {message} (see `{path} --help`)", err=True)
            result = EXIT_USAGE
        except click.ClickException as error:
            click.echo(f"beattrack: {error.format_message()}", err=True)
            result = EXIT_FAILURE
        except click.Abort:
            result = EXIT_INTERRUPTED
        sys.exit(result if isinstance(result, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; report Ctrl-C in one line, and end silently if the reader of a pipe has exited."""
        try:
            return super().invoke(ctx)
        except Terminated as error:
            click.echo("beattrack: terminated", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("beattrack: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            # Python flushes standard output again when it exits, which would fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


def _signals() -> AbstractContextManager[None]:
    """Turn the signals that end a program into exceptions that clean up, or end it if that takes too long."""
    endings = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers: dict[int, signals.Handler] = dict.fromkeys(endings, _terminate)
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        handlers[signal.SIGINT] = signal.default_int_handler
    return signals.handled(handlers, last_words=_last_words)


def _terminate(number: int, frame: object) -> None:
    raise Terminated(number)


def _last_words(number: int) -> None:
    click.echo(f"beattrack: {'interrupted' if number == signal.SIGINT else 'terminated'}", err=True)
