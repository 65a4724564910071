"""Rendering of songs to a folder. Each song depends only on seed, source and number.

The files of a song are `OUT/<source>/<id>.flac`, `.beats` (seconds, position in the bar) and `.json`. The
last is written last, so that a song with a .json file is finished, and an interrupted run can resume.
"""

from __future__ import annotations

import functools
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from beattrack.errors import BeattrackError, SettingsError
from beattrack.rendering.errors import RejectedPiece, RenderError
from beattrack.rendering.piece import SourceName
from beattrack.rendering.settings import SAMPLE_RATE, RenderSettings
from beattrack.rendering.sounding.check import Check, check
from beattrack.rendering.sounding.drums import kit_names
from beattrack.rendering.sounding.effects import master, require_pedalboard
from beattrack.rendering.sounding.fluidsynth import available_fonts, require_fluidsynth
from beattrack.rendering.sounding.performance import Performance, perform
from beattrack.rendering.sounding.synthesis import Float32, render
from beattrack.rendering.sources import SOURCES
from beattrack.rendering.sources.base import PieceSource
from beattrack.runtime import checks, workers
from beattrack.runtime.files import atomic_path, atomic_write_text
from beattrack.version import __version__

MANIFEST = "manifest.json"
# Weights of the sources; those that are not available are left out.
DEFAULT_MIX: dict[SourceName, float] = {
    "songs": 0.6,
    "simple": 0.06,
    "mma": 0.16,
    "band": 0.07,
    "groove": 0.04,
    "pop909": 0.03,
    "nottingham": 0.02,
    "freedoom": 0.02,
}


@dataclass(frozen=True)
class PlannedSong:
    """One song to render: song number `index` of a source, for a seed."""

    source: SourceName
    index: int
    seed: int

    @property
    def id(self) -> str:
        """Name of its files, without suffix."""
        return f"{self.source}-{self.seed}-{self.index:05d}"


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """A rendering.

    Attributes:
        out: folder to write to.
        seed: seed of all random numbers.
        symbolic: folder of the archives of symbolic music; None if there is none.
        settings: settings of the rendering.
    """

    out: Path
    seed: int
    symbolic: Path | None = None
    settings: RenderSettings = field(default_factory=RenderSettings)

    def path(self, song: PlannedSong, suffix: str) -> Path:
        """Return the path of one of a song's files."""
        return self.out / song.source / f"{song.id}{suffix}"


@dataclass(frozen=True, kw_only=True)
class RenderOutcome:
    """The result of one song.

    Attributes:
        seconds: duration of its audio.
        failure: why it could not be rendered; None if it was.
        rejected: number of rejected draws by reason.
        existing: whether its files existed.
    """

    seconds: float = 0.0
    failure: str | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)
    existing: bool = False


def shares(mix: Mapping[str, float]) -> dict[SourceName, float]:
    """Return the shares of sources, with a sum of 1, without sources of weight 0.

    Args:
        mix: weights by source.

    Raises:
        SettingsError: if a source is unknown, a weight is negative or all weights are 0.
    """
    unknown = sorted(mix.keys() - SOURCES.keys())
    if unknown:
        raise SettingsError(f"there is no source {unknown[0]!r}; use one of {', '.join(SOURCES)}")
    mix = {name: checks.at_least(0)(f"the weight of {name}", weight) for name, weight in mix.items()}
    total = sum(mix.values())
    if not total > 0:
        raise SettingsError("the weights of the sources must be positive numbers")
    return {name: mix[name] / total for name in SOURCES if mix.get(name, 0.0) > 0}


def plan(mix: Mapping[str, float], *, hours: float, seed: int, settings: RenderSettings) -> list[PlannedSong]:
    """Return the songs to render, with sources interleaved so that any first part of them has the mix.

    With more hours, songs are only added.

    Args:
        mix: weights by source.
        hours: approximate hours of audio.
        seed: seed of the songs.
        settings: settings of the rendering.

    Raises:
        SettingsError: if the mix is invalid (see `shares`) or hours is not positive.
    """
    checks.positive()("hours", hours)
    placed = []
    for name, share in shares(mix).items():
        count = math.ceil(hours * 3600 * share / settings.mean_seconds)
        placed += [((index + 0.5) / share, name, PlannedSong(name, index, seed)) for index in range(count)]
    return [song for _, _, song in sorted(placed, key=lambda item: item[:2])]


def prepare(job: RenderJob, names: Sequence[SourceName]) -> None:
    """Check that the sources can be rendered, and create the output folder.

    Args:
        job: the rendering.
        names: sources to use.

    Raises:
        RenderError: if a program, archive or soundfont is missing, or the folder holds songs with another
            seed or other settings. The message says what to do.
        MissingExtraError: if a package is missing.
        OSError: if the folder cannot be created.
    """
    require_pedalboard()
    require_fluidsynth()
    for name in names:
        SOURCES[name](job.symbolic).check()
    job.out.mkdir(parents=True, exist_ok=True)
    known = _read_manifest(job.out)
    if known is not None and (known.get("seed"), known.get("settings")) != (job.seed, _settings(job)):
        raise RenderError(
            f"{job.out}: holds songs rendered with another seed or other settings; choose another folder"
        )


def render_songs(
    job: RenderJob,
    songs: Sequence[PlannedSong],
    *,
    processes: int = 1,
    tell: Callable[[PlannedSong, RenderOutcome], None],
) -> Counter[str]:
    """Write the files of songs, and the manifest. A song that fails does not stop the others.

    Args:
        job: the rendering.
        songs: songs to render.
        processes: number of processes.
        tell: called with each song and its result.

    Returns:
        Numbers of songs by result: `rendered`, `existing` and `failed`.
    """
    counts: Counter[str] = Counter()
    failures: dict[str, str] = {}
    job.out.mkdir(parents=True, exist_ok=True)
    _write_manifest(job, songs, failures)
    try:
        work = functools.partial(Renderer, job)
        for index, outcome in workers.run(work, songs, processes=processes, threads=1, died=_death):
            song = songs[index]
            if outcome.failure is not None:
                failures[song.id] = outcome.failure
            counts["failed" if outcome.failure else "existing" if outcome.existing else "rendered"] += 1
            tell(song, outcome)
    finally:
        _write_manifest(job, songs, failures)
    return counts


def _death(code: int) -> RenderOutcome:
    return RenderOutcome(failure=f"the process that rendered it ended with exit code {code}")


class Renderer:
    """Renders songs of a job. It keeps the sources, which may hold archives in memory."""

    def __init__(self, job: RenderJob) -> None:
        self._job = job
        self._sources: dict[SourceName, PieceSource] = {}

    def __call__(self, song: PlannedSong) -> RenderOutcome:
        """Write the files of a song unless they exist. Errors are returned as failures, never raised."""
        try:
            existing = _existing(self._job.path(song, ".json"))
            if existing is not None:
                return existing
            self._job.path(song, ".json").parent.mkdir(parents=True, exist_ok=True)
            return self._render(song)
        except BeattrackError as error:
            return RenderOutcome(failure=str(error))
        except Exception as error:  # noqa: BLE001 - one song must not stop the others
            return RenderOutcome(failure=f"{type(error).__name__}: {error}")

    def _render(self, song: PlannedSong) -> RenderOutcome:
        rejected: Counter[str] = Counter()
        for attempt in range(self._job.settings.attempts):
            try:
                seconds = self._attempt(song, attempt, rejected)
            except RejectedPiece as error:
                rejected[error.reason] += 1
            else:
                return RenderOutcome(seconds=seconds, rejected=dict(rejected))
        reasons = ", ".join(f"{reason} ({count})" for reason, count in rejected.most_common())
        return RenderOutcome(
            failure=f"no usable draw in {self._job.settings.attempts}: {reasons}", rejected=dict(rejected)
        )

    def _attempt(self, song: PlannedSong, attempt: int, rejected: Mapping[str, int]) -> float:
        """Draw, perform, play, check and write a song; return its seconds, or raise RejectedPiece."""
        settings = self._job.settings
        seeds = np.random.SeedSequence((song.seed, zlib.crc32(song.source.encode()), song.index, attempt))
        draw, performing, playing, mastering = map(np.random.default_rng, seeds.spawn(4))
        longest = settings.performance.seconds[1] + settings.performance.lead
        piece = self._source(song.source).draw(draw, longest)
        performance = perform(piece, performing, settings.performance)
        mix, players = render(performance, playing, settings.synthesis)
        samples, effects = master(mix, mastering, settings.effects)
        found = check(samples, performance.annotated[0], settings.check, plain=piece.plain)
        if found.failure is not None:
            raise RejectedPiece(found.failure)
        record = {**players, "effects": effects, "attempt": attempt, "rejected": dict(rejected)}
        _write(
            self._job, song, performance, samples, _description(song, performance, samples, found) | record
        )
        return len(samples) / SAMPLE_RATE

    def _source(self, name: SourceName) -> PieceSource:
        if name not in self._sources:
            self._sources[name] = SOURCES[name](self._job.symbolic)
        return self._sources[name]


