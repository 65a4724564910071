"""`beattrack receptive-field`: how many frames of its input a network sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from beattrack.cli.report import collected_warnings, prepared

if TYPE_CHECKING:
    from beattrack.network.receptive_field import Gradient, StackSettings

_OF_A_STACK = ("kernel", "layers", "dilation", "stacks", "first_undilated", "causal", "fps")

_KERNEL = "Taps of each convolution; odd unless --causal is given."
_LAYERS = "Convolutions of a stack, with dilations 1, D, D^2, ... for --dilation D."
_DILATION = "Factor from the dilation of a layer to that of the next; 1 for a plain CNN."
_STACKS = "Number of such stacks after one another."
_FIRST = "One more convolution of dilation 1 before them."
_CAUSAL = "See past frames only."
_FPS = "Frames per second."
_MODEL = "Shipped model (see `beattrack models`) or model file, instead of a stack."
_CHECK = "Measure the same as a gradient, on the network's own layers (needs the extra train)."
_RECORDING = "With --model and --check, also measure on a recording, at a beat near its middle."
_PLOT = "Picture (.png, .svg): the frames that one output sees; with --model and --check, its gradient."


@click.command("receptive-field")
@click.option("--kernel", metavar="N", type=int, default=3, show_default=True, help=_KERNEL)
@click.option("--layers", metavar="N", type=int, default=11, show_default=True, help=_LAYERS)
@click.option("--dilation", metavar="N", type=int, default=2, show_default=True, help=_DILATION)
@click.option("--stacks", metavar="N", type=int, default=1, show_default=True, help=_STACKS)
@click.option("--first-undilated", is_flag=True, help=_FIRST)
@click.option("--causal", is_flag=True, help=_CAUSAL)
@click.option("--fps", metavar="NUMBER", type=float, default=100.0, show_default=True, help=_FPS)
@click.option("--model", metavar="NAME", help=_MODEL)
@click.option("--check", is_flag=True, help=_CHECK)
@click.option("--recording", metavar="FILE", help=_RECORDING)
@click.option("--plot", metavar="PATH", type=click.Path(path_type=Path), help=_PLOT)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.pass_context
def receptive_field(
    context: click.Context,
    /,
    model: str | None,
    check: bool,
    recording: str | None,
    plot: Path | None,
    as_json: bool,
    **stack: Any,
) -> None:
    """Show how many frames of its input one output of a network depends on.

    Either of a stack of convolutions whose dilation grows from layer to layer, or of a model (--model).
    """
    _check_options(context, model, check=check, recording=recording, plot=plot)
    with prepared():
        if plot is not None:
            from beattrack.plot.receptive_field import check_picture

            check_picture(plot)
        if check:
            _require("torch", *["onnx"] * (model is not None))
        if model is not None:
            from beattrack.cli.receptive_field_model import describe_model

            with collected_warnings() as warnings:
                record, text = describe_model(model, check=check, recording=recording, plot=plot)
            for warning in warnings:
                click.echo(f"beattrack: warning: {warning}", err=True)
        else:
            record, text = _describe_stack(stack, check=check, plot=plot)
    click.echo(json.dumps(record, indent=2, allow_nan=False) if as_json else text)
    if not record.get("check", {}).get("agrees", True):
        raise click.ClickException("the gradient and the formula disagree on the receptive field")


def _check_options(
    context: click.Context, model: str | None, *, check: bool, recording: str | None, plot: Path | None
) -> None:
    """Raise click.UsageError if options contradict each other."""
    given = [name for name in _OF_A_STACK if context.get_parameter_source(name) != ParameterSource.DEFAULT]
    if model is not None and given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{names} cannot be combined with --model, which has its own network")
    if recording is not None and not (model is not None and check):
        raise click.UsageError("--recording needs --model and --check")
    if model is not None and plot is not None and not check:
        raise click.UsageError("--plot of a model shows its gradient; add --check")


def _require(*packages: str) -> None:
    from beattrack.errors import MissingExtraError

    for package in packages:
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "train", "--check") from error


def _describe_stack(options: dict[str, Any], *, check: bool, plot: Path | None) -> tuple[dict[str, Any], str]:
    """Return the JSON object and the text about a stack of convolutions, after drawing it."""
    from beattrack.network.receptive_field import StackSettings
    from beattrack.runtime import checks

    fps = checks.between(0.001, 1_000_000)("fps", options["fps"])
    settings = StackSettings(**{name: value for name, value in options.items() if name != "fps"})
    record = _stack_record(settings, fps)
    lines = _stack_lines(settings, record)
    if check:
        from beattrack.network.gradient_check import measure_stack

        gradient = measure_stack(settings)
        field = gradient.field
        agrees = field == settings.field and (gradient.reached < field.frames) == settings.has_gaps
        record["check"] = {
            "frames": field.frames,
            "before": field.before,
            "after": field.after,
            "reached": gradient.reached,
            "agrees": agrees,
        }
        lines += ["", *_check_lines(settings, gradient, agrees)]
    if plot is not None:
        from beattrack.plot.receptive_field import write_stack_plot

        write_stack_plot(settings, plot, fps=fps)
    return record, "\n".join(lines)


def _check_lines(settings: StackSettings, gradient: Gradient, agrees: bool) -> list[str]:
    field = gradient.field
    blocks = "1 residual block" if settings.convolutions == 1 else f"{settings.convolutions} residual blocks"
    where = (
        f"all {field.frames}" if gradient.reached == field.frames else f"{gradient.reached} of {field.frames}"
    )
    return [
        f"Measured on beattrack's TCN, {blocks}: one output has a gradient at {where} frames",
        f"from {field.before} before it to {field.after} after it, {'' if agrees else 'not '}as calculated.",
    ]


def _stack_record(settings: StackSettings, fps: float) -> dict[str, Any]:
    field = settings.field
    return {
        "kernel": settings.kernel,
        "layers": settings.layers,
        "dilation": settings.dilation,
        "stacks": settings.stacks,
        "first_undilated": settings.first_undilated,
        "causal": settings.causal,
        "fps": fps,
        "formula": settings.formula,
        "has_gaps": settings.has_gaps,
        "before": field.before,
        "after": field.after,
        "seconds_before": field.before / fps,
        "seconds_after": field.after / fps,
        **_row(settings.convolutions, field.frames, settings.taps, fps),
        "compared": [
            {"name": name, **_row(convolutions, frames, taps, fps)}
            for name, convolutions, frames, taps in _compared(settings)
        ],
    }


def _row(convolutions: int, frames: int, taps: int, fps: float) -> dict[str, Any]:
    return {"convolutions": convolutions, "frames": frames, "seconds": frames / fps, "taps": taps}


def _compared(settings: StackSettings) -> list[tuple[str, int, int, int]]:
    """Return name, convolutions, frames and taps of networks without dilation, to compare a stack with."""
    frames, depth = settings.field.frames, settings.convolutions
    rows = []
    if settings.dilation > 1:
        plain = settings.plain()
        rows.append(("plain CNN, same depth", depth, plain.field.frames, plain.taps))
        if settings.first_undilated:
            fewer = settings.plain(depth - 1)
            rows.append((f"plain CNN, {depth - 1} layers", depth - 1, fewer.field.frames, fewer.taps))
        layers = settings.plain_equivalent
        rows.append(("plain CNN, same frames", layers, frames, settings.kernel * layers))
    return [*rows, ("one convolution", 1, frames, frames)]


def _stack_lines(settings: StackSettings, record: dict[str, Any]) -> list[str]:
    from beattrack.network.receptive_field import shortened

    count = settings.convolutions
    lines = [
        f"{count} convolution{'s' * (count > 1)} of kernel {settings.kernel}, "
        f"dilation {shortened(settings.dilations, ', ')}{', causal' * settings.causal}",
        "  formula  frames = 1 + (kernel - 1) * (sum of the dilations)",
        f"           {settings.formula}",
        f"  time     {record['seconds']:.2f} s at {record['fps']:g} frames per second: "
        f"{record['seconds_before']:.2f} s before a frame, {record['seconds_after']:.2f} s after it",
        f"  cost     {settings.taps} taps per output, {settings.kernel} for each convolution",
        *["  gaps     some frames in between are not seen; the dilation grows too fast"] * settings.has_gaps,
        "",
        _table_row("", "convolutions", "frames", "seconds", "taps"),
    ]
    for row in ({"name": "this stack", **record}, *record["compared"]):
        cells = (row["convolutions"], row["frames"], f"{row['seconds']:.2f}", row["taps"])
        lines.append(_table_row(row["name"], *cells))
    return lines


def _table_row(name: str, *cells: object) -> str:
    return f"{name:24}" + "".join(f"{cell!s:>{max(len(str(cell)) + 1, 13)}}" for cell in cells)
