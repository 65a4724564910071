"""Scoring of a run: reading and pairing of files, and scores of all pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from beattrack.datasets import Dataset, Problem, Track
from beattrack.datasets.beats import fits
from beattrack.datasets.gtzan import canonical_id, genre_of
from beattrack.errors import SettingsError
from beattrack.evaluation.matching import MatchingError, find_beat_files, match
from beattrack.evaluation.metrics import require_mir_eval
from beattrack.evaluation.results import Run, versions
from beattrack.evaluation.score import FileScore, Item, ScoreSettings, score_item
from beattrack.formats.readers import BeatFileError, BeatSequence, read_beats, read_tempo
from beattrack.runtime import checks, workers
from beattrack.runtime.progress import count

TempoReference = Literal["auto", "annotated", "ibi"]
Missing = Literal["skip", "zero"]

# For fewer files, starting processes takes longer than scoring.
PARALLEL_FROM = 200
# Limit of annotated times estimated beats of a file: mir_eval compares all pairs, which would take minutes.
MAX_PAIRS = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Settings of a run.

    Attributes:
        trim: beats before this time in seconds are left out.
        tempo_reference: reference tempo: `annotated`, `ibi` for that of the median inter-beat interval, or
            `auto` for annotated tempi if all files have one.
        jobs: number of processes.
        quiet: show no progress.

    Raises:
        SettingsError: if a value is out of range.
    """

    trim: float = 0.0
    tempo_reference: TempoReference = "auto"
    jobs: int = 1
    quiet: bool = False

    def __post_init__(self) -> None:
        checks.apply(
            self,
            {
                "trim": checks.at_least(0),
                "tempo_reference": checks.choice(get_args(TempoReference)),
                "jobs": checks.positive(whole=True),
                "quiet": checks.flag(),
            },
        )


@dataclass(frozen=True, eq=False)
class Inputs:
    """Files to score, and files that are left out, with the reasons."""

    items: tuple[Item, ...]
    left_out: tuple[Problem, ...] = ()


def from_files(estimate: Path, reference: Path) -> Inputs:
    """Read an estimate and its reference.

    Raises:
        BeatFileError: if a file cannot be read or the reference has no beats.
    """
    name = canonical_id(reference.stem) or reference.stem
    item = Item(name, read_beats(reference), read_beats(estimate), genre_of(name))
    if not item.reference.times.size:
        raise BeatFileError(f"{reference}: has no beats, so there is nothing to score")
    return Inputs((item,))


def from_folders(
    predictions: Path,
    annotations: Path,
    *,
    suffix: str | None = None,
    annotation_suffix: str | None = None,
    tempo_suffix: str | None = None,
    missing: Missing = "skip",
) -> Inputs:
    """Read the files of two folders and pair them by name.

    Files that cannot be read or paired are left out.

    Args:
        predictions, annotations: folders of beat files.
        suffix, annotation_suffix: endings of the files of each folder; see `find_beat_files`.
        tempo_suffix: ending of tempo files beside the predictions, such as `.bpm.txt`; None reads none.
        missing: `skip` leaves out annotations without a prediction, `zero` scores them as having no beats.

    Raises:
        MatchingError: if no files can be paired.
    """
    references = find_beat_files(annotations, annotation_suffix)
    tracks, problems = [], []
    for track_id, path in references.items():
        try:
            beats, tempo = read_beats(path), _tempo_beside(path)
        except BeatFileError as error:
            problems.append(Problem(str(path), str(error)))
            continue
        tracks.append(
            Track(track_id, None, beats.times, beats.positions, tempo, genre_of(track_id), beats.notes)
        )
    dataset = Dataset(annotations.resolve().name, annotations, tuple(tracks), tuple(problems))
    return from_predictions(dataset, predictions, suffix=suffix, tempo_suffix=tempo_suffix, missing=missing)


def from_predictions(
    dataset: Dataset,
    predictions: Path,
    *,
    suffix: str | None = None,
    tempo_suffix: str | None = None,
    missing: Missing = "skip",
) -> Inputs:
    """Read a folder of predictions for a dataset.

    Predictions that cannot be read or belong to no track are left out.

    Args:
        dataset: annotations.
        predictions: folder of beat files.
        suffix: ending of the files; see `find_beat_files`.
        tempo_suffix: ending of tempo files beside the predictions, such as `.bpm.txt`; None reads none.
        missing: `skip` leaves out tracks without a prediction, `zero` scores them as having no beats.

    Raises:
        MatchingError: if no prediction belongs to a track.
    """
    found = find_beat_files(predictions, suffix)
    by_name = {track.id.rpartition("/")[2]: track for track in dataset.tracks}
    # Ids of a folder dataset are paths. Predictions may be in one folder if all names are different.
    named = {track.id: track for track in dataset.tracks}
    if len(by_name) == len(dataset.tracks) and not found.keys() & named.keys():
        named = by_name
    matches = match(found, {name: Path(track.id) for name, track in named.items()})
    left_out = [*dataset.problems]
    items = []
    for name, track in named.items():
        if name not in matches.pairs:
            if missing == "zero":
                items.append(item_of(track, BeatSequence(track.beats[:0], notes=("no prediction",))))
            else:
                left_out.append(Problem(track.id, "has no prediction"))
            continue
        path = matches.pairs[name][0]
        try:
            items.append(item_of(track, _with_tempo(read_beats(path), path, name, tempo_suffix)))
        except BeatFileError as error:
            left_out.append(Problem(str(path), str(error)))
    left_out += [Problem(file, "has no annotation") for file in matches.estimates_left]
    return Inputs(tuple(items), tuple(left_out))


