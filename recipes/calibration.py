#!/usr/bin/env python
"""Fit and measure the calibration of `--confidence` (beattrack/confidence/calibration.py).

    python recipes/calibration.py held-out OUT data/features2 PACK [PACK ...]
    beattrack predict -r MUSIC --activations OTHER/activations -o OTHER/beats
    python recipes/calibration.py fit OUT --check OTHER/activations ANNOTATIONS --plot docs/reliability.png

`held-out` writes the activations and annotations of the held-out songs of feature packs, as `beattrack train`
holds them out, with a shipped model or a model file. `fit` decodes the activations, fits the logistic models
to the songs of every second title, prints their constants, and measures them on the songs of the other titles
and on the datasets given with --check. `fit --shipped` measures the constants of the package instead.

Needs the extras `eval`, `plot` and, for `held-out`, `train`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from beattrack.activations import Activations
from beattrack.confidence import calibration
from beattrack.confidence.calibration import EVIDENCE, Logistic
from beattrack.confidence.certainty import CHECK_BELOW
from beattrack.confidence.features import Features, features
from beattrack.decoding.dbn import DBNDecoder
from beattrack.decoding.posterior import recording_posterior
from beattrack.evaluation.alignment import match_beats
from beattrack.evaluation.matching import find_beat_files, match
from beattrack.formats.readers import BeatSequence, read_beats
from beattrack.result import estimate_metre
from beattrack.tracker import PULSE_CONFIDENCE, decode

Float64 = NDArray[np.float64]

CONFIG = Path(__file__).parent / "tcn.toml"  # of the shipped model
RIGHT_F = 0.9  # of the beats of a file
TEMPO_TOLERANCE = 0.04
BINS = 10
RIDGE = 1.0
TITLE_END = "~"  # in the name of a held-out song, between its title and its id

# Features of each probability, chosen by how well it tells right from wrong in both halves.
MODELS = {
    "BEAT": ("beat_posterior", "beat_activation", "mean_activation", "tempo_head"),
    "DOWNBEAT": ("downbeat_posterior", "downbeat_activation", "beat_activation"),
    "TEMPO": ("tempo_head", "mean_activation"),
    "METRE": ("metre_posterior", "mean_activation"),
    "FILE": ("mean_posterior", "mean_activation", "tempo_head"),
}


@dataclass(frozen=True, eq=False)
class Judged:
    """A decoded song, with what is right about it.

    Attributes:
        title: equal for songs that must be in the same half.
        features: its features.
        right: by the name of the model, 1 or 0 for each beat or for the song; None if not annotated.
        downbeats: which beats are reported as downbeats, shape (beats,).
    """

    title: str
    features: Features
    right: dict[str, Float64 | None]
    downbeats: NDArray[np.bool_]


def judge(
    name: str, activations: Activations, annotation: BeatSequence, decoder: DBNDecoder
) -> Judged | None:
    """Decode a song and compare it with its annotation; None if there is no tempo."""
    found = decode(activations, decoder, least_confidence=PULSE_CONFIDENCE)
    if found.bpm is None:
        return None
    posterior = recording_posterior(activations, decoder, evidence=EVIDENCE)
    times, positions = np.asarray(annotation.times), annotation.positions
    matched, correct = match_beats(times, found.times)
    bpm = 60 / float(np.median(np.diff(times)))
    right: dict[str, Float64 | None] = {
        "BEAT": marks(len(found), correct),
        "TEMPO": np.array([abs(found.bpm / bpm - 1) <= TEMPO_TOLERANCE], dtype=float),
        "FILE": np.array([2 * len(matched) / (len(times) + len(found)) >= RIGHT_F], dtype=float),
        "DOWNBEAT": None,
        "METRE": None,
    }
    if positions is not None:
        right["DOWNBEAT"] = marks(len(found), match_beats(times[np.asarray(positions) == 1], found.times)[1])
        metre = estimate_metre(positions)
        right["METRE"] = None if metre is None else np.array([found.metre == metre], dtype=float)
    return Judged(
        title=name.partition(TITLE_END)[0],
        features=features(found.times, found.bpm, found.metre, activations, posterior),
        right=right,
        downbeats=found.times < 0 if found.positions is None else found.positions == 1,
    )


def marks(count: int, chosen: NDArray[np.int64]) -> Float64:
    """Return an array of shape (count,) that is 1 at the chosen indices."""
    array = np.zeros(count)
    array[chosen] = 1
    return array


def judge_all(activations: Path, annotations: Path) -> list[Judged]:
    """Judge the songs of a folder of activations and a folder of annotations, matched by name."""
    decoder = DBNDecoder()
    pairs = match(find_beat_files(activations, ".npz"), find_beat_files(annotations)).pairs
    judged = [
        judge(name, Activations.load(path), read_beats(annotation), decoder)
        for name, (path, annotation) in sorted(pairs.items())
    ]
    return [song for song in judged if song is not None]


def in_first_half(song: Judged) -> bool:
    """Return whether the title of a song is one of those that the models are fitted to."""
    return hashlib.sha256(song.title.encode()).digest()[-1] % 2 == 0


def columns(songs: Sequence[Judged], model: str, names: Sequence[str]) -> tuple[Float64, Float64]:
    """Return the features (items, names) and what is right (items,), of all songs annotated for a model."""
    rows, right = [], []
    for song in songs:
        wanted = song.right[model]
        if wanted is None:
            continue
        values = [getattr(song.features, name) for name in names]
        values = [calibration.NO_TEMPO_HEAD if value is None else value for value in values]
        rows.append(np.stack([np.broadcast_to(value, wanted.shape) for value in values], axis=1))
        right.append(wanted)
    return np.concatenate(rows), np.concatenate(right)


def fit_logistic(rows: Float64, right: Float64, names: Sequence[str]) -> Logistic:
    """Fit a logistic model with Newton's method and a small ridge penalty on the weights."""
    inputs = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.diag([RIDGE] * len(names) + [0.0])
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (chances - right) + penalty @ weights
        curve = (inputs.T * (chances * (1 - chances))) @ inputs + penalty
        weights -= np.linalg.solve(curve, slope)
    rounded = [round(float(weight), 3) for weight in weights]
    return Logistic(tuple(zip(names, rounded, strict=False)), rounded[-1])


