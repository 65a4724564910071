"""Variable length: the same weights on five seconds, half a minute and ten minutes of the same songs.

    python recipes/lab/lengths.py                       ten-minute songs of a synthesised corpus, a minute
    python recipes/lab/lengths.py --full --dataset ...  the published table, on held-out songs

The same five seconds in the middle of each song are scored. The network and the decoder are given more and
more of the music around them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import mir_eval
import numpy as np
from corpus import make_corpus
from experiments import experiment, figure, save_plot, tidy, versions, write_table
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.datasets.songs import HARMONY_RATIO, Song
from beattrack.datasets.training import load_songs
from beattrack.decoding.make import make_decoder
from beattrack.network.inference import Network, load_network
from beattrack.plot.draw import BEAT, DOWNBEAT, INK, SOFT
from beattrack.registry import find
from beattrack.tracker import PULSE_CONFIDENCE, decode
from beattrack.training.examples.sampling import split_songs
from beattrack.training.settings import ValidationSettings

WINDOW = 5.0  # seconds that are scored
SMALL_LENGTHS, FULL_LENGTHS = (5, 10, 30, 60, 600), (5, 10, 30, 60, 120)
SMALL_SONGS, SMALL_SECONDS = 6, 600.0
EDGE_LENGTH = 30  # seconds of the excerpt whose edges are looked at
EDGES = np.arange(0.0, EDGE_LENGTH / 2 + 0.5, 0.5)  # seconds from the nearest edge
FEWEST_BEATS = 3

Float = NDArray[np.float64]


def excerpt(song: Song, seconds: float) -> tuple[int, int]:
    """Return the first and last frame of the middle of a song, on frames of the harmony view."""
    first = max((len(song.levels) - round(seconds * song.fps)) // 2, 0) // HARMONY_RATIO * HARMONY_RATIO
    return first, min(first + round(seconds * song.fps), len(song.levels))


def activations(song: Song, frames: tuple[int, int], network: Network) -> Activations:
    """Return what a network computes if the excerpt were the whole recording."""
    first, last = frames
    magnitudes = song.quantisation.magnitude(song.levels[first:last])
    if song.harmony is None:
        return network.compute([magnitudes])
    slow = song.harmony[first // HARMONY_RATIO : -(-last // HARMONY_RATIO)]
    return network.compute([magnitudes], [song.quantisation.magnitude(slow)])


def window_scores(song: Song, frames: tuple[int, int], heard: Activations) -> dict[str, float]:
    """Return F-measures of beats and downbeats in the window in the middle of the song."""
    found = decode(heard, make_decoder("dbn"), least_confidence=PULSE_CONFIDENCE)
    start = frames[0] / song.fps
    low, high = (frame / song.fps for frame in excerpt(song, WINDOW))
    scores = {"beats_f": _f_measure(song.beats, found.times + start, low, high)}
    if song.downbeats == "yes" and found.positions is not None:
        ours = found.times[found.positions == 1] + start
        scores["downbeats_f"] = _f_measure(song.beats[song.positions == 1], ours, low, high)
    return scores


def edge_differences(song: Song, network: Network, whole: Activations) -> Float:
    """Return the mean difference of beat activations by distance from the nearest edge of an excerpt."""
    first, last = excerpt(song, EDGE_LENGTH)
    part = activations(song, (first, last), network)
    differences = np.abs(part.beats - whole.beats[first:last])
    frames = np.arange(last - first)
    distance = np.minimum(frames, frames[::-1]) / song.fps
    places = np.digitize(distance, EDGES) - 1
    return np.array([differences[places == place].mean() for place in range(len(EDGES) - 1)])


@experiment
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, help="Music; held-out songs are used.")
@click.option("--model", default="tcn", show_default=True, help="Shipped model or model file.")
def lengths(*, full: bool, out: Path, seed: int, datasets: tuple[str, ...], model: str) -> None:
    """Track excerpts of different lengths with the same weights, and score the seconds that they share."""
    network = load_network(find(model).path, threads=1)
    songs = _songs(out, seed, datasets, max(FULL_LENGTHS))
    rows = []
    for seconds in FULL_LENGTHS if full else SMALL_LENGTHS:
        click.echo(f"{seconds} s of {len(songs)} songs", err=True)
        row = {"seconds": seconds, **_row(songs, network, float(seconds))}
        rows.append({**row, "model": model, "seed": seed, **versions()})
    edges = np.mean(
        [edge_differences(song, network, activations(song, _all(song), network)) for song in songs], 0
    )
    write_table(out / "lengths.csv", rows)
    write_table(
        out / "lengths-edges.csv",
        [
            {"from": low, "to": low + EDGES[1], "difference": value}
            for low, value in zip(EDGES[:-1], edges, strict=True)
        ],
    )
    _plot(out, rows, edges)


def _songs(out: Path, seed: int, datasets: Sequence[str], least: float) -> list[Song]:
    """Return held-out songs that are long enough, or those of a synthesised corpus."""
    if not datasets:
        name = make_corpus(out / "corpus-long", songs=SMALL_SONGS, seconds=SMALL_SECONDS, seed=seed)
        songs = load_songs([name]).songs
    else:
        loaded = load_songs(list(datasets))
        # The share that recipes/tcn.toml holds out.
        split = split_songs(loaded.songs_by_dataset, loaded.weights, ValidationSettings(share=0.15))
        songs = split.validation.songs
    low_high = [(song, [frame / song.fps for frame in excerpt(song, WINDOW)]) for song in songs]
    return [
        song
        for song, (low, high) in low_high
        if song.seconds >= least
        and np.count_nonzero((song.beats > low) & (song.beats < high)) >= FEWEST_BEATS
    ]


def _row(songs: Sequence[Song], network: Network, seconds: float) -> dict[str, Any]:
    scores: list[dict[str, float]] = []
    spent = heard_seconds = 0.0
    for song in songs:
        frames = excerpt(song, seconds)
        started = time.process_time()
        heard = activations(song, frames, network)
        spent += time.process_time() - started
        heard_seconds += heard.duration
        scores.append(window_scores(song, frames, heard))
    means = {
        name: float(np.mean([one[name] for one in scores if name in one]))
        for name in ("beats_f", "downbeats_f")
    }
    return {"songs": len(songs), **means, "network_ms_per_second": 1000 * spent / heard_seconds}


def _f_measure(reference: Float, estimate: Float, low: float, high: float) -> float:
    inside = [times[(times >= low) & (times < high)] for times in (reference, estimate)]
    return float(mir_eval.beat.f_measure(*inside))


def _all(song: Song) -> tuple[int, int]:
    return 0, len(song.levels)


def _plot(out: Path, rows: Sequence[dict[str, Any]], edges: Float) -> None:
    drawing = figure(3.8)
    left, right = drawing.subplots(1, 2)
    seconds = [row["seconds"] for row in rows]
    for measure, colour, label in (("beats_f", BEAT, "beats"), ("downbeats_f", DOWNBEAT, "downbeats")):
        left.plot(seconds, [row[measure] for row in rows], "o-", color=colour, label=label)
    left.set(
        xscale="log", xlabel="seconds that the network hears", ylabel="F-measure of the same 5 s", ylim=(0, 1)
    )
    left.set_xticks(seconds, [str(value) for value in seconds])
    left.minorticks_off()
    left.legend(frameon=False, fontsize=9, loc="lower right")
    right.plot(EDGES[:-1] + np.diff(EDGES) / 2, edges, color=INK)
    right.axvline(0, color=SOFT, lw=0.8)
    right.set(
        xlabel=f"seconds from the nearest edge of {EDGE_LENGTH} s",
        ylabel="mean difference of the beat activation\nfrom that of the whole song",
        ylim=(0, None),
    )
    tidy((left, right))
    save_plot(drawing, out / "lengths.png")


if __name__ == "__main__":
    lengths()
