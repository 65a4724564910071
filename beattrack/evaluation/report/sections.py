"""Sections of the overview page, as lists of HTML parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from beattrack.evaluation.compare import Comparison
from beattrack.evaluation.diagnosis import FAULT_LABELS, FAULT_MEANINGS
from beattrack.evaluation.metric_labels import BEATS, DOWNBEATS, LISTENER, MAIN, TEMPO, Metric
from beattrack.evaluation.report import findings, html
from beattrack.evaluation.report.files import Compared
from beattrack.evaluation.report.plots import FAULT_COLOURS, STACKED
from beattrack.evaluation.results import Run
from beattrack.evaluation.score import FileScore

OUTCOMES = "outcomes.png"

_CARDS = (
    ("beats.f_measure", "Beats: F-measure"),
    ("beats.cmlt", "Beats: CMLt"),
    ("beats.amlt", "Beats: AMLt"),
    ("downbeats.f_measure", "Downbeats: F-measure"),
    ("tempo.acc1", "Tempo right (accuracy 1)"),
    ("fault.octave", "Octave errors"),
)
_MEANINGS = (
    (
        "F-measure",
        "1 if every annotated beat was found within 70 ms and nothing else was. "
        "Tapping at double or half tempo gives about 0.67.",
    ),
    ("CMLt", "Share of the beats in passages with the annotated tempo and phase; 0 at double tempo."),
    ("AMLt", "The same, but double tempo, half tempo and off-beats are allowed."),
    ("Tempo right", "Share of files whose tempo is within 4 % of the reference."),
    ("Octave errors", "Share of files tapped at double, triple, half or a third of the annotated tempo."),
    ("95 %", "Range of the mean if other files of this kind had been chosen (bootstrap)."),
)


def heading_of(run: Run) -> list[str]:
    """Return the title, a sentence about what was scored, and warnings."""
    parts = [
        html.heading(f"{run.name} on {run.dataset}", 1),
        html.paragraph(
            f"{_count(run)}, scored from {run.settings['trim_s']:g} s on, tempo against "
            f"{run.settings['tempo_reference']}, estimate: {run.settings['tempo_estimate']}.",
            "soft",
        ),
    ]
    if run.training_data:
        parts.append(
            html.paragraph(
                f"Training data: the model was trained on {run.dataset}, so these are not test scores.",
                "warn",
            )
        )
    if not run.complete:
        parts.append(html.paragraph("Interrupted: only the files finished before the interruption.", "warn"))
    return parts


def findings_of(run: Run) -> list[str]:
    """Return the findings as a list of sentences."""
    return [html.bullets(findings.findings(run), "lead")]


def cards_of(run: Run) -> str:
    """Return the most important numbers in large print."""
    summary = run.summary
    by_key = {metric.key: metric for metric in (*BEATS, *DOWNBEATS, *TEMPO, *LISTENER)}
    numbers = []
    for key, label in _CARDS:
        if key in summary.means:
            mean, metric = summary.means[key], by_key[key]
            numbers.append((metric.text(mean.mean), label, f"95 %: {metric.interval(mean.low, mean.high)}"))
    return html.cards(numbers) + html.details("What these numbers mean", html.definitions(_MEANINGS))


def outcomes_of(run: Run) -> list[str]:
    """Return the outcomes and scores by genre."""
    parts = [
        html.heading("Where it fails, and why"),
        html.image(
            OUTCOMES,
            "outcomes by genre",
            "Each file has one outcome. Numbers in brackets are files of the genre.",
        ),
        _outcome_meanings(),
    ]
    genres = run.genres
    if len(genres) > 1:
        present = [metric for metric in MAIN if any(metric.key in s.means for s in genres.values())]
        header = [
            html.words("genre"),
            html.number("files"),
            *(html.number(metric.label) for metric in present),
        ]
        rows = [
            [
                html.words(genre),
                html.number(summary.files),
                *(html.number(metric.text(summary.mean(metric.key))) for metric in present),
            ]
            for genre, summary in genres.items()
        ]
        caption = "Mean F-measure by genre; the thin lines are 95 % intervals over the files."
        parts += [html.image("genres.png", "F-measure by genre", caption), html.table(header, rows)]
    return parts


def worst_files(worst: Sequence[FileScore], addresses: Mapping[str, str]) -> list[str]:
    """Return a table of the worst files, with links to their pages."""
    if not worst:
        return []
    text = "The lowest scores first. Each file has a page with a picture and, if the audio was found, sound."
    return [html.heading("Worst files"), html.paragraph(text, "soft"), _file_table(worst, addresses)]


def distributions(run: Run) -> list[str]:
    """Return histograms of scores and timing errors."""
    if "beats.f_measure" not in run.summary.means:
        return []
    return [
        html.heading("Scores of the files"),
        html.image("scores.png", "histogram of F-measures", "F-measures of all files.", "half"),
        html.heading("Timing"),
        html.image(
            "timing.png",
            "histogram of timing errors",
            "Beats within 70 ms of an annotated beat. The dashed line is the mean.",
            "half",
        ),
    ]


def all_numbers(run: Run) -> list[str]:
    """Return tables of every metric, with intervals and descriptions."""
    summary = run.summary
    parts = [html.heading("All numbers")]
    header = [html.words("metric"), html.number("mean"), html.number("95 % interval"), html.number("files")]
    for title, metrics in (
        ("Beats", BEATS),
        ("Downbeats", DOWNBEATS),
        ("Tempo", TEMPO),
        ("What a listener notices", LISTENER),
    ):
        rows = [_metric_row(metric, run) for metric in metrics if metric.key in summary.means]
        if rows:
            parts.append(html.details(title, html.table([*header, html.words("what it says")], rows)))
        elif title == "Downbeats":
            missing = "annotated" if run.settings["downbeats_estimated"] else "estimated"
            parts.append(html.paragraph(f"Downbeats were not scored, because none are {missing}."))
    return parts


def all_files(run: Run, addresses: Mapping[str, str]) -> list[str]:
    """Return a table of all files, hidden until clicked."""
    return [
        html.heading("All files"),
        html.details(_count(run), _file_table(run.scores, addresses)),
    ]


def remarks(run: Run) -> list[str]:
    """Return the files left out, notes on files, and versions."""
    parts: list[str] = []
    if run.left_out:
        rows = [[html.words(p.file, wrap=True), html.words(p.reason, wrap=True)] for p in run.left_out]
        inner = html.table([html.words("file"), html.words("reason")], rows)
        parts += [html.heading("Left out"), html.details(f"{len(run.left_out)} files", inner)]
    notes = run.notes()
    if notes:
        rows = [
            [html.words(note, wrap=True), html.words(", ".join(ids), wrap=True)]
            for note, ids in notes.items()
        ]
        parts += [html.heading("Notes"), html.table([html.words("what"), html.words("files")], rows)]
    system = {
        **run.versions,
        **{key: value for key, value in run.system.items() if key != "decoder_settings"},
    }
    listed = ", ".join(f"{key} {value}" for key, value in system.items())
    return [*parts, html.heading("Made with"), html.paragraph(listed, "soft")]


def comparison_heading(comparison: Comparison) -> list[str]:
    """Return the title, a sentence about the difference of each system, and remarks."""
    names = [comparison.baseline, *(system.name for system in comparison.systems)]
    parts = [
        html.heading(", ".join(names), 1),
        html.paragraph(f"{comparison.files} files of {comparison.dataset} that all systems have.", "soft"),
    ]
    for system in comparison.systems:
        if "beats.f_measure" not in system.overall:
            continue
        pair = system.overall["beats.f_measure"]
        sure = "no clear difference" if pair.low <= 0 <= pair.high else "a clear difference"
        parts.append(
            html.paragraph(
                f"{system.name}: F-measure of beats {pair.second:.3f}, against {pair.first:.3f} for "
                f"{comparison.baseline}: {sure} (95 % interval {pair.low:+.3f} to {pair.high:+.3f}); better "
                f"in {pair.wins} files, equal in {pair.ties}, worse in {pair.losses}.",
                "lead",
            )
        )
    return parts + [html.paragraph(remark, "warn") for remark in comparison.remarks]


def comparison_tables(comparison: Comparison) -> list[str]:
    """Return a table for each system that compares the main metrics with those of the first."""
    parts = []
    for system in comparison.systems:
        parts.append(html.heading(f"{system.name} compared with {comparison.baseline}"))
        columns = (
            comparison.baseline,
            system.name,
            "difference",
            "95 % interval",
            "better",
            "equal",
            "worse",
        )
        rows = []
        for metric in MAIN:
            if metric.key in system.overall:
                pair = system.overall[metric.key]
                cells = (
                    f"{pair.first:.3f}",
                    f"{pair.second:.3f}",
                    f"{pair.difference:+.3f}",
                    f"{pair.low:+.3f} to {pair.high:+.3f}",
                    pair.wins,
                    pair.ties,
                    pair.losses,
                )
                rows.append([html.words(metric.meaning), *map(html.number, cells)])
        parts.append(html.table([html.words(""), *map(html.number, columns)], rows))
    return parts


def comparison_plots(comparison: Comparison, *, with_genres: bool) -> list[str]:
    """Return outcomes by system, scatter plots of the files and bar plots by genre."""
    parts = [
        html.heading("What goes wrong"),
        html.image(OUTCOMES, "outcomes by system", "Each file has one outcome for each system."),
        _outcome_meanings(),
        html.heading("File by file"),
    ]
    text = "Each dot is a file. Above the line, the second system is better."
    for group in ("beats", "downbeats"):
        key = f"{group}.f_measure"
        for number, system in enumerate(comparison.systems, 1):
            if key in system.overall:
                caption = f"F-measure of {group}. {text}"
                parts.append(html.image(scatter_name(group, number), f"scatter of {group}", caption, "half"))
        if with_genres and any(key in system.overall for system in comparison.systems):
            caption = f"F-measure of {group} by genre, with 95 % intervals."
            parts.append(html.image(f"genres-{group}.png", f"{group} by genre", caption))
    return parts


def changed_files(entries: Sequence[Compared], addresses: Mapping[str, str]) -> list[str]:
    """Return a table of the files on which the systems differ most."""
    if not entries:
        return []
    names = [name for name, _ in entries[0].systems]
    header = [html.words("file"), *(html.words(name) for name in names)]
    rows = [
        [_name(entry.id, addresses), *(_scored_outcome(score) for _, score in entry.systems)]
        for entry in entries
    ]
    text = "F-measure of the beats and outcome for each system."
    return [html.heading("Files that differ most"), html.paragraph(text, "soft"), html.table(header, rows)]


def scatter_name(group: str, number: int) -> str:
    """Return the file name of the scatter plot of a group of metrics for one system."""
    return f"scatter-{group}-{number}.png"


def _count(run: Run) -> str:
    return "1 file" if len(run.scores) == 1 else f"{len(run.scores)} files"


def _outcome_meanings() -> str:
    pairs = [(FAULT_LABELS[fault], FAULT_MEANINGS[fault]) for fault in STACKED]
    return html.details("What the outcomes mean", html.definitions(pairs))


def _metric_row(metric: Metric, run: Run) -> list[html.Cell]:
    mean = run.summary.means[metric.key]
    return [
        html.words(metric.label),
        html.number(metric.text(mean.mean)),
        html.number(metric.interval(mean.low, mean.high)),
        html.number(mean.files),
        html.words(metric.meaning, wrap=True),
    ]


def _file_table(scores: Sequence[FileScore], addresses: Mapping[str, str]) -> str:
    columns = (*(metric for metric in MAIN if metric.unit == "score"),)
    present = [metric for metric in columns if any(metric.key in score.values for score in scores)]
    header = [html.words("file"), *(html.number(metric.label) for metric in present)]
    header += [html.words("outcome"), html.words("what happened")]
    rows = []
    for score in scores:
        numbers = [html.number(metric.text(score.values.get(metric.key))) for metric in present]
        detail = html.words(score.diagnosis.detail, wrap=True)
        rows.append([_name(score.id, addresses), *numbers, _outcome(score), detail])
    return html.table(header, rows)


def _name(file: str, addresses: Mapping[str, str]) -> html.Cell:
    inner = html.link(file, addresses[file]) if file in addresses else html.escape(file)
    return html.Cell(inner, text=True)


def _scored_outcome(score: FileScore) -> html.Cell:
    value = MAIN[0].text(score.values.get("beats.f_measure"))
    return html.Cell(f"{html.escape(value)} {_outcome(score).html}", text=True)


def _outcome(score: FileScore) -> html.Cell:
    fault = score.diagnosis.fault
    return html.Cell(html.tag(FAULT_LABELS[fault], FAULT_COLOURS[fault]), text=True)
