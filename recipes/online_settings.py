#!/usr/bin/env python
"""Choose the settings of the online decoder on the held-out songs of a causal run.

    python recipes/online_settings.py runs/tcn-causal activations.pkl --dataset pack:songs [--dataset ...]

Computes the activations of the run's held-out songs unless the file has them, and prints a table of settings:
F-measures of beats and downbeats in an excerpt of 30 s of each song, the same from 5 s on, the F-measures of
the times at which beats were reported, and the median latency from a beat to its report. Nothing of GTZAN is
used. The comparison takes some hours on one core; `--every 4` takes a quarter of the songs.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn import TempoPrior
from beattrack.decoding.online import OnlineDecoder, OnlineSettings

Times = NDArray[np.float64]

EXCERPT_SECONDS = 30.0
WARM_UP_SECONDS = 5.0
FEWEST_BEATS = 8  # of an excerpt; with fewer, F says little
FEWEST_DOWNBEATS = 3
HIT_SECONDS = 0.07  # the window of the F-measure

COLUMNS = ("beats", "from 5 s", "as reported", "downbeats", "from 5 s", "as reported", "latency ms")

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "observation_weight 0.25": {"observation_weight": 0.25},
    "observation_weight 0.5": {"observation_weight": 0.5},
    "observation_weight 1": {"observation_weight": 1.0},
    "least_activation 0.001": {"least_activation": 0.001},
    "least_activation 0.02": {"least_activation": 0.02},
    "observation_lambda 16": {"observation_lambda": 16},
    "observation_lambda 32": {"observation_lambda": 32},
    "longest_region 0.05": {"longest_region": 0.05},
    "transition_lambda 60": {"transition_lambda": 60},
    "transition_lambda 150": {"transition_lambda": 150},
    "no tempo_prior": {"tempo_prior": None},
    "tempo_prior.strength 3": {"tempo_prior": TempoPrior(bpm=105.0, octaves=1.0, strength=3.0)},
    "start_octaves 0.35": {"start_octaves": 0.35},
    "start_octaves 0.8": {"start_octaves": 0.8},
    "common_time 1": {"common_time": 1.0},
    "common_time 10": {"common_time": 10.0},
    "beats_per_bar 2, 3, 4": {"beats_per_bar": (2, 3, 4)},
    "bar_change 0.0001": {"bar_change": 0.0001},
    "bar_change 0.01": {"bar_change": 0.01},
    "lose 0.0005": {"lose": 0.0005},
    "lose 0.01": {"lose": 0.01},
    "threshold 0.3": {"threshold": 0.3},
    "threshold 0.5": {"threshold": 0.5},
    "wait -0.02": {"wait": -0.02},
    "wait 0": {"wait": 0.0},
    "wait 0.02": {"wait": 0.02},
    "tolerance 0.04": {"tolerance": 0.04},
}


class Excerpt(NamedTuple):
    """Activations of shape (frames,), beat times and downbeat times; too few downbeats if none are known."""

    beats: NDArray[np.floating]
    downbeats: NDArray[np.floating]
    fps: float
    beat_times: Times
    downbeat_times: Times


def held_out(run: Path, datasets: Sequence[str]) -> list[Any]:
    """Return the held-out songs of a run with their activations."""
    import torch

    from beattrack.datasets.training import load_songs
    from beattrack.network.inference import Network
    from beattrack.network.model import BeatNetwork
    from beattrack.network.model_settings import ModelSettings
    from beattrack.network.torch_engine import TorchEngine
    from beattrack.training.examples.sampling import split_songs
    from beattrack.training.folder.checkpoints import read_checkpoint
    from beattrack.training.held_out import track
    from beattrack.training.settings import read_settings

    torch.set_num_threads(1)
    settings = read_settings(run / "settings.json")
    loaded = load_songs(datasets)
    songs = split_songs(loaded.songs_by_dataset, loaded.weights, settings.validation).validation
    network = BeatNetwork(settings.network)
    network.load_state_dict(read_checkpoint(run / "last.ckpt")["average"])
    computed = Network(TorchEngine(network.eval(), "cpu"), ModelSettings.of(settings.network))
    return [track(song, name, computed) for song, name in zip(songs.songs, songs.datasets, strict=True)]


def excerpts(tracked: Sequence[Any]) -> list[Excerpt]:
    """Return an excerpt of each song, at a random place that is the same in each run of the script."""
    rng = np.random.default_rng(0)
    cuts = []
    for one in tracked:
        activations = one.activations
        frames = len(activations.beats)
        length = min(round(EXCERPT_SECONDS * activations.fps), frames)
        start = int(rng.integers(0, frames - length + 1))
        times = one.song.beats - start / activations.fps
        inside = (times >= 0) & (times < length / activations.fps)
        first_of_bar = inside & (one.song.positions == 1) & (one.song.downbeats == "yes")
        if inside.sum() >= FEWEST_BEATS:
            cuts.append(
                Excerpt(
                    activations.beats[start : start + length],
                    activations.downbeats[start : start + length],
                    activations.fps,
                    times[inside],
                    times[first_of_bar],
                )
            )
    return cuts


def f_measure(reference: Times, estimate: Times, start: float = 0.0) -> float:
    """Return mir_eval's F-measure of the times from `start` on."""
    import mir_eval.beat

    reference, estimate = reference[reference >= start], np.sort(estimate[estimate >= start])
    if not len(reference) or not len(estimate):
        return 0.0
    return float(mir_eval.beat.f_measure(reference, estimate, f_measure_threshold=HIT_SECONDS))


