"""Plots over all files: outcomes by genre, distributions of scores, and comparisons of systems."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.aggregate import Summary
from beattrack.evaluation.diagnosis import FAULT_LABELS, Fault

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAULT_COLOURS: dict[Fault, str] = {
    "none": "#5aa469",
    "timing": "#a9d08e",
    "metre": "#e0b13c",
    "octave": "#e07a3f",
    "phase": "#c8415b",
    "tempo": "#8d5a97",
    "drift": "#7d8a97",
    "missed": "#39424e",
}
# Order in which the outcomes are stacked, from the best to the worst.
STACKED: tuple[Fault, ...] = ("none", "timing", "metre", "octave", "phase", "tempo", "drift", "missed")
SYSTEM_COLOURS = ("#8a97a5", "#1f6f8b", "#d1763f", "#7a5a9e", "#4f9160", "#b5485f")
BEATS_COLOUR, DOWNBEATS_COLOUR = "#1f6f8b", "#d1763f"
INK = "#39424e"
NO_GENRE = "all files"


def outcomes(groups: Mapping[str, Sequence[Fault]], path: Path) -> None:
    """Draw the share of each class of error in each group of files.

    Args:
        groups: classes of error of the files of each group, by name; the first group is drawn on top.
        path: PNG file to write.
    """
    names = list(groups)[::-1]
    figure, axes = _figure(11, 1.3 + 0.36 * len(names))
    left = np.zeros(len(names))
    for fault in STACKED:
        shares = np.asarray([groups[name].count(fault) / len(groups[name]) for name in names])
        if shares.any():
            axes.barh(
                names, shares, left=left, color=FAULT_COLOURS[fault], label=FAULT_LABELS[fault], height=0.75
            )
            counts = [groups[name].count(fault) for name in names]
            _numbers(axes, counts, left + shares / 2, shares)
        left += shares
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    _names(axes, [f"{name}  ({len(groups[name])})" for name in names])
    axes.legend(ncols=8, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=9, handlelength=1)
    save(figure, path)


@dataclass(frozen=True)
class Series:
    """Bars of one colour: the means of one metric by genre.

    Attributes:
        label: label in the legend.
        key: name of the metric.
        summaries: summary of each genre.
        colour: colour of the bars.
    """

    label: str
    key: str
    summaries: Mapping[str, Summary]
    colour: str


def genre_bars(series: Sequence[Series], path: Path) -> None:
    """Draw the means of each series for each genre, with bootstrap intervals."""
    genres = sorted({genre for one in series for genre in one.summaries})
    figure, axes = _figure(11, 3.4)
    width = 0.8 / len(series)
    for number, one in enumerate(series):
        places = np.arange(len(genres)) - 0.4 + width * (number + 0.5)
        means = [one.summaries[g].means.get(one.key) if g in one.summaries else None for g in genres]
        heights = np.asarray([np.nan if mean is None else mean.mean for mean in means])
        spread = np.asarray([[np.nan] * 2 if m is None else [m.mean - m.low, m.high - m.mean] for m in means])
        axes.bar(places, heights, width * 0.92, color=one.colour, label=_plain(one.label))
        axes.errorbar(places, heights, spread.T, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    axes.set_xticks(np.arange(len(genres)), genres)
    for tick in axes.get_xticklabels():
        tick.set_parse_math(False)
    axes.set_ylim(0, 1)
    axes.set_ylabel("F-measure")
    _legend(axes, len(series))
    save(figure, path)


def score_histogram(values: Mapping[str, NDArray[np.float64]], path: Path) -> None:
    """Draw a histogram of F-measures.

    Args:
        values: F-measures of shape (files,), by label.
        path: PNG file to write.
    """
    figure, axes = _figure(7.2, 3)
    colours = (BEATS_COLOUR, DOWNBEATS_COLOUR)
    axes.hist(
        list(values.values()),
        bins=np.linspace(0, 1, 21).tolist(),
        color=list(colours[: len(values)]),
        label=list(values),
    )
    axes.set_xlabel("F-measure")
    axes.set_ylabel("files")
    _legend(axes, len(values))
    save(figure, path)


def timing_histogram(errors_ms: NDArray[np.float64], path: Path) -> None:
    """Draw a histogram of timing errors in bins of 5 ms.

    Args:
        errors_ms: errors of all matched beats in milliseconds, shape (beats,).
        path: PNG file to write.
    """
    figure, axes = _figure(7.2, 3)
    axes.hist(errors_ms, bins=np.arange(-70.0, 75.0, 5.0).tolist(), color=BEATS_COLOUR)
    axes.axvline(0, color=INK, linewidth=1)
    if errors_ms.size:
        axes.axvline(float(errors_ms.mean()), color=DOWNBEATS_COLOUR, linewidth=1.5, linestyle="--")
    axes.set_xlabel("estimate minus annotation (ms): early to the left, late to the right")
    axes.set_ylabel("beats")
    save(figure, path)


def scatter(
    first: tuple[str, NDArray[np.float64]],
    second: tuple[str, NDArray[np.float64]],
    genres: Sequence[str],
    path: Path,
) -> None:
    """Draw each file as a dot whose coordinates are its scores in two systems.

    Args:
        first, second: name and scores of each system, shape (files,).
        genres: genre of each file.
        path: PNG file to write.
    """
    figure, axes = _figure(6.2, 5.6)
    axes.plot([0, 1], [0, 1], color="#aab4be", linewidth=1)
    names = list(dict.fromkeys(genres))
    palette = _palette(len(names))
    for name, colour in zip(names, palette, strict=True):
        inside = np.asarray([genre == name for genre in genres])
        axes.scatter(
            first[1][inside],
            second[1][inside],
            s=26,
            color=colour,
            alpha=0.8,
            label=_plain(name),
            linewidths=0,
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel(first[0], parse_math=False)
    axes.set_ylabel(second[0], parse_math=False)
    if len(names) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
    save(figure, path)


def _palette(count: int) -> list[Any]:
    from matplotlib import colormaps

    return [colormaps["tab10"](index % 10) for index in range(count)]


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    # Unlike pyplot, Figure needs no global state and no display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def _legend(axes: Axes, entries: int) -> None:
    if entries > 1:
        axes.legend(ncols=entries, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=9)


def _numbers(
    axes: Axes, counts: Sequence[int], middles: NDArray[np.float64], shares: NDArray[np.float64]
) -> None:
    for row, (count, middle, share) in enumerate(zip(counts, middles, shares, strict=True)):
        if share >= 0.03:
            axes.text(middle, row, str(count), ha="center", va="center", color="white", fontsize=9)


def _names(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)


def _plain(name: str) -> str:
    """Escape a name that matplotlib would read as mathematics or as a hidden label."""
    return name.replace("$", r"\$").lstrip("_") or "-"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    with warnings.catch_warnings():
        # matplotlib warns of letters that its font lacks, which names may contain.
        warnings.simplefilter("ignore", UserWarning)
        # The version of matplotlib is left out, so that the same data give the same file.
        figure.savefig(path, metadata={"Software": None})
