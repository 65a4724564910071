"""From files to a scored run: read, pair, predict where asked, score."""

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

# Below this many files, starting processes takes longer than scoring.
PARALLEL_FROM = 200
# Annotated times estimated beats of one file: mir_eval compares each with each, which takes minutes beyond.
MAX_PAIRS = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """trim: seconds; tempo_reference: which tempo is compared with; jobs: processes; quiet: no progress."""

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
    """What is to be scored, and the files that are not, with the reason."""

    items: tuple[Item, ...]
    left_out: tuple[Problem, ...] = ()


def from_files(estimate: Path, reference: Path) -> Inputs:
    """Read one pair of files; BeatFileError if either cannot be read or the reference holds no beats."""
    name = canonical_id(reference.stem) or reference.stem
    item = Item(name, read_beats(reference), read_beats(estimate), genre_of(name))
    if not item.reference.times.size:
        raise BeatFileError(f"{reference}: holds no beats, so there is nothing to score")
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
    """Read and pair the files of two folders by name; those that cannot be read or paired are left out."""
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

    suffix: see `find_beat_files`. tempo_suffix: ending of tempo files beside the predictions.
    missing: tracks without a prediction are left out, or scored as if nothing were found.
    """
    found = find_beat_files(predictions, suffix)
    by_name = {track.id.rpartition("/")[2]: track for track in dataset.tracks}
    # Tracks of a folder dataset are paths; predictions may lie flat, unless two tracks share a name.
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
    """Make the item to score of a track and what was estimated for it."""
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
    """Score every item and file the results under the names given.

    Raises MatchingError where there is nothing to score, SettingsError where there are no annotated tempi but
    these are asked for, KeyboardInterrupt where Ctrl-C comes before any file is scored.
    """
    require_mir_eval()
    inputs = _scorable(inputs)
    if not inputs.items:
        first = f", as {inputs.left_out[0].file} {inputs.left_out[0].reason}" if inputs.left_out else ""
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
    """Name where the estimated tempi come from."""
    stated = sum(score.item.estimate.tempo is not None for score in scores)
    if stated == 0:
        return "median inter-beat interval"
    if stated == len(scores):
        return "stated by the tracker"
    return f"stated by the tracker for {stated} files, else median inter-beat interval"


def _scorable(inputs: Inputs) -> Inputs:
    """Leave out the items that cannot be scored, with the reason."""
    reasons = [(item, _reason_against(item)) for item in inputs.items]
    left_out = [Problem(item.id, reason) for item, reason in reasons if reason is not None]
    items = tuple(item for item, reason in reasons if reason is None)
    return Inputs(items, (*inputs.left_out, *left_out))


def _reason_against(item: Item) -> str | None:
    """Say why an item cannot be scored: too many beats, or beats of another recording; None if it can."""
    reference, estimate = item.reference, item.estimate
    if reference.times.size * estimate.times.size > MAX_PAIRS:
        sizes = f"{reference.times.size} annotated and {estimate.times.size} estimated beats"
        return f"has {sizes}, too many to score; cut it into parts"
    for name, beats, other in (("annotation", reference, estimate), ("estimate", estimate, reference)):
        seconds = beats.duration or other.duration
        if seconds is not None and not fits(beats.times, seconds):
            return f"has an {name} to {beats.times[-1]:.1f} s of a recording of {seconds:.1f} s"
    return None


def _use_annotated_tempo(items: Sequence[Item], reference: TempoReference) -> bool:
    annotated = sum(item.reference.tempo is not None for item in items)
    if reference == "annotated" and annotated == 0:
        raise SettingsError(
            "there are no annotated tempi: choose the median inter-beat interval (ibi) or auto"
        )
    # One kind of reference for all files: the two differ by several points of accuracy.
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
    """Annotated tempo from `name.bpm` beside a beat file, or in a folder `tempo` beside the file's own."""
    for file in (path.with_suffix(".bpm"), path.parent.parent / "tempo" / f"{path.stem}.bpm"):
        if file.is_file():
            return read_tempo(file)
    return None