def item_of(track: Track, estimate: BeatSequence) -> Item:
    """Return the item to score for a track and its estimate."""
    reference = BeatSequence(track.beats, track.positions, track.tempo, track.notes)
    return Item(track.id, reference, estimate, track.genre, None if track.audio is None else str(track.audio))


def score(
    inputs: Inputs,
    settings: RunSettings,
    *,
    name: str,
    dataset: str,
    system: Mapping[str, Any] | None = None,
    training_data: bool = False,
    complete: bool = True,
) -> Run:
    """Score every item.

    If interrupted by Ctrl-C, the run has the scores computed so far.

    Args:
        inputs: items to score.
        settings: settings of the run.
        name, dataset, system, training_data: see `Run`.
        complete: False if inputs are missing because of an interruption.

    Raises:
        MatchingError: if there is nothing to score.
        SettingsError: if annotated tempi are required, but no item has one.
        KeyboardInterrupt: if interrupted before any item was scored.
    """
    require_mir_eval()
    inputs = _scorable(inputs)
    if not inputs.items:
        first = f": {inputs.left_out[0].file} {inputs.left_out[0].reason}" if inputs.left_out else ""
        raise MatchingError(f"there is nothing to score{first}")
    scoring = ScoreSettings(
        trim=settings.trim,
        annotated_tempo=_use_annotated_tempo(inputs.items, settings.tempo_reference),
        downbeats=any(_has_positions(item.estimate) for item in inputs.items),
    )
    jobs = settings.jobs if len(inputs.items) >= PARALLEL_FROM else 1
    finished = workers.collect(
        partial(score_item, settings=scoring),
        inputs.items,
        processes=jobs,
        progress=None if settings.quiet else count("files scored"),
    )
    scores = [result for result in finished.results if result is not None]
    if finished.interrupted and not scores:
        raise KeyboardInterrupt
    return Run(
        name=name,
        dataset=dataset,
        scores=tuple(sorted(scores, key=lambda result: result.id)),
        settings={**scoring.to_dict(), "tempo_estimate": tempo_source(scores)},
        system=system or {},
        versions=versions(),
        left_out=inputs.left_out,
        training_data=training_data,
        complete=complete and not finished.interrupted,
    )


def tempo_source(scores: Sequence[FileScore]) -> str:
    """Return a description of the source of the estimated tempi."""
    stated = sum(score.item.estimate.tempo is not None for score in scores)
    if stated == 0:
        return "median inter-beat interval"
    if stated == len(scores):
        return "stated by the tracker"
    return f"stated by the tracker for {stated} files, else median inter-beat interval"


def _scorable(inputs: Inputs) -> Inputs:
    """Move the items that cannot be scored to the files left out."""
    reasons = [(item, _reason_against(item)) for item in inputs.items]
    left_out = [Problem(item.id, reason) for item, reason in reasons if reason is not None]
    items = tuple(item for item, reason in reasons if reason is None)
    return Inputs(items, (*inputs.left_out, *left_out))


def _reason_against(item: Item) -> str | None:
    """Return why an item cannot be scored; None if it can."""
    reference, estimate = item.reference, item.estimate
    if reference.times.size * estimate.times.size > MAX_PAIRS:
        sizes = f"{reference.times.size} annotated and {estimate.times.size} estimated beats"
        return f"has {sizes}, too many to score; split it into parts"
    for name, beats, other in (("annotation", reference, estimate), ("estimate", estimate, reference)):
        seconds = beats.duration or other.duration
        if seconds is not None and not fits(beats.times, seconds):
            return f"has an {name} up to {beats.times[-1]:.1f} s, but the recording has {seconds:.1f} s"
    return None


def _use_annotated_tempo(items: Sequence[Item], reference: TempoReference) -> bool:
    annotated = sum(item.reference.tempo is not None for item in items)
    if reference == "annotated" and annotated == 0:
        raise SettingsError("no file has an annotated tempo; use the tempo reference ibi or auto")
    # All files get one kind of reference, because the two differ by several points of accuracy.
    return reference == "annotated" or (reference == "auto" and annotated == len(items))


def _has_positions(beats: BeatSequence) -> bool:
    return beats.positions is not None and beats.positions.size > 0


def _with_tempo(beats: BeatSequence, path: Path, name: str, tempo_suffix: str | None) -> BeatSequence:
    if tempo_suffix is None:
        return beats
    candidates = {name, path.name.split(".")[0], path.stem}
    file = next(
        (found for stem in sorted(candidates) if (found := path.parent / f"{stem}{tempo_suffix}").is_file()),
        None,
    )
    tempo = None if file is None else read_tempo(file)
    return beats if tempo is None else replace(beats, tempo=tempo)


def _tempo_beside(path: Path) -> float | None:
    """Read the tempo from `NAME.bpm` beside a beat file, or in a folder `tempo` beside the file's folder."""
    for file in (path.with_suffix(".bpm"), path.parent.parent / "tempo" / f"{path.stem}.bpm"):
        if file.is_file():
            return read_tempo(file)
    return None
