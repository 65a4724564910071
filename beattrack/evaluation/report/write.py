"""Writers of reports: the overview of a run or comparison, its plots and the pages of its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beattrack.evaluation.alignment import timing_errors
from beattrack.evaluation.compare import Comparison, paired, shared_scores
from beattrack.evaluation.diagnosis import Fault
from beattrack.evaluation.report import html, plots, sections
from beattrack.evaluation.report.files import ActivationsOf, Compared, write_pages
from beattrack.evaluation.results import Run
from beattrack.evaluation.score import FileScore

INDEX = "index.html"


def write_run(run: Run, folder: Path, *, worst: int = 10, activations: ActivationsOf | None = None) -> Path:
    """Write the report of a run.

    Args:
        run: run to report.
        folder: folder to write to, created if needed.
        worst: number of worst files, which get a page each.
        activations: function that computes the activations of an audio file, to be drawn; None draws none.

    Returns:
        Path of the overview page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = run.worst(worst)
    addresses = write_pages(
        [Compared(((run.name, score),)) for score in chosen], folder, activations=activations
    )
    _draw_run(run, folder)
    body = [
        *sections.heading_of(run),
        *sections.findings_of(run),
        sections.cards_of(run),
        *sections.outcomes_of(run),
        *sections.worst_files(chosen, addresses),
        *sections.distributions(run),
        *sections.all_numbers(run),
        *sections.all_files(run, addresses),
        *sections.remarks(run),
    ]
    return _write_index(folder, f"{run.name} on {run.dataset}", body)


def write_comparison(comparison: Comparison, runs: Sequence[Run], folder: Path, *, worst: int = 10) -> Path:
    """Write the report of a comparison.

    Args:
        comparison: comparison of `runs`.
        runs: the compared runs.
        folder: folder to write to, created if needed.
        worst: number of files to write a page for, those on which the systems differ most.

    Returns:
        Path of the overview page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [comparison.baseline, *(system.name for system in comparison.systems)]
    scores = shared_scores(runs)
    changed = _most_changed(scores, worst)
    entries = [
        Compared(tuple((name, own[index]) for name, own in zip(names, scores, strict=True)))
        for index in changed
    ]
    addresses = write_pages(entries, folder)
    _draw_comparison(names, scores, runs, folder)
    body = [
        *sections.comparison_heading(comparison),
        *sections.comparison_tables(comparison),
        *sections.comparison_plots(comparison, with_genres=any(score.genre for score in scores[0])),
        *sections.changed_files(entries, addresses),
    ]
    return _write_index(folder, f"{', '.join(names)} on {comparison.dataset}", body)


def _write_index(folder: Path, title: str, body: Sequence[str]) -> Path:
    index = folder / INDEX
    index.write_text(html.page(title, body), encoding="utf-8")
    return index


def _draw_run(run: Run, folder: Path) -> None:
    plots.outcomes(_faults_by_genre(run.scores), folder / sections.OUTCOMES)
    genres = run.genres
    if len(genres) > 1:
        beats = plots.Series("beats", "beats.f_measure", genres, plots.BEATS_COLOUR)
        downbeats = plots.Series("downbeats", "downbeats.f_measure", genres, plots.DOWNBEATS_COLOUR)
        with_bars = any("downbeats.f_measure" in summary.means for summary in genres.values())
        plots.genre_bars([beats, downbeats] if with_bars else [beats], folder / "genres.png")
    scored = {group: _values(run.scores, f"{group}.f_measure") for group in ("beats", "downbeats")}
    if scored["beats"].size:
        shown = {name: values for name, values in scored.items() if values.size}
        plots.score_histogram(shown, folder / "scores.png")
        plots.timing_histogram(_timing(run), folder / "timing.png")


def _draw_comparison(
    names: Sequence[str], scores: Sequence[Sequence[FileScore]], runs: Sequence[Run], folder: Path
) -> None:
    by_system = zip(names, scores, strict=True)
    plots.outcomes({name: _faults(own) for name, own in by_system}, folder / sections.OUTCOMES)
    for group in ("beats", "downbeats"):
        key = f"{group}.f_measure"
        for number, name in enumerate(names[1:], 1):
            first, second = paired(scores[0], scores[number], key)
            both = zip(scores[0], scores[number], strict=True)
            genres = [a.genre or plots.NO_GENRE for a, b in both if key in a.values and key in b.values]
            if first.size:
                target = folder / sections.scatter_name(group, number)
                plots.scatter((names[0], first), (name, second), genres, target)
        if any(score.genre for score in scores[0]):
            series = [
                plots.Series(name, key, run.genres, plots.SYSTEM_COLOURS[number % len(plots.SYSTEM_COLOURS)])
                for number, (name, run) in enumerate(zip(names, runs, strict=True))
                if key in run.summary.means
            ]
            if series:
                plots.genre_bars(series, folder / f"genres-{group}.png")


def _faults(scores: Sequence[FileScore]) -> list[Fault]:
    return [score.diagnosis.fault for score in scores]


def _faults_by_genre(scores: Sequence[FileScore]) -> dict[str, list[Fault]]:
    """Return the faults of the files of each genre, sorted by the share of correct files, highest first."""
    genres: dict[str, list[FileScore]] = {}
    for score in scores:
        genres.setdefault(score.genre or plots.NO_GENRE, []).append(score)
    groups = {genre: _faults(own) for genre, own in genres.items()}
    return dict(sorted(groups.items(), key=lambda group: -group[1].count("none") / len(group[1])))


def _values(scores: Sequence[FileScore], key: str) -> NDArray[np.float64]:
    return np.asarray([score.values[key] for score in scores if key in score.values])


def _timing(run: Run) -> NDArray[np.float64]:
    errors = [timing_errors(score.item.reference.times, score.item.estimate.times) for score in run.scores]
    return np.concatenate(errors) * 1000 if errors else np.zeros(0)


def _most_changed(scores: Sequence[Sequence[FileScore]], count: int) -> list[int]:
    """Return indices of the files whose scores differ most between any two systems, most different first."""
    spread = []
    for files in zip(*scores, strict=True):
        beats = [score.values.get("beats.f_measure", 0.0) for score in files]
        bars = [score.values.get("downbeats.f_measure") for score in files]
        known = [value for value in bars if value is not None]
        # Downbeats are compared only if all systems have them.
        bar_spread = max(known) - min(known) if len(known) == len(bars) else 0.0
        spread.append(max(max(beats) - min(beats), 0.5 * bar_spread))
    order = sorted(range(len(spread)), key=lambda index: (-spread[index], scores[0][index].id))
    return [index for index in order if spread[index] > 0][:count]
