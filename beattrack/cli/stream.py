"""`beattrack stream`: track the beats of live audio."""

from __future__ import annotations

import errno
import os
import stat
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import click

from beattrack.cli.inputs import STDIN
from beattrack.cli.options import all_options, chosen, whole_numbers
from beattrack.cli.report import label, prepared
from beattrack.runtime.progress import on_terminal

if TYPE_CHECKING:
    from io import BufferedReader

    from beattrack.live.display import Display
    from beattrack.live.output import Output
    from beattrack.live.pcm import RawFormat
    from beattrack.live.source import LiveSource

SAMPLE_FORMATS = ("s16le", "f32le")
RAW_OPTIONS = ("sample_rate", "channels", "sample_format")

_DEVICE = "Sound device to listen to: its number, its name or a part of it. [default: the system's]"
_LIST = "List the sound devices that can be listened to, and exit."
_JSON = "Print a JSON object per line instead of time, position and tempo."
_OSC = "Also send each beat as Open Sound Control messages over UDP."
_MIDI = "Also send MIDI clock to this output (its name or a part of it; virtual makes one)."
_CLICK = "Also play a click on each predicted beat, and FILE under the clicks."
_FAST = "Track FILE as fast as possible instead of at real speed."
_MODEL = "Shipped causal model (see `beattrack models`) or model file."
_RATE = "Raw PCM: sample rate in Hz."
_CHANNELS = "Raw PCM: number of interleaved channels. [default: 1]"
_SAMPLES = "Raw PCM: 16-bit integers or 32-bit floats. [default: s16le]"
_BEATS_PER_BAR = "Numbers of beats per bar to choose from, such as 3,4."

_decoder_options = all_options(
    click.option("--min-bpm", type=float, help="Slowest tempo to look for, in beats per minute."),
    click.option("--max-bpm", type=float, help="Fastest tempo to look for, in beats per minute."),
    click.option("--beats-per-bar", metavar="N,N", callback=whole_numbers, help=_BEATS_PER_BAR),
)


@click.command()
@click.argument("file", metavar="[FILE|-]", required=False)
@click.option("--device", metavar="NAME", help=_DEVICE)
@click.option("--list-devices", is_flag=True, help=_LIST)
@click.option("--json", "as_json", is_flag=True, help=_JSON)
@click.option("--osc", metavar="HOST:PORT", help=_OSC)
@click.option("--midi-clock", metavar="PORT", help=_MIDI)
@click.option("--click", "clicks", is_flag=True, help=_CLICK)
@click.option("--fast", is_flag=True, help=_FAST)
@click.option("--model", metavar="NAME|PATH", default="tcn-causal", show_default=True, help=_MODEL)
@_decoder_options
@click.option("--sample-rate", metavar="HZ", type=click.IntRange(1000, 768_000), help=_RATE)
@click.option("--channels", metavar="N", type=click.IntRange(1, 64), help=_CHANNELS)
@click.option("--sample-format", type=click.Choice(SAMPLE_FORMATS), help=_SAMPLES)
def stream(file: str | None, **options: Any) -> None:
    """Track the beats of live audio as it plays: a microphone, standard input (-) or a recording.

    Each beat is printed as soon as it is found, as its time in seconds, its position in the bar, 1 for the
    downbeat, and the tempo, separated by tabs. Ctrl-C ends it. Standard input is a WAV file, or raw PCM if
    its sample rate is given.
    """
    _check(file, options)
    with prepared():
        if options["list_devices"]:
            _list_devices()
        else:
            _track(file, options)


def _check(file: str | None, options: Mapping[str, Any]) -> None:
    """Raise click.UsageError for options that do not fit each other."""
    if file is not None and (options["device"] is not None or options["list_devices"]):
        raise click.UsageError("--device and --list-devices are for sound devices; leave out the file")
    raw = [name for name in RAW_OPTIONS if options[name] is not None]
    if raw and file is None:
        raise click.UsageError(f"{_flag(raw[0])} is for raw PCM from a file or standard input (-)")
    if raw and options["sample_rate"] is None:
        raise click.UsageError("raw PCM needs --sample-rate")
    if options["fast"]:
        if file is None or file == STDIN:
            raise click.UsageError("--fast is for files; other audio is used as fast as it comes")
        for name in ("midi_clock", "clicks"):
            if options[name]:
                raise click.UsageError(f"{_flag(name)} needs real time; leave out --fast")
    if file == STDIN and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("standard input is a terminal; pipe audio into it")