def score(excerpt: Excerpt, settings: OnlineSettings) -> list[float]:
    """Return a value for each column, NaN for those that cannot be computed."""
    decoder = OnlineDecoder(settings, fps=excerpt.fps)
    found = decoder.process(excerpt.beats, excerpt.downbeats)
    times = np.array([beat.time for beat in found])
    reported = np.array([beat.reported for beat in found])
    first = np.array([beat.position == 1 for beat in found], dtype=bool)
    values = []
    for reference, mask, fewest in (
        (excerpt.beat_times, np.ones(len(found), dtype=bool), FEWEST_BEATS),
        (excerpt.downbeat_times, first, FEWEST_DOWNBEATS),
    ):
        if len(reference) < fewest:
            values += [np.nan] * 3
            continue
        values.append(f_measure(reference, times[mask]))
        values.append(f_measure(reference, times[mask], WARM_UP_SECONDS))
        values.append(f_measure(reference, reported[mask]))
    return [*values, 1000 * latency(excerpt.beat_times, times, reported)]


def latency(reference: Times, times: Times, reported: Times) -> float:
    """Return the median time from a beat to the report of a beat that hits it, NaN without hits."""
    if not len(times):
        return float("nan")
    nearest = reference[np.abs(times[:, None] - reference).argmin(axis=1)]
    hits = np.abs(times - nearest) <= HIT_SECONDS
    return float(np.median((reported - nearest)[hits])) if hits.any() else float("nan")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("activations", type=click.Path(path_type=Path))
@click.option("--dataset", "datasets", multiple=True, help="Dataset of the run; needed for new activations.")
@click.option("--every", default=1, show_default=True, help="Use each n-th song.")
@click.option("--jobs", default=1, show_default=True, help="Number of processes.")
@click.option("--only", default="", help="Only settings whose name contains this text.")
def main(run: Path, activations: Path, datasets: tuple[str, ...], every: int, jobs: int, only: str) -> None:
    """Print the table of settings."""
    if not activations.exists():
        with activations.open("wb") as file:
            pickle.dump(held_out(run, datasets), file)
    with activations.open("rb") as file:
        songs = excerpts(pickle.load(file))[::every]
    click.echo(f"{len(songs)} excerpts\n\n| settings | {' | '.join(COLUMNS)} |")
    click.echo("|" + "---|" * (len(COLUMNS) + 1))
    with ProcessPoolExecutor(jobs) as pool:
        for name, changes in VARIANTS.items():
            if only not in name:
                continue
            values = list(pool.map(partial(score, settings=OnlineSettings(**changes)), songs, chunksize=4))
            *shares, milliseconds = np.nanmean(np.array(values), axis=0)
            cells = [f"{value:.3f}".lstrip("0") for value in shares]
            click.echo(f"| {name} | {' | '.join(cells)} | {milliseconds:.0f} |")


if __name__ == "__main__":
    main()
