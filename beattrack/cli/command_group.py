"""A click group that imports a command when it runs, and ends every way of failing in one line."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # as a shell reports a program ended by Ctrl-C
EXIT_SIGNAL = 128  # to which the number of the signal is added


class Terminated(KeyboardInterrupt):
    """The program was told to end, as by `kill`; all that Ctrl-C cleans up is cleaned up for this too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = EXIT_SIGNAL + number


class Command(NamedTuple):
    """Where a command lies, and its help in one line."""

    module: str
    attribute: str
    help: str


class LazyGroup(click.Group):
    """A group of commands by name, imported when asked for."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, Command], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in their order."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        if cmd_name not in self._lazy:
            return None
        entry = self._lazy[cmd_name]
        command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.{entry.attribute} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the stored help, so that none is imported."""
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
        """Run, and exit with 0, 1 (something failed), 2 (usage error) or 130 (interrupted)."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            with _terminations():
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
        """Run the command; Ctrl-C ends it in one line, a reader that has gone away (`| head`) quietly."""
        try:
            return super().invoke(ctx)
        except Terminated as error:
            click.echo("beattrack: terminated", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("beattrack: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            # Python flushes standard output once more at its end; let that go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@contextmanager
def _terminations() -> Iterator[None]:
    """Turn the signals that end a program into Terminated; Python allows it in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    # One that is ignored, as by nohup, stays so.
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, _terminate) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: object) -> None:
    raise Terminated(number)