def predicted(songs: Sequence[Judged], model: str, logistic: Logistic) -> tuple[Float64, Float64]:
    """Return the probabilities and what is right, shape (items,), of all songs annotated for a model."""
    wanted = [(song, song.right[model]) for song in songs]
    chances = [
        np.broadcast_to(logistic(song.features), right.shape) for song, right in wanted if right is not None
    ]
    return np.concatenate(chances), np.concatenate([right for _, right in wanted if right is not None])


def calibration_error(chances: Float64, right: Float64) -> float:
    """Return the expected calibration error over 10 bins of equal width."""
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    errors = [
        (bins == number).mean() * abs(chances[bins == number].mean() - right[bins == number].mean())
        for number in np.unique(bins)
    ]
    return float(sum(errors))


def area_under_curve(chances: Float64, right: Float64) -> float:
    """Return the probability that something right has a higher probability than something wrong."""
    yes, no = chances[right == 1], chances[right == 0]
    if not len(yes) or not len(no):
        return float("nan")
    order = np.sort(no)
    below, above = np.searchsorted(order, yes, "left"), np.searchsorted(order, yes, "right")
    return float((below + above).mean() / 2 / len(no))


def report(name: str, songs: Sequence[Judged], models: dict[str, Logistic]) -> None:
    """Print what the models are worth on some songs."""
    click.echo(f"{name}: {len(songs)} songs")
    for model, logistic in models.items():
        chances, right = predicted(songs, model, logistic)
        rows = [(model, chances, right)]
        if model == "DOWNBEAT":
            reported = np.concatenate([song.downbeats for song in songs if song.right[model] is not None])
            rows = [("DOWNBEAT, reported", chances[reported], right[reported])]
            rows += [("DOWNBEAT, others", chances[~reported], right[~reported])]
        for label, p, y in rows:
            click.echo(
                f"  {label:20} {len(p):6} mean {p.mean():.3f} right {y.mean():.3f} "
                f"ECE {calibration_error(p, y):.3f} AUC {area_under_curve(p, y):.3f}"
            )
    report_checks(songs, models["FILE"])


def report_checks(songs: Sequence[Judged], model: Logistic) -> None:
    """Print how well a threshold of the certainty of a file finds the files that are wrong."""
    chances, right = predicted(songs, "FILE", model)
    for threshold in (0.5, 0.6, 0.7, CHECK_BELOW, 0.8, 0.9):
        checked = chances < threshold
        wrong = checked & (right == 0)
        click.echo(
            f"  below {threshold:.2f}: {checked.sum()} of {len(songs)} files, {wrong.sum()} of them wrong, "
            f"of {int((right == 0).sum())} wrong in all"
        )