def _flag(name: str) -> str:
    return "--click" if name == "clicks" else f"--{name.replace('_', '-')}"


def _list_devices() -> None:
    from beattrack.errors import AudioError
    from beattrack.live.microphone import PURPOSE, described
    from beattrack.live.portaudio import devices

    found = devices("input", PURPOSE)
    if not found:
        raise AudioError("no sound device records on this machine")
    for device in found:
        click.echo(described(device))


def _track(file: str | None, options: Mapping[str, Any]) -> None:
    from beattrack.live.display import Display
    from beattrack.live.session import run
    from beattrack.streaming import StreamTracker

    display = Display(sys.stderr) if on_terminal() else None
    with ExitStack() as stack:
        stack.enter_context(_immediate_warnings(display, _called(file)))
        source = stack.enter_context(_source(file, options))
        tracker = StreamTracker(
            options["model"],
            sample_rate=source.sample_rate,
            channels=source.channels,
            **chosen(dict(options)),
        )
        source, outputs = _outputs(source, options, display, stack)
        if source.recorded:
            source = source.in_hops() if options["fast"] else source.in_real_time()
        run(source, tracker, outputs)


def _outputs(
    source: LiveSource, options: Mapping[str, Any], display: Display | None, stack: ExitStack
) -> tuple[LiveSource, list[Output]]:
    """Open the outputs, to be closed by `stack`, and return the source for them."""
    from beattrack.live.lines import BeatLines

    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed")
    shared_terminal = display is not None and sys.stdout.isatty()
    before = display.clear if display is not None and shared_terminal else None
    outputs: list[Output] = [BeatLines(sys.stdout, as_json=options["as_json"], before=before)]
    if options["osc"] is not None:
        from beattrack.live.osc import OscOutput

        outputs.append(OscOutput(options["osc"]))
        stack.callback(outputs[-1].close)
    if options["midi_clock"] is not None:
        from beattrack.live.midi_clock import MidiClock, open_port

        outputs.append(MidiClock(open_port(options["midi_clock"])))
        stack.callback(outputs[-1].close)
    if options["clicks"]:
        from beattrack.live.clicks import ClickOutput

        player = ClickOutput(source)
        source = player.source
        outputs.append(player)
        stack.callback(player.close)
    if display is not None:
        outputs.append(display)
        stack.callback(display.close)
    return source, outputs


@contextmanager
def _source(file: str | None, options: Mapping[str, Any]) -> Iterator[LiveSource]:
    """Open the microphone, standard input, a pipe or a file."""
    from beattrack.errors import AudioError
    from beattrack.live.files import recording
    from beattrack.live.microphone import microphone
    from beattrack.live.pcm import piped

    raw = _raw_format(options)
    if file is None:
        with microphone(options["device"]) as source:
            yield source
    elif file == STDIN:
        if sys.stdin is None:
            raise AudioError("standard input: is closed")
        yield piped(cast("BufferedReader", sys.stdin.buffer), "standard input", raw)
    elif raw is not None or _is_pipe(file):
        with open(file, "rb") as opened:
            yield replace(piped(opened, label(file), raw), recorded=not _is_pipe(file))
    else:
        with recording(file) as source:
            yield source


def _called(file: str | None) -> str:
    if file is None:
        return "microphone"
    return "standard input" if file == STDIN else label(file)


def _raw_format(options: Mapping[str, Any]) -> RawFormat | None:
    from beattrack.live.pcm import RawFormat

    given = {name: options[name] for name in RAW_OPTIONS if options[name] is not None}
    return RawFormat(**given) if given else None


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def _immediate_warnings(display: Display | None, name: str) -> Iterator[None]:
    """Print each warning about a source as one line on standard error when it is given."""
    told: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        text = text if text.startswith(name) else f"{name}: {text}"
        if text not in told:
            told.add(text)
            if display is not None:
                display.clear()
            click.echo(f"beattrack: warning: {text}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
