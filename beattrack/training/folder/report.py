"""Scores of held-out songs, together and by source, genre, metre and tempo."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from beattrack.training.held_out import SongScore

# Names in reports and logs, and the names of `beattrack.evaluation.score` for them.
MEANS = {
    "beats_f": "beats.f_measure",
    "beats_cmlt": "beats.cmlt",
    "beats_amlt": "beats.amlt",
    "downbeats_f": "downbeats.f_measure",
    "downbeats_cmlt": "downbeats.cmlt",
    "downbeats_amlt": "downbeats.amlt",
    "acc1": "tempo.acc1",
    "acc2": "tempo.acc2",
    "octave_errors": "fault.octave",
    "double_tempo": "octave.double",
    "half_tempo": "octave.half",
    "off_beat": "fault.phase",
    "metre_right": "bars.metre",
    "downbeat_phase_right": "bars.phase",
}
SCORE = ("beats_f", "beats_cmlt", "downbeats_f")
TEMPO_SCORE = ("acc1", "acc2")  # of networks that find no beats
TEMPO_RANGES = (80, 100, 120, 140, 160)  # BPM


@dataclass(frozen=True, kw_only=True)
class Report:
    """Scores of decoded songs.

    Attributes:
        step: step of the weights.
        complete: whether all held-out songs were decoded in full.
        songs: scores of each song.
    """

    step: int
    complete: bool
    songs: tuple[SongScore, ...]

    @property
    def score(self) -> float:
        """The number by which checkpoints are compared: the mean of beats F, beats CMLt and downbeats F.

        For a network that finds only the tempo, it is the mean of accuracy 1 and 2.
        """
        means = self.means
        known = [means[name] for name in (SCORE if SCORE[0] in means else TEMPO_SCORE) if name in means]
        return sum(known) / len(known) if known else 0.0

    @property
    def means(self) -> dict[str, float]:
        """Means over all songs, by the names in MEANS."""
        return _means(self.songs)

    def headline(self, name: str) -> float | None:
        """Return a mean by its name, or the score for `score`; None if no song has it."""
        return self.score if name == "score" else self.means.get(name)

    def groups(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return means, with the number of songs, for each dataset, source, genre, metre and tempo range."""
        keys: dict[str, Callable[[SongScore], str]] = {
            "dataset": lambda song: song.dataset,
            "source": lambda song: song.source,
            "genre": lambda song: song.genre or "unknown",
            "metre": lambda song: str(song.metre) if song.metre else "unknown",
            "tempo": lambda song: tempo_range(song.bpm),
        }
        return {name: _grouped(self.songs, key) for name, key in keys.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything except single songs as JSON values."""
        return {
            "step": self.step,
            "complete": self.complete,
            "songs": len(self.songs),
            "score": round(self.score, 4),
            "all": _rounded(self.means),
            **{
                group: {name: _rounded(means) for name, means in parts.items()}
                for group, parts in self.groups().items()
            },
        }

    def to_csv(self) -> str:
        """Return a table with one row per song."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        about = ("dataset", "source", "id", "genre", "metre", "bpm")
        writer.writerow((*about, *MEANS))
        for song in self.songs:
            values = [song.values.get(name) for name in MEANS.values()]
            numbers = ["" if value is None else f"{value:.4f}" for value in values]
            writer.writerow([*(getattr(song, name) for name in about[:-1]), f"{song.bpm:.2f}", *numbers])
        return text.getvalue()


def tempo_range(bpm: float) -> str:
    """Return the label of a tempo's range in TEMPO_RANGES, such as `80 to 100`."""
    if bpm < TEMPO_RANGES[0]:
        return f"below {TEMPO_RANGES[0]}"
    for low, high in pairwise(TEMPO_RANGES):
        if bpm < high:
            return f"{low} to {high}"
    return f"{TEMPO_RANGES[-1]} and above"


def _grouped(songs: Sequence[SongScore], key: Callable[[SongScore], str]) -> dict[str, dict[str, float]]:
    parts: dict[str, list[SongScore]] = {}
    for song in songs:
        parts.setdefault(key(song), []).append(song)
    return {name: {"songs": len(parts[name]), **_means(parts[name])} for name in sorted(parts)}


def _means(songs: Sequence[SongScore]) -> dict[str, float]:
    means = {}
    for name, metric in MEANS.items():
        values = [song.values[metric] for song in songs if metric in song.values]
        if values:
            means[name] = sum(values) / len(values)
    return means


def _rounded(means: Mapping[str, float]) -> dict[str, float]:
    return {name: value if isinstance(value, int) else round(value, 4) for name, value in means.items()}
