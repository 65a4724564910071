"""Text tables of runs and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from beattrack.evaluation.aggregate import Mean, Summary
from beattrack.evaluation.compare import Comparison
from beattrack.evaluation.metric_labels import BEATS, DOWNBEATS, LISTENER, MAIN, TEMPO, Metric
from beattrack.evaluation.results import Run

LISTED_FILES = 8
_ALWAYS = ("fault.octave", "fault.phase", "bars.metre", "bars.phase", "timing.mean_ms", "timing.std_ms")


def render(run: Run, *, worst: int = 10) -> str:
    """Return the tables of a run: means, genres, worst files, notes and files left out.

    Args:
        run: run to show.
        worst: number of worst files to list.
    """
    summary = run.summary
    parts = [
        _heading(run, summary),
        _metric_tables(run, summary),
        _genres(run),
        _worst(run, worst),
        _remarks(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_comparison(comparison: Comparison) -> str:
    """Return the tables of a comparison of each system with the first, over all files and by genre."""
    lines = [
        f"{comparison.files} files of {comparison.dataset}, each system compared with {comparison.baseline}"
    ]
    for system in comparison.systems:
        lines += ["", f"{system.name} minus {comparison.baseline}"]
        rows = [["", "first", "second", "difference", "95 % interval", "better", "equal", "worse"]]
        for metric in MAIN:
            if metric.key in system.overall:
                pair = system.overall[metric.key]
                name = (
                    f"{metric.meaning}"
                    if pair.files == comparison.files
                    else f"{metric.meaning} ({pair.files})"
                )
                rows.append(
                    [
                        name,
                        f"{pair.first:.3f}",
                        f"{pair.second:.3f}",
                        f"{pair.difference:+.3f}",
                        f"{pair.low:+.3f} to {pair.high:+.3f}",
                        str(pair.wins),
                        str(pair.ties),
                        str(pair.losses),
                    ]
                )
        lines.append(_grid(rows))
        if system.genres:
            present = [metric for metric in MAIN if metric.key in system.overall]
            rows = [["difference by genre", "files", *(metric.label for metric in present)]]
            for genre, pairs in system.genres.items():
                count = max(pair.files for pair in pairs.values())
                cells = [f"{pairs[m.key].difference:+.3f}" if m.key in pairs else "-" for m in present]
                rows.append([genre, str(count), *cells])
            lines += ["", _grid(rows)]
    if comparison.remarks:
        lines += ["", *comparison.remarks]
    return "\n".join(lines) + "\n"


def _heading(run: Run, summary: Summary) -> str:
    files = "1 file" if summary.files == 1 else f"{summary.files} files"
    lines = [f"{run.name} on {run.dataset}: {files}, beats from {run.settings['trim_s']:g} s"]
    if run.training_data:
        lines.append(f"TRAINING DATA: the model was trained on {run.dataset}, so these are not test scores")
    if not run.complete:
        lines.append("INTERRUPTED: only the files finished before the interruption")
    return "\n".join(lines)


def _metric_tables(run: Run, summary: Summary) -> str:
    spread = summary.files > 1
    tempo = f"tempo against {run.settings['tempo_reference']}, estimate: {run.settings['tempo_estimate']}"
    sections = (
        ("beats", BEATS),
        ("downbeats", DOWNBEATS),
        (tempo, TEMPO),
        ("what a listener notices", [metric for metric in LISTENER if _shown(metric, summary)]),
    )
    # One grid for all sections, so that their columns align.
    rows: list[list[str]] = []
    for title, metrics in sections:
        present = [metric for metric in metrics if metric.key in summary.means]
        if not present:
            rows += [] if title != "downbeats" else [[f"\n{_no_downbeats(run)}"]]
            continue
        most = max(summary.means[metric.key].files for metric in present)
        heading = title if most == summary.files else f"{title} ({most} of {summary.files} files)"
        rows.append([f"\n{heading}"])
        rows += [_row(metric, summary.means[metric.key], most, spread) for metric in present]
    return _grid(rows).lstrip("\n")


def _row(metric: Metric, mean: Mean, most: int, spread: bool) -> list[str]:
    interval = metric.interval(mean.low, mean.high) if spread else ""
    count = "" if mean.files == most else f"{mean.files} files"
    return [f"  {metric.label}", metric.text(mean.mean), interval, count]


def _shown(metric: Metric, summary: Summary) -> bool:
    """Return whether a metric is shown: faults that no file has are left out."""
    return metric.key in _ALWAYS or bool(summary.mean(metric.key))


def _no_downbeats(run: Run) -> str:
    reason = "annotated" if run.settings["downbeats_estimated"] else "estimated"
    return f"downbeats: not scored, because none are {reason}"


def _genres(run: Run) -> str:
    genres = run.genres
    if len(genres) < 2:
        return ""
    present = [metric for metric in MAIN if any(metric.key in summary.means for summary in genres.values())]
    rows = [["by genre", "files", *(metric.label for metric in present), "octave", "off-beat"]]
    for genre, summary in genres.items():
        faults = [f"{100 * (summary.mean(key) or 0.0):.0f} %" for key in ("fault.octave", "fault.phase")]
        rows.append(
            [
                genre,
                str(summary.files),
                *(metric.text(summary.mean(metric.key)) for metric in present),
                *faults,
            ]
        )
    return _grid(rows)


def _worst(run: Run, count: int) -> str:
    worst = run.worst(count)
    if not worst or len(run.scores) < 2:
        return f"diagnosis: {run.scores[0].diagnosis.detail}" if len(run.scores) == 1 else ""
    rows = [["worst files", "F", "down F", "reason", ""]]
    for score in worst:
        numbers = [_score(score.values.get(f"{group}.f_measure")) for group in ("beats", "downbeats")]
        rows.append([score.id, *numbers, score.diagnosis.fault, score.diagnosis.detail])
    return _grid(rows, left=(0, 3, 4))


def _remarks(run: Run) -> str:
    lines = [f"{_files(ids)}: {note}" for note, ids in run.notes().items()]
    if run.left_out:
        lines.append(f"left out, {len(run.left_out)}:")
        lines += [f"  {problem.file}: {problem.reason}" for problem in run.left_out[:LISTED_FILES]]
        more = len(run.left_out) - LISTED_FILES
        lines += [f"  and {more} more (--json writes all)"] if more > 0 else []
    return "\n".join(lines)


def _files(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:3])
    return shown if len(ids) <= 3 else f"{shown} and {len(ids) - 3} more"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _grid(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Align rows in columns, to the right except for those in `left`; a row of one cell is a heading."""
    columns = max(map(len, rows))
    widths = [max((len(row[c]) for row in rows if 1 < len(row) > c), default=0) for c in range(columns)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(widths[c]) if c in left else cell.rjust(widths[c])
            for c, cell in enumerate(row if len(row) > 1 else ())
        ]
        lines.append("  ".join(cells).rstrip() if cells else row[0])
    return "\n".join(lines)
