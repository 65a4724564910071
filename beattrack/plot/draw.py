"""The picture: up to four panels above one another along the same time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beattrack.plot.columns import Columns
from beattrack.plot.marks import Float, clock, number_step, tempo_limits, time_step
from beattrack.result import Beats
from beattrack.spectrogram import SpectrogramSettings, filterbank
from beattrack.tempo import local_tempo, runs_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, DPI = 16.0, 110  # inches, dots per inch
PIXELS = 1600.0  # about the width of a panel
HEIGHTS = {"spectrogram": 3.4, "beats": 0.55, "activations": 1.5, "tempo": 1.4}
MARGIN = 1.3  # inches for title and axis

BEAT, DOWNBEAT = "#1f6f8b", "#d1541f"
INK, SOFT = "#2b333b", "#8a97a5"

# Between lines, below which they would hide what is behind.
BEAT_LINE_PIXELS, DOWNBEAT_LINE_PIXELS = 14.0, 36.0
TICK_PIXELS = 3.0  # between ticks, below which they would run together
DIGIT_PIXELS = 13.0  # between positions in the bar, to be readable
NUMBER_PIXELS = 34.0  # between bar numbers
DYNAMIC_RANGE = 3.0  # decades that the spectrogram's colours span
FREQUENCIES = (50, 100, 200, 500, 1000, 2000, 5000, 10000)  # Hz
TIME_LABELS = 16
DEFAULT_BEATS = 4  # in a bar, for the tempo curve if there are no bars


@dataclass(frozen=True, eq=False)
class Picture:
    """What to draw.

    Attributes:
        beats: beats of the recording.
        window: first and last second to show.
        spectrogram: magnitudes of the default spectrogram, (columns, bands), or None.
        activations: of beats, and of downbeats if there are any; None leaves the panel out.
    """

    beats: Beats
    window: tuple[float, float]
    spectrogram: Columns | None
    activations: tuple[Columns, Columns | None] | None

    @property
    def pixels_per_second(self) -> float:
        """Horizontal resolution, about."""
        return PIXELS / (self.window[1] - self.window[0])

    def shown(self, times: Float) -> Float:
        """Return the times inside the window."""
        return times[(times >= self.window[0]) & (times <= self.window[1])]

    def spacing(self, times: Float) -> float:
        """Return the median distance of times in pixels."""
        return float(np.median(np.diff(times))) * self.pixels_per_second if len(times) > 1 else PIXELS


def draw(picture: Picture) -> Figure:
    """Draw a picture."""
    # Figure by itself, not pyplot: no global state, no display.
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels: dict[str, Callable[[Axes, Picture], None]] = {
        "spectrogram": _draw_spectrogram,
        "beats": _draw_beats,
        "activations": _draw_activations,
        "tempo": _draw_tempo,
    }
    absent = {
        "spectrogram": picture.spectrogram is None,
        "beats": not any(
            _has_ticks(picture, times) for times in (picture.beats.times, picture.beats.downbeats)
        ),
        "activations": picture.activations is None,
    }
    names = [name for name in panels if not absent.get(name, False)]
    heights = [HEIGHTS[name] for name in names]
    layout = ConstrainedLayoutEngine(h_pad=0.02, hspace=0.02)
    figure = Figure(figsize=(WIDTH, sum(heights) + MARGIN), dpi=DPI, layout=layout)
    axes = figure.subplots(len(names), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for name, panel in zip(names, axes, strict=True):
        _prepare(panel)
        panels[name](panel, picture)
    axes[0].set_xlim(picture.window)
    _number_bars(axes[0], picture)
    _time_axis(axes[-1], picture)
    figure.suptitle(_title(picture.beats), x=0.01, ha="left", fontsize=12, color=INK, parse_math=False)
    return figure


def save(figure: Figure, path: Path, format: str) -> None:
    """Write a figure as `png` or `svg`; the same data give the same file."""
    from matplotlib import rc_context

    metadata: dict[str, Any] = {"Software": None} if format == "png" else {"Date": None, "Creator": None}
    with warnings.catch_warnings(), rc_context({"svg.hashsalt": "beattrack"}):
        # Names may hold letters that matplotlib's font lacks; boxes in a picture are no reason to warn.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(path, format=format, metadata=metadata)


def _prepare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(labelsize=9, color=SOFT, labelcolor=INK, labelbottom=False)


def _title(beats: Beats) -> str:
    name = "" if beats.file is None else Path(beats.file).name
    found = "no beats" if not len(beats) else f"{len(beats)} beats"
    tempo = "" if beats.bpm is None else f"{beats.bpm:.1f} BPM"
    metre = "" if beats.metre is None else f"{beats.metre} beats a bar"
    return "   ·   ".join(part for part in (name, tempo, metre, found) if part)


def _draw_spectrogram(axes: Axes, picture: Picture) -> None:
    columns = picture.spectrogram
    if columns is None:
        return
    centres = _centres()
    values = columns.values.T.astype(np.float64)
    loudest = float(np.quantile(values, 0.999)) if values.size else 0.0
    if loudest > 0:
        levels = np.log10(np.maximum(values / loudest, 10**-DYNAMIC_RANGE))
        axes.imshow(
            levels,
            extent=(columns.start, columns.end, -0.5, len(values) - 0.5),
            aspect="auto",
            origin="lower",
            cmap="Greys",
            vmin=-DYNAMIC_RANGE,
            vmax=0.0,
            interpolation="nearest",
        )
    axes.set_ylim(-0.5, len(centres) - 0.5)
    places = np.interp(FREQUENCIES, centres, np.arange(len(centres)))
    axes.set_yticks(places, [f"{f // 1000} kHz" if f >= 1000 else f"{f} Hz" for f in FREQUENCIES])
    _lines(axes, picture, alpha=0.65)


def _centres() -> Float:
    """Return the frequency in Hz at which each band is highest, shape (bands,)."""
    settings = SpectrogramSettings()
    highest: Float = filterbank(settings).argmax(axis=0).astype(np.float64)
    return highest * (settings.sample_rate / settings.frame_size)


def _lines(axes: Axes, picture: Picture, **style: Any) -> None:
    """Draw a line through a panel at each beat and downbeat, if they are far enough apart."""
    beats, downbeats = picture.shown(picture.beats.times), picture.shown(picture.beats.downbeats)
    place: dict[str, Any] = {"ymin": 0, "ymax": 1, "transform": axes.get_xaxis_transform()}
    if picture.spacing(beats) >= BEAT_LINE_PIXELS:
        axes.vlines(np.setdiff1d(beats, downbeats), color=BEAT, lw=0.8, **place, **style)
    if picture.spacing(downbeats) >= DOWNBEAT_LINE_PIXELS:
        axes.vlines(downbeats, color=DOWNBEAT, lw=1.2, **place, **style)


def _draw_beats(axes: Axes, picture: Picture) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("beats", rotation=0, ha="right", va="center", fontsize=10, color=INK)
    beats = picture.beats
    inside = (beats.times >= picture.window[0]) & (beats.times <= picture.window[1])
    times = beats.times[inside]
    spacing = picture.spacing(times)
    downbeats = picture.shown(beats.downbeats)
    if beats.positions is not None and spacing >= DIGIT_PIXELS:
        for time, position in zip(times, beats.positions[inside], strict=True):
            first = position == 1
            axes.text(
                time,
                0.5,
                str(position),
                ha="center",
                va="center",
                fontsize=10 if first else 9,
                fontweight="bold" if first else "normal",
                color=DOWNBEAT if first else BEAT,
                clip_on=True,
            )
        return
    if _has_ticks(picture, times):
        axes.vlines(np.setdiff1d(times, downbeats), 0.3, 0.7, color=BEAT, lw=0.9)
    if _has_ticks(picture, downbeats):
        axes.vlines(downbeats, 0.05, 0.95, color=DOWNBEAT, lw=1.1)


def _has_ticks(picture: Picture, times: Float) -> bool:
    """Return whether there are ticks to draw, and room for them."""
    shown = picture.shown(times)
    return len(shown) > 0 and picture.spacing(shown) >= TICK_PIXELS


def _draw_activations(axes: Axes, picture: Picture) -> None:
    if picture.activations is None:
        return
    for columns, colour, label in zip(
        picture.activations, (BEAT, DOWNBEAT), ("beat", "downbeat"), strict=True
    ):
        if columns is not None:
            times = columns.start + columns.seconds * np.arange(len(columns.values))
            axes.fill_between(times, columns.values, color=colour, alpha=0.3, lw=0)
            axes.plot(times, columns.values, color=colour, lw=0.9, label=label)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("activation", fontsize=10, color=INK)
    _legend(axes)
    _lines(axes, picture, alpha=0.3, zorder=0)


def _draw_tempo(axes: Axes, picture: Picture) -> None:
    beats = picture.beats
    tempi = local_tempo(beats.times, beats.metre or DEFAULT_BEATS)
    if beats.bpm is not None:
        axes.axhline(beats.bpm, color=SOFT, lw=1, ls="--", label=f"{beats.bpm:.1f} BPM")
    if np.isfinite(tempi).any():
        for number, run in enumerate(runs_of(beats.times)):  # no line across a pause
            label = "at each beat" if number == 0 else None
            axes.plot(beats.times[run], tempi[run], color=BEAT, lw=1.4, label=label)
        inside = (beats.times >= picture.window[0]) & (beats.times <= picture.window[1])
        axes.set_ylim(*tempo_limits(tempi[inside], beats.bpm))
        _legend(axes)
    axes.set_ylabel("tempo (BPM)", fontsize=10, color=INK)


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.97),
        ncols=2,
        fontsize=9,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
    )


def _number_bars(axes: Axes, picture: Picture) -> None:
    downbeats = picture.beats.downbeats
    inside = (downbeats >= picture.window[0]) & (downbeats <= picture.window[1])
    step = number_step(int(inside.sum()), round(PIXELS / NUMBER_PIXELS))
    style: dict[str, Any] = {
        "xycoords": axes.get_xaxis_transform(),
        "textcoords": "offset points",
        "fontsize": 9,
        "color": DOWNBEAT,
        "annotation_clip": False,
    }
    if inside.any():
        axes.annotate("bar", (picture.window[0], 1), xytext=(-6, 3), ha="right", **style)
    for index in np.flatnonzero(inside):
        if index % step == 0:
            axes.annotate(str(index + 1), (downbeats[index], 1), xytext=(0, 3), ha="center", **style)


def _time_axis(axes: Axes, picture: Picture) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    start, end = picture.window
    long = end > 60
    axes.tick_params(labelbottom=True)
    axes.xaxis.set_major_locator(MultipleLocator(time_step(end - start, TIME_LABELS)))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda seconds, _: clock(seconds) if long else f"{seconds:g}")
    )
    axes.set_xlabel("time (minutes:seconds)" if long else "time (s)", fontsize=10, color=INK)
