"""Pictures of the receptive field: of a stack of convolutions, and of the gradient of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from beattrack.errors import SettingsError
from beattrack.network.receptive_field import Gradient, StackSettings
from beattrack.plot.draw import BEAT, DOWNBEAT, INK, SOFT, save
from beattrack.plot.settings import PICTURES
from beattrack.plot.write import require_matplotlib
from beattrack.runtime.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH, DPI = 11.0, 100  # inches, dots per inch
MOST_DOTS, MOST_ROWS = 65, 8  # that can be told apart: frames in a row, convolutions above one another
MOST_MARKERS = 40
WIDE_RANGE = 300  # of a logarithmic axis, above which only the powers of ten are labelled
COLOURS = (SOFT, BEAT, DOWNBEAT)
BIN_SECONDS = 0.5  # the gradient varies from frame to frame; its mean over these is drawn

Curve: TypeAlias = tuple[str, str, float, Gradient]  # see `write_gradient_plot`


def check_picture(path: str | os.PathLike[str]) -> None:
    """Check that a picture can be drawn, before anything is computed.

    Raises:
        SettingsError: if the suffix of `path` is unknown.
        MissingExtraError: if matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in PICTURES:
        raise SettingsError(f"{os.fspath(path)}: unknown picture format; use one of {', '.join(PICTURES)}")
    require_matplotlib()


def write_stack_plot(settings: StackSettings, path: str | os.PathLike[str], *, fps: float) -> None:
    """Draw the frames that one output of a stack sees, and how they grow with its layers.

    The dots show as many layers as can be told apart.

    Args:
        settings: settings of the stack.
        path: file to write, whole or not at all: .png or .svg.
        fps: frames per second.

    Raises:
        SettingsError: if the suffix of `path` is unknown.
        MissingExtraError: if matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    check_picture(path)
    _write(_draw_stack(settings, fps), path)


def write_gradient_plot(gradients: Sequence[Curve], path: str | os.PathLike[str]) -> None:
    """Draw the gradient of a model over time, and its share within a distance from the output.

    Args:
        gradients: for each curve, what was measured, the name of the input, its frames per second, and the
            gradient with respect to it. Curves of one network have one colour.
        path: file to write, whole or not at all: .png or .svg.

    Raises:
        SettingsError: if the suffix of `path` is unknown.
        MissingExtraError: if matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    check_picture(path)
    _write(_draw_gradients(gradients), path)


def drawn_part(settings: StackSettings) -> StackSettings | None:
    """Return as many of the first layers of a stack as can be drawn as dots; None if not even one can."""
    most = min(settings.layers, MOST_ROWS)
    fewer = (replace(settings, layers=layers, stacks=1) for layers in range(most, 0, -1))
    fitting = (
        part
        for part in (settings, *fewer)
        if part.convolutions <= MOST_ROWS and part.field.frames <= MOST_DOTS
    )
    return next(fitting, None)


def seen(settings: StackSettings) -> list[list[int]]:
    """Return the frames of the input and of each convolution that the output at frame 0 depends on."""
    rows = [{0}]
    last = settings.kernel - 1 if settings.causal else settings.kernel // 2
    for dilation in reversed(settings.dilations):
        offsets = [(tap - last) * dilation for tap in range(settings.kernel)]
        rows.append({frame + offset for frame in rows[-1] for offset in offsets})
    return [sorted(row) for row in reversed(rows)]


def growth(settings: StackSettings) -> list[int]:
    """Return the receptive field in frames after each convolution."""
    return [1 + (settings.kernel - 1) * total for total in accumulate(settings.dilations)]


def _write(figure: Figure, path: str | os.PathLike[str]) -> None:
    with atomic_path(path) as temporary:
        save(figure, temporary, Path(path).suffix.lower()[1:])


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")


def _draw_stack(settings: StackSettings, fps: float) -> Figure:
    part = drawn_part(settings)
    if part is None:
        figure = _figure(4.0)
        _draw_growth(figure.subplots(), settings, fps)
        return figure
    dilated = settings.dilation > 1
    stacks = [part, part.plain()] if dilated else [part]
    height = 0.32 * (part.convolutions + 1) + 0.7
    figure = _figure(height * len(stacks) + 3.6)
    panels = figure.subplots(len(stacks) + 1, 1, height_ratios=[*[height] * len(stacks), 3.6])
    for panel, stack in zip(panels, stacks, strict=False):
        _draw_dots(panel, stack, part)
        panel.set_title(_dots_title(stack, settings), fontsize=10, color=INK, loc="left")
    panels[len(stacks) - 1].set_xlabel("frames from the output", fontsize=10, color=INK)
    _draw_growth(panels[-1], settings, fps)
    return figure


def _dots_title(stack: StackSettings, whole: StackSettings) -> str:
    kind = "plain" if stack.dilation == 1 else "dilated"
    part = stack.convolutions != whole.convolutions
    number = f"the first {stack.convolutions} of {whole.convolutions}" if part else f"{stack.convolutions}"
    one = whole.convolutions == 1
    return f"{kind}: {number} convolution{'' if one else 's'}; one output sees {stack.field.frames} frames"


