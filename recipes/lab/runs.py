"""Training runs that differ in one setting, and their scores on the same held-out songs.

Every run is a folder as `beattrack train` writes it; finished runs are not trained again, interrupted ones
resume.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import mir_eval
import numpy as np
import torch
from corpus import make_corpus
from experiments import experiment, read_table, versions, write_table

from beattrack.datasets.training import DatasetSpec, LoadedSongs, load_songs, parse_spec
from beattrack.decoding.peaks import PeakDecoder, PeakSettings
from beattrack.network.inference import Network
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import FrontEndSettings, NetworkSettings, TCNSettings
from beattrack.network.torch_engine import TorchEngine
from beattrack.runtime.files import atomic_write_text
from beattrack.tracker import decode
from beattrack.training.examples.sampling import Pool, Split, split_songs
from beattrack.training.folder.checkpoints import BEST, read_checkpoint
from beattrack.training.folder.metrics import SONGS
from beattrack.training.held_out import Tracked, choose, track
from beattrack.training.machine import Machine
from beattrack.training.run import train
from beattrack.training.settings import TrainingSettings, read_settings

PEAKS = "peaks.json"
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)  # of peak picking
MEASURES = ("beats_f", "beats_cmlt", "beats_amlt", "downbeats_f")
RESAMPLES = 2000
BAND = (2.5, 97.5)

# Settings of every run of the lab: the spectrogram alone, no tempo head, music at its own tempo.
COMMON: dict[str, Any] = {
    "learning_rate": 3e-3,
    "average_decay": 0.98,
    "loss.downbeats": 3.0,
    "validation.share": 0.15,
    "validation.batches": 1,
    "validation.decode_songs": 1,
    "validation.decode_seconds": 10.0,
    "crop.tempo_pull": 0.5,
    "crop.felt_tempo_pull": 0.0,
    "crop.tempo_jitter": 0.12,
    "crop.tempo_factor": [0.7, 1.4],
    "crop.level.hear_backbeat": True,
    "crop.level.open_bpm": 110.0,
    "crop.level.halve_bpm": 170.0,
    "crop.level.halve_probability": 1.0,
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much an experiment trains.

    Attributes:
        steps: optimiser steps of a run.
        batch: crops per step.
        frames: frames in a crop.
        channels: channels of front-end and TCN.
        held_out: held-out songs of each source that are scored; None for all.
    """

    steps: int
    batch: int
    frames: int
    channels: int
    held_out: int | None


SMALL = Size(steps=300, batch=4, frames=800, channels=12, held_out=None)
FULL = Size(steps=500, batch=8, frames=1500, channels=20, held_out=12)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One run of an experiment.

    Attributes:
        name: name of its folder and of its row in the table.
        settings: its settings, by dotted names, beside those common to all.
        network: its network; None for the TCN of the experiment's size.
        about: further columns of its row.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    network: NetworkSettings | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """What is common to the runs of an experiment.

    Attributes:
        name: name of the experiment.
        out: folder for tables, plots and runs.
        full: whether it has the published size.
        size: how much each run trains.
        seed: seed of all random numbers.
        datasets: music to train on; empty for a small synthesised corpus.
        threads: CPU threads of torch.
    """

    name: str
    out: Path
    full: bool
    size: Size
    seed: int
    datasets: tuple[str, ...]
    threads: int

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return self.out / (f"{self.name}-full" if self.full else self.name)

    def path(self, suffix: str) -> Path:
        """Return the path of the table or plot."""
        return self.out / f"{self.name}{suffix}"


def training_experiment(function: Callable[[Lab], None]) -> click.Command:
    """Make a command of an experiment that trains networks."""

    @functools.wraps(function)
    def command(*, full: bool, out: Path, seed: int, datasets: tuple[str, ...], threads: int) -> None:
        name = function.__name__.replace("_", "-")
        size = FULL if full else SMALL
        function(Lab(name=name, out=out, full=full, size=size, seed=seed, datasets=datasets, threads=threads))

    command = click.option("--dataset", "datasets", metavar="NAME[@WEIGHT]", multiple=True, help=_DATASET)(
        command
    )
    command = click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help=_THREADS)(
        command
    )
    return experiment(command)


_DATASET = (
    "Music to train on, as in `beattrack train`. May be repeated. [default: a small synthesised corpus]"
)
_THREADS = "CPU threads of torch."


