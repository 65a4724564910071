"""The picture of one file: spectrogram, activations, annotated and detected beats over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.alignment import match_beats
from beattrack.evaluation.report.plots import save
from beattrack.formats.readers import BeatSequence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from beattrack.activations import Activations

WINDOW_SECONDS = 30.0
# Recordings up to this length are shown whole.
WHOLE_SECONDS = 40.0
STRIP_SECONDS = 10.0
WIDTH_INCHES = 12.0
SPECTROGRAM_INCHES, ACTIVATIONS_INCHES, ROW_INCHES, GAP_INCHES = 1.5, 0.7, 0.27, 0.42
CHARACTER_INCHES, LABEL_CHARACTERS = 0.075, 26
FOUND, WRONG, ANNOTATED = "#1f6f8b", "#d1561f", "#39424e"


@dataclass(frozen=True)
class Row:
    """One row of beats.

    Attributes:
        label: label of the row.
        beats: beats to draw.
        wrong: whether each beat is an error, shape (beats,).
    """

    label: str
    beats: BeatSequence
    wrong: NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """Part of a recording; `start` and `length` are in seconds."""

    start: float
    length: float


def rows_of(reference: BeatSequence, estimates: Sequence[tuple[str, BeatSequence]]) -> list[Row]:
    """Return a row of the annotated beats and one of each estimate, with errors marked.

    Errors are detected beats without a match and, if there is only one estimate, annotated beats that it
    missed.

    Args:
        reference: annotated beats.
        estimates: (label, beats) of each estimate.
    """
    rows = []
    missed = np.zeros(reference.times.size, dtype=bool)
    for label, estimate in estimates:
        in_reference, in_estimate = match_beats(reference.times, estimate.times)
        wrong = np.ones(estimate.times.size, dtype=bool)
        wrong[in_estimate] = False
        if len(estimates) == 1:
            missed[:] = True
            missed[in_reference] = False
        rows.append(Row(label, estimate, wrong))
    return [Row("annotated", reference, missed), *rows]


def choose_window(rows: Sequence[Row]) -> Window:
    """Return the window to draw: all of a recording up to 40 s, else the 30 s with the most errors."""
    times = np.concatenate([row.beats.times for row in rows])
    end = float(times.max(initial=0.0)) + 1.0
    if end <= WHOLE_SECONDS:
        return Window(0.0, end)
    wrong = np.sort(np.concatenate([row.beats.times[row.wrong] for row in rows]))
    if wrong.size == 0:
        return Window(0.0, WINDOW_SECONDS)
    inside = np.searchsorted(wrong, wrong + WINDOW_SECONDS - 1.0) - np.arange(wrong.size)
    start = max(float(wrong[int(inside.argmax())]) - 0.5, 0.0)
    return Window(min(start, end - WINDOW_SECONDS), WINDOW_SECONDS)


def draw(
    rows: Sequence[Row],
    window: Window,
    path: Path,
    *,
    spectrogram: NDArray[np.float32] | None = None,
    activations: Activations | None = None,
) -> None:
    """Draw a window of a recording in strips of 10 s, one below the other.

    Args:
        rows: rows of beats, the annotated ones first.
        window: part to draw.
        path: PNG file to write.
        spectrogram: magnitudes of the window, shape (frames, bands); None draws none.
        activations: activations of the whole recording; None draws none.
    """
    from matplotlib.figure import Figure

    strips = _strips(window)
    with_activations = ACTIVATIONS_INCHES if activations is not None else 0.0
    with_spectrogram = SPECTROGRAM_INCHES if spectrogram is not None else 0.0
    row_inches = ROW_INCHES * len(rows)
    strip_inches = with_spectrogram + with_activations + row_inches + GAP_INCHES
    height = strip_inches * len(strips)
    left = 0.1 + CHARACTER_INCHES * max(len(_short(row.label)) for row in rows)
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=110)

    def panel(top: float, inches: float, strip: Window) -> Axes:
        # matplotlib's automatic layout takes seconds for so many panels.
        place = (
            left / WIDTH_INCHES,
            1 - (top + inches) / height,
            1 - (left + 0.2) / WIDTH_INCHES,
            inches / height,
        )
        return _bare(figure.add_axes(place), strip)

    for number, strip in enumerate(strips):
        top = number * strip_inches + 0.04
        if spectrogram is not None:
            _draw_spectrogram(panel(top, with_spectrogram, strip), spectrogram, window, strip, rows[0].beats)
        if activations is not None:
            _draw_activations(panel(top + with_spectrogram, with_activations, strip), activations, strip)
        _draw_rows(panel(top + with_spectrogram + with_activations, row_inches, strip), rows, strip)
    save(figure, path)


def _strips(window: Window) -> list[Window]:
    count = max(round(window.length / STRIP_SECONDS), 1)
    length = window.length / count
    return [Window(window.start + number * length, length) for number in range(count)]


def _draw_spectrogram(
    axes: Axes, spectrogram: NDArray[np.float32], window: Window, strip: Window, reference: BeatSequence
) -> None:
    rate = spectrogram.shape[0] / window.length
    first = round((strip.start - window.start) * rate)
    part = spectrogram[first : first + round(strip.length * rate)]
    if part.size:
        # Scaled by the whole window, so that strips are comparable.
        image = np.log1p(100 * part.T / max(float(np.quantile(spectrogram, 0.995)), 1e-9))
        end = strip.start + part.shape[0] / rate
        axes.imshow(
            image,
            origin="lower",
            aspect="auto",
            cmap="Greys",
            extent=(strip.start, end, 0, 1),
            vmin=0,
            vmax=np.log1p(100),
            interpolation="nearest",
        )
    axes.vlines(reference.times, 0, 1, colors=ANNOTATED, linewidth=0.6, linestyles=(0, (2, 3)))
    axes.set_xlim(strip.start, strip.start + strip.length)
    axes.set_ylim(0, 1)


def _draw_activations(axes: Axes, activations: Activations, strip: Window) -> None:
    frames = np.arange(activations.beats.size) / activations.fps
    inside = (frames >= strip.start) & (frames <= strip.start + strip.length)
    axes.fill_between(frames[inside], activations.beats[inside], color="#9ec5d3", linewidth=0)
    if activations.downbeats is not None:
        axes.plot(frames[inside], activations.downbeats[inside], color="#b0701c", linewidth=0.9)
    axes.set_ylim(0, 1.05)


def _draw_rows(axes: Axes, rows: Sequence[Row], strip: Window) -> None:
    end = strip.start + strip.length
    for number, row in enumerate(rows):
        top = len(rows) - number
        right = ANNOTATED if number == 0 else FOUND
        colours = np.where(row.wrong, WRONG, right)
        shown = (row.beats.times >= strip.start) & (row.beats.times <= end)
        down = shown & (row.beats.positions == 1) if row.beats.positions is not None else np.zeros_like(shown)
        plain = shown & ~down
        axes.vlines(
            row.beats.times[plain], top - 0.72, top - 0.28, colors=colours[plain].tolist(), linewidth=1.6
        )
        axes.vlines(row.beats.times[down], top - 0.95, top - 0.05, colors=colours[down].tolist(), linewidth=3)
    axes.set_ylim(0, len(rows))
    axes.set_yticks(np.arange(len(rows)) + 0.5, [_short(row.label) for row in reversed(rows)], fontsize=9)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks(np.arange(np.ceil(strip.start), end + 0.01))
    axes.tick_params(axis="x", labelsize=8, labelbottom=True, length=3)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} s")
    axes.hlines(np.arange(1, len(rows)), strip.start, end, color="#dfe5eb", linewidth=0.8)


def _short(label: str) -> str:
    return (
        label if len(label) <= LABEL_CHARACTERS else f"{label[: LABEL_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def _bare(axes: Axes, strip: Window) -> Axes:
    axes.set_xlim(strip.start, strip.start + strip.length)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes
