"""Songs for training from one or several datasets: find, check and analyse them, and report problems."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beattrack.datasets import load_dataset, overlaps
from beattrack.datasets.base import Dataset, DatasetError, Problem, Track
from beattrack.datasets.beats import EARLY, UsableBeats, usable_beats
from beattrack.datasets.download import Download
from beattrack.datasets.features import FeatureCache, Features, ProgressCallback, cache_folder
from beattrack.datasets.licences import licence_line
from beattrack.datasets.pack import load_pack
from beattrack.datasets.packed import MEMORY, memory
from beattrack.datasets.songs import Song
from beattrack.errors import SettingsError
from beattrack.runtime import checks
from beattrack.runtime.cores import usable_cores
from beattrack.spectrogram import SpectrogramSettings

_UNITS = (("h", 3600), ("min", 60), ("s", 1))
MAX_LISTED = 5  # files that a sentence names; `LoadedSongs.problems` has all of them


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A dataset to train on.

    Attributes:
        name: name of the dataset.
        weight: its share of all crops, relative to the other datasets.

    Raises:
        SettingsError: if the weight is not positive.
    """

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        checks.apply(self, {"name": checks.text()}, prefix="dataset.")
        checks.apply(self, {"weight": checks.positive()}, prefix=f"{self.name}: ")


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedSongs:
    """Songs of one or several datasets. The keys of mappings are the names given in the specifications.

    Attributes:
        songs_by_dataset: songs of each dataset, ordered by id.
        weights: weight of each dataset.
        licences: licence of each dataset, in one line.
        problems: files that were left out, with the reason.
        notes: files that were used after a fix, with the fix.
        summary: sentences for the user about each dataset.
    """

    songs_by_dataset: Mapping[str, tuple[Song, ...]]
    weights: Mapping[str, float]
    licences: Mapping[str, str]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    summary: tuple[str, ...]

    @property
    def songs(self) -> tuple[Song, ...]:
        """All songs of all datasets."""
        return tuple(song for songs in self.songs_by_dataset.values() for song in songs)


def parse_spec(text: str) -> DatasetSpec:
    """Read a specification `NAME` or `NAME@WEIGHT`, such as `rendered:/music@0.4`.

    An @ that is not followed by a number is part of the name.

    Raises:
        SettingsError: if the name is empty or the weight is not positive.
    """
    name, separator, number = text.rpartition("@")
    try:
        weight = float(number) if separator else None
    except ValueError:
        weight = None
    if weight is None:
        name, weight = text, 1.0
    if not name:
        raise SettingsError(f"{text!r} has no name of a dataset; use NAME or NAME@WEIGHT")
    return DatasetSpec(name=name, weight=weight)


def load_songs(
    specs: Sequence[DatasetSpec | str],
    *,
    data_home: str | os.PathLike[str] | None = None,
    annotations: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    settings: SpectrogramSettings | None = None,
    progress: ProgressCallback | None = None,
    tell: Callable[[str], None] | None = None,
    download: Download | None = None,
    pack_memory: int | None = None,
) -> LoadedSongs:
    """Read the songs of datasets, and analyse audio that is not in the cache.

    Args:
        specs: datasets, as objects or as text for `parse_spec`.
        data_home: folder to look in; see `load_dataset`.
        annotations: folder of GTZAN's beat files; see `load_dataset`.
        cache: folder of the feature cache; None for $BEATTRACK_CACHE or the system's cache folder.
        jobs: number of processes; None for all cores.
        settings: settings of the spectrogram; None for the defaults.
        progress: called for each dataset with the number of files analysed, from 0, and of all its files.
        tell: called with each sentence for the user, the licence of a dataset first.
        download: permission to download what is missing; None downloads nothing.
        pack_memory: bytes for decoded songs of packs in this process; None for `packed.MEMORY`.

    Returns:
        The songs, with problems, notes and summary.

    Raises:
        DatasetError: if a dataset is not found or has nothing to train on, or the cache cannot be written.
        SettingsError: if a specification is invalid or two datasets share recordings.
    """
    chosen = [parse_spec(spec) if isinstance(spec, str) else spec for spec in specs]
    _check_names(chosen)
    loader = _Loader(
        data_home=data_home,
        annotations=annotations,
        cache=FeatureCache(
            folder=cache_folder(None if cache is None else Path(cache)),
            settings=settings or SpectrogramSettings(),
        ),
        jobs=jobs or usable_cores(),
        progress=progress,
        tell=tell or (lambda sentence: None),
        download=download,
    )
    memory.set_limit(MEMORY if pack_memory is None else pack_memory)
    loaded = {spec.name: loader.load(spec.name) for spec in chosen}
    return LoadedSongs(
        songs_by_dataset={name: one.songs for name, one in loaded.items()},
        weights={spec.name: spec.weight for spec in chosen},
        licences={name: one.licence for name, one in loaded.items()},
        problems=tuple(problem for one in loaded.values() for problem in one.problems),
        notes=tuple(note for one in loaded.values() for note in one.notes),
        summary=tuple(sentence for one in loaded.values() for sentence in one.summary),
    )


def _check_names(specs: Sequence[DatasetSpec]) -> None:
    if not specs:
        raise SettingsError("no dataset is given")
    for number, spec in enumerate(specs):
        for other in specs[:number]:
            if overlaps(spec.name, other.name):
                raise SettingsError(
                    f"the datasets {other.name} and {spec.name} share recordings; give only one of them"
                )


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """Songs of one dataset, and what to report about them."""

    songs: tuple[Song, ...]
    licence: str
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()
    summary: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Loader:
    data_home: str | os.PathLike[str] | None
    annotations: str | os.PathLike[str] | None
    cache: FeatureCache
    jobs: int
    progress: ProgressCallback | None
    tell: Callable[[str], None]
    download: Download | None

    def load(self, name: str) -> _Loaded:
        """Load one dataset; raise DatasetError if nothing in it can be used."""
        kind, _, path = name.partition(":")
        loaded = self._pack(path) if kind == "pack" and path else self._recordings(name)
        if not loaded.songs:
            raise DatasetError(f"{name}: nothing in it can be used: {_listed(loaded.problems)}")
        summary = [_usable(name, loaded.songs, loaded.problems)]
        if loaded.notes:
            summary.append(f"{name}: fixed {_listed(loaded.notes)}")
        for sentence in summary:
            self.tell(sentence)
        return replace(loaded, summary=(licence_line(name, loaded.licence), *summary))

    def _recordings(self, name: str) -> _Loaded:
        dataset = load_dataset(
            name, data_home=self.data_home, annotations=self.annotations, download=self.download
        )
        self.tell(licence_line(name, dataset.licence))
        tracks = [track for track in dataset.tracks if track.audio is not None]
        files = [track.audio for track in tracks if track.audio is not None]
        outcomes = self.cache.collect(files, jobs=self.jobs, progress=self.progress)
        songs, problems, notes = [], list(dataset.problems), []
        for track, file, outcome in zip(tracks, files, outcomes, strict=True):
            if isinstance(outcome, str):
                problems.append(Problem(str(file), outcome))
                continue
            try:
                song, fixes = song_of(track, dataset, outcome, self.cache)
            except DatasetError as error:
                problems.append(Problem(str(file), str(error)))
                continue
            songs.append(song)
            notes += [Problem(str(file), note) for note in fixes]
        return _Loaded(
            songs=tuple(songs), licence=dataset.licence, problems=tuple(problems), notes=tuple(notes)
        )

    def _pack(self, folder: str) -> _Loaded:
        songs, problems, notes = [], [], []
        licences: Counter[str] = Counter()
        for song in load_pack(folder):
            self._check_front_end(folder, song)
            try:
                beats = usable_beats(song.beats, song.positions, seconds=song.seconds)
            except DatasetError as error:
                problems.append(Problem(song.id, str(error)))
                continue
            songs.append(_with_beats(song, beats))
            licences[song.licence or "unknown"] += 1
            notes += [Problem(song.id, note) for note in beats.notes]
        licence = "; ".join(f"{count} songs {licence}" for licence, count in licences.most_common())
        self.tell(licence_line(f"pack:{folder}", licence))
        return _Loaded(songs=tuple(songs), licence=licence, problems=tuple(problems), notes=tuple(notes))

    def _check_front_end(self, folder: str, song: Song) -> None:
        wanted = (self.cache.settings.fps, self.cache.settings.bands)
        if (song.fps, song.levels.shape[1]) != wanted:
            raise DatasetError(
                f"{folder}: has {song.fps} frames per second and {song.levels.shape[1]} bands, but the "
                f"settings are {wanted[0]:g} and {wanted[1]}"
            )


def song_of(
    track: Track, dataset: Dataset, features: Features, cache: FeatureCache
) -> tuple[Song, tuple[str, ...]]:
    """Return a song made from a track and its features, and notes on what was fixed.

    Args:
        track: annotated recording.
        dataset: its dataset.
        features: features of its audio.
        cache: cache from which the features are.

    Raises:
        DatasetError: if the beats cannot be used with the audio.
    """
    fps = cache.settings.fps
    beats = usable_beats(track.beats, track.positions, seconds=len(features.levels) / fps)
    source = track.source or dataset.name
    song = Song(
        id=track.id,
        source=source,
        genre=track.genre or "",
        group=track.group or f"{source}/{track.id}",
        licence=track.licence or dataset.licence,
        downbeats=beats.downbeats,
        levels=features.levels,
        quantisation=cache.quantisation,
        fps=int(fps),
        harmony=features.harmony,
        beats=beats.times,
        positions=beats.positions,
    )
    # `usable_beats` reports beats before 0 s itself; the reader's note about them concerns evaluation only.
    read = [note for note in track.notes if EARLY not in note]
    return song, tuple(dict.fromkeys((*read, *features.notes, *beats.notes)))


def _with_beats(song: Song, beats: UsableBeats) -> Song:
    """Return the song with checked beats; downbeats that were not trusted before are not trusted now."""
    trust = song.downbeats if beats.downbeats == "yes" else "no"
    return replace(song, beats=beats.times, positions=beats.positions, downbeats=trust)


def _usable(name: str, songs: Sequence[Song], problems: Sequence[Problem]) -> str:
    seconds = sum(song.seconds for song in songs)
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    length = f"{seconds / size:.1f} {unit}"
    said = f"{name}: {len(songs)} of {len(songs) + len(problems)} usable, {length}"
    return f"{said}; left out {_listed(problems)}" if problems else said


def _listed(problems: Sequence[Problem]) -> str:
    """Return the names of the first files, each with its reason."""
    named = [f"{Path(problem.file).name} ({problem.reason})" for problem in problems[:MAX_LISTED]]
    more = len(problems) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