def _draw_dots(axes: Axes, stack: StackSettings, widest: StackSettings) -> None:
    """Draw the frames of each layer as dots, and lines between those that the output depends on."""
    from matplotlib.collections import LineCollection

    rows = seen(stack)
    last = stack.kernel - 1 if stack.causal else stack.kernel // 2
    first_frame, last_frame = -widest.field.before - 1, widest.field.after + 1
    frames = np.arange(first_frame, last_frame + 1)
    size = 30 if len(frames) <= 40 else 14
    for level, row in enumerate(rows):
        axes.scatter(frames, np.full(len(frames), level), s=size / 3, color="#d5dbe1", zorder=2)
        ends = level in (0, len(rows) - 1)
        axes.scatter(row, [level] * len(row), s=size, color=DOWNBEAT if ends else BEAT, zorder=3)
    lines = [
        [(frame + (tap - last) * dilation, level), (frame, level + 1)]
        for level, dilation in enumerate(stack.dilations)
        for frame in rows[level + 1]
        for tap in range(stack.kernel)
    ]
    axes.add_collection(LineCollection(lines, colors=BEAT, linewidths=0.7, alpha=0.6, zorder=1))
    names = ["input", *(f"dilation {dilation}" for dilation in stack.dilations)]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xlim(first_frame - 0.5, last_frame + 0.5)
    _plain_frame(axes)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)


def _draw_growth(axes: Axes, settings: StackSettings, fps: float) -> None:
    """Draw the receptive field against the number of convolutions."""
    from matplotlib.ticker import MaxNLocator

    curves = [(settings, DOWNBEAT, f"dilation times {settings.dilation} per layer")] * (settings.dilation > 1)
    for stack, colour, name in [*curves, (settings.plain(), BEAT, "plain")]:
        values = growth(stack)
        marker = "o" if len(values) <= MOST_MARKERS else None
        axes.plot(range(1, len(values) + 1), values, color=colour, marker=marker, ms=4, lw=1.5, label=name)
        axes.annotate(
            f"{values[-1]} frames, {values[-1] / fps:.2f} s",
            (len(values), values[-1]),
            xytext=(-4, 7),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=colour,
        )
    axes.set_yscale("log")
    axes.margins(y=0.15)
    _label_decades(axes.yaxis, growth(settings)[-1])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"convolutions of kernel {settings.kernel}", fontsize=10, color=INK)
    axes.set_ylabel("receptive field (frames)", fontsize=10, color=INK)
    seconds = axes.secondary_yaxis(
        "right", functions=(lambda y: np.asarray(y, float) / fps, lambda y: np.asarray(y, float) * fps)
    )
    _label_decades(seconds.yaxis, growth(settings)[-1])
    seconds.set_ylabel(f"seconds at {fps:g} frames per second", fontsize=10, color=INK)
    seconds.tick_params(labelsize=9, color=SOFT, labelcolor=INK)
    seconds.spines["right"].set_color(SOFT)
    axes.legend(loc="upper left", fontsize=9, frameon=False)
    axes.grid(axis="y", color="#e3e7eb", lw=0.7)
    _plain_frame(axes)


def _label_decades(axis: Axis, largest: float) -> None:
    """Label a logarithmic axis with plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1,) if largest > WIDE_RANGE else (1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def _draw_gradients(gradients: Sequence[Curve]) -> Figure:
    figure = _figure(7.0)
    over_time, within = figure.subplots(2, 1)
    networks = list(dict.fromkeys(network for network, _, _, _ in gradients))
    views = list(dict.fromkeys(view for _, view, _, _ in gradients))
    for network, view, fps, gradient in gradients:
        style: dict[str, Any] = {
            "color": COLOURS[networks.index(network) % len(COLOURS)],
            "ls": "--" if views.index(view) else "-",
            "label": f"{network}: {view}",
        }
        times, sizes = _binned(gradient, fps)
        over_time.plot(times, sizes, lw=1, **style)
        reach = max(gradient.field.before, gradient.field.after, 1)
        distances = np.unique(np.geomspace(1, reach, 200).round())
        shares = [100 * gradient.share_within(distance) for distance in distances]
        within.plot(distances / fps, shares, lw=1.5, **style)
    over_time.set_yscale("log")
    over_time.set_xlabel("seconds from the output", fontsize=10, color=INK)
    over_time.set_ylabel("share of the gradient per second", fontsize=10, color=INK)
    within.set_xscale("log")
    within.set_ylim(0, 102)
    within.set_xlabel("largest distance from the output in seconds", fontsize=10, color=INK)
    within.set_ylabel("share of the gradient (%)", fontsize=10, color=INK)
    within.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    within.legend(fontsize=9, frameon=False, loc="upper left")
    for axes in (over_time, within):
        axes.grid(color="#e3e7eb", lw=0.7)
        _plain_frame(axes)
    return figure


def _binned(gradient: Gradient, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times from the output and the share of the gradient per second there, where it is not zero."""
    step = max(round(BIN_SECONDS * fps), 1)
    field = gradient.field
    sizes = gradient.sizes[gradient.output - field.before : gradient.output + field.after + 1]
    whole = sizes[: len(sizes) // step * step].reshape(-1, step).mean(axis=1)
    times = (np.arange(len(whole)) * step + (step - 1) / 2 - field.before) / fps
    return times, whole * fps / sizes.sum()


def _plain_frame(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(labelsize=9, color=SOFT, labelcolor=INK)