def draw(path: Path, groups: dict[str, Sequence[Judged]], models: dict[str, Logistic]) -> None:
    """Draw the share that is right over the probability, for beats, reported downbeats, and files."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (model, title, bins) in zip(
        figure.subplots(1, 3),
        [("BEAT", "beats", 10), ("DOWNBEAT", "downbeats", 10), ("FILE", "files (F ≥ 0.9)", 5)],
        strict=True,
    ):
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for marker, (name, songs) in zip("os", groups.items(), strict=True):
            chances, right = predicted(songs, model, models[model])
            if model == "DOWNBEAT":
                kept = np.concatenate([song.downbeats for song in songs if song.right[model] is not None])
                chances, right = chances[kept], right[kept]
            number = np.minimum((chances * bins).astype(int), bins - 1)
            filled = [n for n in range(bins) if (number == n).sum() >= (5 if model == "FILE" else 20)]
            x, y = ([float(v[number == n].mean()) for n in filled] for v in (chances, right))
            sizes = [15 + 300 * float((number == n).mean()) for n in filled]
            axes.plot(x, y, linewidth=1)
            label = f"{name}: ECE {calibration_error(chances, right):.3f}"
            axes.scatter(x, y, s=sizes, marker=marker, alpha=0.7, label=label)
        axes.set(title=title, xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", aspect="equal")
        legend = axes.legend(loc="upper left", fontsize=8)
        for handle in legend.legend_handles:
            handle.set_sizes([30])
    figure.axes[0].set_ylabel("share that is right")
    figure.savefig(path, dpi=100)


@click.group()
def main() -> None:
    """Fit and measure the calibration of the confidence."""


@main.command("held-out")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("packs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--model", default="tcn", help="Shipped model or model file.")
@click.option("--config", default=CONFIG, type=click.Path(path_type=Path), help="Settings of its training.")
def held_out(out: Path, packs: tuple[Path, ...], model: str, config: Path) -> None:
    """Write activations and annotations of the held-out songs of PACKS to the folder OUT."""
    from beattrack.datasets.pack import load_pack
    from beattrack.network.inference import load_network
    from beattrack.registry import find
    from beattrack.training.examples.sampling import split_songs
    from beattrack.training.held_out import Tracked, track
    from beattrack.training.settings import read_settings

    def write(tracked: Tracked) -> None:
        song = tracked.song
        name = f"{song.group}{TITLE_END}{song.id}".replace("/", "_")
        tracked.activations.save(out / "activations" / f"{name}.npz")
        known = song.downbeats == "yes"
        lines = [
            f"{t:.3f}\t{p}" if known else f"{t:.3f}" for t, p in zip(song.beats, song.positions, strict=True)
        ]
        (out / "annotations" / f"{name}.beats").write_text("\n".join(lines) + "\n", encoding="utf-8")

    for folder in ("activations", "annotations"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    songs = {f"pack:{path}": load_pack(path) for path in packs}
    split = split_songs(songs, dict.fromkeys(songs, 1.0), read_settings(config).validation)
    network = load_network(find(model).path)
    held = list(zip(split.validation.songs, split.validation.datasets, strict=True))
    for song, dataset in held:
        write(track(song, dataset, network))
    click.echo(f"{out}: {len(held)} songs")


@main.command("fit")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--check",
    nargs=2,
    type=click.Path(exists=True, path_type=Path),
    help="Folders of activations and annotations of another dataset.",
)
@click.option("--check-name", default="other", help="What to call it in the picture.")
@click.option("--plot", type=click.Path(path_type=Path), help="Picture to write.")
@click.option("--shipped", is_flag=True, help="Measure the constants of the package, and fit none.")
def fit(
    folder: Path, check: tuple[Path, Path] | None, check_name: str, plot: Path | None, shipped: bool
) -> None:
    """Fit the models to half of the songs in FOLDER, and measure them on the others."""
    songs = judge_all(folder / "activations", folder / "annotations")
    halves = (
        [song for song in songs if in_first_half(song)],
        [song for song in songs if not in_first_half(song)],
    )
    if shipped:
        models = {name: getattr(calibration, name) for name in MODELS}
    else:
        models = {
            name: fit_logistic(*columns(halves[0], name, names), names) for name, names in MODELS.items()
        }
        heads = [song.features.tempo_head for song in halves[0] if song.features.tempo_head is not None]
        click.echo(f"NO_TEMPO_HEAD = {np.mean(heads):.2f}" if heads else "no tempo head")
        for name, model in models.items():
            click.echo(f"{name} = {model}")
    groups: dict[str, Sequence[Judged]] = {"held out": halves[1]}
    if check is not None:
        groups[check_name] = judge_all(*check)
    report("fitted", halves[0], models)
    for name, group in groups.items():
        report(name, group, models)
    if plot is not None:
        draw(plot, groups, models)


if __name__ == "__main__":
    main()