def schedule(steps: int) -> dict[str, int]:
    """Return the settings of a run of so many steps."""
    return {"steps": steps, "steps_per_epoch": steps, "warm_up": steps // 10}


def songs_of(lab: Lab) -> LoadedSongs:
    """Read the songs of an experiment; without --dataset, make the synthesised corpus first."""
    names = lab.datasets or (make_corpus(lab.out / "corpus", songs=120, seconds=30.0),)
    return load_songs(list(names), tell=lambda sentence: click.echo(sentence, err=True))


def settings_of(lab: Lab, variant: Variant) -> TrainingSettings:
    """Return the settings of a run."""
    size = lab.size
    given: dict[str, Any] = {
        **COMMON,
        "seed": lab.seed,
        **schedule(size.steps),
        "batch": size.batch,
        "precision": precision(),
        "crop.frames": size.frames,
        **variant.settings,
    }
    network = variant.network or _tcn(size.channels)
    settings = read_settings(None, list(given.items()), network=network)
    specs: list[DatasetSpec] = [parse_spec(name) for name in lab.datasets]
    return replace(settings, dataset=tuple(specs))


def _tcn(channels: int) -> NetworkSettings:
    front_end, tcn = FrontEndSettings(channels=channels), TCNSettings(channels=channels)
    return NetworkSettings(front_end=front_end, tcn=tcn, tempo_bins=0)


def precision() -> str:
    """Return the fastest precision of this processor; without bfloat16 instructions, bf16-mixed is slow."""
    return "bf16-mixed" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "32-true"


def run(lab: Lab, variants: Sequence[Variant], songs: LoadedSongs | None = None) -> list[dict[str, Any]]:
    """Train every variant that is not finished, and return a row of mean scores for each.

    Args:
        lab: the experiment.
        variants: its runs.
        songs: songs to train on; None for those of `songs_of`.
    """
    songs = songs or songs_of(lab)
    rows = []
    for variant in variants:
        settings = settings_of(lab, variant)
        folder = lab.runs / variant.name
        started = time.monotonic()
        split = _limited(split_songs(songs.songs_by_dataset, songs.weights, settings.validation), lab)
        click.echo(f"== {variant.name}", err=True)
        outcome = train(folder, split, settings, machine=_machine(lab), command="recipes/lab", shown=True)
        if not outcome.finished:
            raise click.ClickException("interrupted; run the same command to resume")
        click.echo(f"{variant.name}: {time.monotonic() - started:.0f} s", err=True)
        rows.append({**_row(folder, variant, settings), **_peaks(folder, split.validation, settings)})
    return rows


def scores(folder: Path, measure: str) -> dict[tuple[str, str], float]:
    """Return one measure of each held-out song of a run that has it."""
    rows = read_table(folder / SONGS)
    return {(row["source"], row["id"]): float(row[measure]) for row in rows if row[measure]}


def difference(folder: Path, base: Path, measure: str) -> tuple[float, float, float]:
    """Return the mean difference of a run from another on the same songs, and its 95 % bootstrap interval."""
    ours, theirs = scores(folder, measure), scores(base, measure)
    changes = np.array([ours[song] - theirs[song] for song in sorted(ours) if song in theirs])
    draws = np.random.default_rng(0).integers(0, len(changes), (RESAMPLES, len(changes)))
    low, high = np.percentile(changes[draws].mean(axis=1), BAND)
    return float(changes.mean()), float(low), float(high)


def changes(folder: Path, base: Path, measures: Sequence[str]) -> dict[str, str]:
    """Return the differences of a run from another as columns of a table; empty if both are the same."""
    columns = {}
    for measure in measures:
        mean, low, high = difference(folder, base, measure)
        text = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
        columns[f"{measure}_change"] = text if folder != base else ""
    return columns


def write_rows(lab: Lab, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of an experiment, with seed and versions."""
    write_table(lab.path(".csv"), [{**row, "seed": lab.seed, **versions()} for row in rows])


def _row(folder: Path, variant: Variant, settings: TrainingSettings) -> dict[str, Any]:
    means = {name: float(np.mean(list(scores(folder, name).values()))) for name in MEASURES}
    return {
        "name": variant.name,
        **variant.about,
        "parameters": BeatNetwork(settings.network).parameter_count(),
        "songs": len(scores(folder, "beats_f")),
        **{name: round(mean, 4) for name, mean in means.items()},
    }


def _peaks(folder: Path, pool: Pool, settings: TrainingSettings) -> dict[str, float]:
    """Return the beat F-measure of plain peak picking, which has no model of tempo, and its best threshold.

    The decoder that `validation.csv` is made with knows about tempo and metre, and so makes up for much of
    what a network does not see.
    """
    path = folder / PEAKS
    if not path.exists():
        network = BeatNetwork(settings.network)
        network.load_state_dict(read_checkpoint(folder / BEST)["average"])
        ours = Network(TorchEngine(network.eval(), "cpu"), ModelSettings.of(settings.network))
        tracked = [track(song, name, ours) for song, name in zip(pool.songs, pool.datasets, strict=True)]
        found = {
            threshold: float(np.mean([_peak_score(one, threshold) for one in tracked]))
            for threshold in THRESHOLDS
        }
        best = max(found, key=lambda threshold: found[threshold])
        record = {"peaks_f": round(found[best], 4), "threshold": best}
        atomic_write_text(path, json.dumps(record) + "\n")
    peaks: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return peaks


def _peak_score(tracked: Tracked, threshold: float) -> float:
    decoder = PeakDecoder(PeakSettings(threshold=threshold, downbeat_threshold=threshold))
    found = decode(tracked.activations, decoder).times
    return float(mir_eval.beat.f_measure(tracked.song.beats, found))


def _limited(split: Split, lab: Lab) -> Split:
    """Return a split of which only some held-out songs are decoded."""
    pool = split.validation
    if lab.size.held_out is None:
        return split
    kept = choose(pool.songs, lab.size.held_out)
    chances = pool.chances[kept]
    fewer = Pool(
        songs=tuple(pool.songs[i] for i in kept),
        datasets=tuple(pool.datasets[i] for i in kept),
        chances=chances / chances.sum(),
    )
    return replace(split, validation=fewer)


def _machine(lab: Lab) -> Machine:
    return Machine(accelerator="cpu", workers=0, threads=lab.threads)