def _existing(description: Path) -> RenderOutcome | None:
    """Read the result of a finished song; None if it is not finished or its files are damaged."""
    try:
        known = json.loads(description.read_text(encoding="utf-8"))
        found = RenderOutcome(seconds=known["seconds"], rejected=known["rejected"], existing=True)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    whole = all(description.with_suffix(suffix).is_file() for suffix in (".flac", ".beats"))
    return found if whole else None


def _description(
    song: PlannedSong, performance: Performance, samples: Float32, found: Check
) -> dict[str, Any]:
    piece = performance.piece
    return {
        "id": song.id,
        "source": piece.source,
        "piece": piece.id,
        "genre": piece.genre,
        "metre": piece.metre,
        "downbeats": "yes" if piece.bars_known else "no",
        "group": piece.group,
        "licence": piece.licence,
        "bpm": round(60.0 / float(np.median(np.diff(performance.annotated[0]))), 2),
        "seconds": round(len(samples) / SAMPLE_RATE, 3),
        "seed": song.seed,
        "version": __version__,
        "performance": performance.record,
        "check": found.to_dict(),
    }


def _write(
    job: RenderJob,
    song: PlannedSong,
    performance: Performance,
    samples: Float32,
    description: Mapping[str, Any],
) -> None:
    import soundfile

    with atomic_path(job.path(song, ".flac")) as path:
        soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16", format="FLAC")
    beats, positions = performance.annotated
    if performance.piece.bars_known:
        lines = [f"{time:.4f}\t{position}\n" for time, position in zip(beats, positions, strict=True)]
    else:
        lines = [f"{time:.4f}\n" for time in beats]
    atomic_write_text(job.path(song, ".beats"), "".join(lines))
    atomic_write_text(job.path(song, ".json"), json.dumps(description, indent=1) + "\n")


def _settings(job: RenderJob) -> Any:
    """Return the settings as JSON values, with lists instead of tuples."""
    return json.loads(json.dumps(job.settings.to_dict()))


def _read_manifest(out: Path) -> dict[str, Any] | None:
    try:
        known = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RenderError(f"{out / MANIFEST}: is not the manifest of a rendering") from error
    return known if isinstance(known, dict) else {}


def _write_manifest(job: RenderJob, songs: Sequence[PlannedSong], failures: Mapping[str, str]) -> None:
    """Write the numbers of all finished songs in the folder, by source, and the failures of this run."""
    counts: dict[str, dict[str, Any]] = {}
    rejected: dict[str, Counter[str]] = {}
    for path in sorted(job.out.glob(f"*/*-{job.seed}-*.json")):
        known = _existing(path)
        if known is None:
            continue
        entry = counts.setdefault(path.parent.name, {"songs": 0, "hours": 0.0})
        entry["songs"] += 1
        entry["hours"] = round(entry["hours"] + known.seconds / 3600, 4)
        rejected.setdefault(path.parent.name, Counter()).update(known.rejected)
    manifest = {
        "version": __version__,
        "seed": job.seed,
        "settings": _settings(job),
        "planned": dict(Counter(song.source for song in songs)),
        "rendered": counts,
        "rejected draws": {name: dict(reasons) for name, reasons in rejected.items()},
        "failed": dict(sorted(failures.items())),
        "soundfonts": [font.name for font in available_fonts()],
        "kits": list(kit_names()),
        "symbolic": None if job.symbolic is None else os.fspath(job.symbolic.name),
    }
    atomic_write_text(job.out / MANIFEST, json.dumps(manifest, indent=1) + "\n")
