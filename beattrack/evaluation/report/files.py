"""Pages of single files, with pictures and sound of the detected and annotated beats."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import AudioError
from beattrack.evaluation.diagnosis import FAULT_LABELS, FAULT_MEANINGS
from beattrack.evaluation.metric_labels import MAIN
from beattrack.evaluation.report import html, sound, timeline
from beattrack.evaluation.report.plots import FAULT_COLOURS
from beattrack.evaluation.score import FileScore
from beattrack.formats.readers import BeatSequence

if TYPE_CHECKING:
    from beattrack.activations import Activations

FOLDER = "files"
ActivationsOf = Callable[[Path], "Activations"]


@dataclass(frozen=True)
class Compared:
    """One file, scored for one or more systems.

    Attributes:
        systems: (name of the system, score) for each system.
    """

    systems: tuple[tuple[str, FileScore], ...]

    @property
    def id(self) -> str:
        """Name of the file."""
        return self.systems[0][1].id


def write_pages(
    entries: Sequence[Compared], folder: Path, *, activations: ActivationsOf | None = None
) -> dict[str, str]:
    """Write a page for each file.

    Args:
        entries: files.
        folder: folder of the report; pages go to its subfolder `files`.
        activations: function that computes the activations of an audio file, to be drawn; None draws none.

    Returns:
        Address of each page relative to `folder`, by the id of the file.
    """
    if entries:
        (folder / FOLDER).mkdir(exist_ok=True)
    slugs = [_slug(number, entry.id) for number, entry in enumerate(entries, 1)]
    for number, entry in enumerate(entries):
        before = slugs[number - 1] if number else None
        after = slugs[number + 1] if number + 1 < len(slugs) else None
        _write_page(entry, folder / FOLDER, slugs[number], before, after, activations)
    return {entry.id: f"{FOLDER}/{slug}.html" for entry, slug in zip(entries, slugs, strict=True)}


def _write_page(
    entry: Compared,
    folder: Path,
    slug: str,
    before: str | None,
    after: str | None,
    activations: ActivationsOf | None,
) -> None:
    first = entry.systems[0][1]
    estimates = [
        (name if len(entry.systems) > 1 else "detected", s.item.estimate) for name, s in entry.systems
    ]
    rows = timeline.rows_of(first.item.reference, estimates)
    window = timeline.choose_window(rows)
    music = _music(first, window)
    network = None if music is None else _activations(first, activations)
    timeline.draw(
        rows,
        window,
        folder / f"{slug}.png",
        spectrogram=None if music is None else _spectrogram(music),
        activations=network,
    )
    sources = [] if music is None else _sounds(music, window, first.item.reference, estimates, folder, slug)
    caption = " ".join(_caption(entry, window, with_sound=bool(sources), with_network=network is not None))
    page = html.page(entry.id, _body(entry, slug, caption, sources, _navigation(before, after)))
    (folder / f"{slug}.html").write_text(page, encoding="utf-8")


def _body(
    entry: Compared,
    slug: str,
    caption: str,
    sources: Sequence[tuple[str, str]],
    navigation: Sequence[str],
) -> list[str]:
    body = [
        "<nav>" + " &middot; ".join(navigation) + "</nav>",
        html.heading(entry.id, 1),
        *(_verdict(name if len(entry.systems) > 1 else "", score) for name, score in entry.systems),
        _scores(entry),
        html.heading("What was detected"),
        html.image(f"{slug}.png", f"timeline of {entry.id}", caption),
    ]
    if sources:
        players = "".join(html.audio(file, label) for label, file in sources)
        body += [html.heading("Listen"), html.paragraph("Downbeats click higher.", "soft")]
        body.append(f'<div class="players">{players}</div>')
    else:
        body.append(
            html.paragraph("The audio was not found, so there is no spectrogram and no sound.", "soft")
        )
    notes = [note for _, score in entry.systems for note in score.notes]
    return body + [html.paragraph(note, "soft") for note in dict.fromkeys(notes)]


def _navigation(before: str | None, after: str | None) -> list[str]:
    links = ['<a href="../index.html">overview</a>']
    links += [html.link("previous file", f"{before}.html")] if before else []
    links += [html.link("next file", f"{after}.html")] if after else []
    return links


def _verdict(name: str, score: FileScore) -> str:
    diagnosis = score.diagnosis
    label = html.tag(FAULT_LABELS[diagnosis.fault], FAULT_COLOURS[diagnosis.fault])
    system = f"<b>{html.escape(name)}</b> " if name else ""
    detail = "" if diagnosis.fault == "none" else f"{html.escape(diagnosis.detail)}. "
    meaning = html.escape(FAULT_MEANINGS[diagnosis.fault])
    return f'<p>{system}{label} {detail}<span class="soft">({meaning})</span></p>'


def _scores(entry: Compared) -> str:
    present = [metric for metric in MAIN if any(metric.key in score.values for _, score in entry.systems)]
    header = [html.words("system"), *(html.number(metric.label) for metric in present)]
    rows = [
        [html.words(name), *(html.number(metric.text(score.values.get(metric.key))) for metric in present)]
        for name, score in entry.systems
    ]
    return html.table(header, rows)


def _caption(entry: Compared, window: timeline.Window, *, with_sound: bool, with_network: bool) -> list[str]:
    parts = ["Lines are beats; long, thick lines are downbeats."]
    if len(entry.systems) > 1:
        parts.append("Detected beats that are not within 70 ms of an annotated beat are orange.")
    else:
        parts.append(
            "Orange lines are errors: annotated beats that were missed, and detected beats that are not "
            "within 70 ms of an annotated beat."
        )
    if with_sound:
        parts.append("Above them is the spectrogram, with the annotated beats as dotted lines.")
    if with_network:
        parts.append("Between them are the activations of the network: beats in blue, downbeats in brown.")
    if window.start > 0:
        parts.append(
            f"The {window.length:.0f} s with the most errors are shown, from {window.start:.0f} s on."
        )
    return parts


def _music(score: FileScore, window: timeline.Window) -> NDArray[np.float32] | None:
    if score.item.audio is None or not Path(score.item.audio).is_file():
        return None
    try:
        music = sound.load_excerpt(Path(score.item.audio), window.start, window.length)
    except AudioError:
        return None
    missing = round(window.length * sound.RATE) - music.size
    # The picture needs the whole window, so silence is added after the end of the file.
    return np.pad(music, (0, max(missing, 0))) if music.size else None


def _spectrogram(music: NDArray[np.float32]) -> NDArray[np.float32]:
    from beattrack.spectrogram import Spectrogram, SpectrogramSettings

    return Spectrogram(SpectrogramSettings(sample_rate=sound.RATE))(music)


def _activations(score: FileScore, activations: ActivationsOf | None) -> Activations | None:
    return None if activations is None or score.item.audio is None else activations(Path(score.item.audio))


def _sounds(
    music: NDArray[np.float32],
    window: timeline.Window,
    reference: BeatSequence,
    estimates: Sequence[tuple[str, BeatSequence]],
    folder: Path,
    slug: str,
) -> list[tuple[str, str]]:
    tracks = [
        *(estimates if len(estimates) > 1 else [("detected", estimates[0][1])]),
        ("annotated", reference),
    ]
    files = []
    for number, (name, beats) in enumerate(tracks):
        clicked = sound.with_clicks(music, beats, window.start)
        stem = f"{slug}-{'annotated' if beats is reference else f'detected{number + 1}'}"
        files.append((f"clicks on the beats: {name}", sound.write_sound(clicked, folder, stem)))
    return files


def _slug(number: int, name: str) -> str:
    """Return a file name for a page that is valid on every system."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[-60:]
    return f"{number:03d}-{safe or 'file'}"
