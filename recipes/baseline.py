"""Train the 72 k-parameter baseline (Böck & Davies, ISMIR 2020) on a feature pack, on one or two CPU cores.

    python recipes/baseline.py --pack PATH/features --run runs/charts --bfloat16
    python recipes/baseline.py --pack PATH/features --run runs/tapped --bfloat16 --start runs/charts \\
        --steps 2000 --learning-rate 1e-3 --halve 0.75 --pulse-free 0.05

The first run learns beats as charts of rhythm games count them. The second goes on from it for a while, with
fast songs at half their tempo, as listeners tap them, and with noise and tones, which have no beats.

Stops and resumes at any time: the same command goes on from the last checkpoint, and as every step draws its
batch from its own seed, the result does not depend on the interruptions. `recipes/export.py` makes the model
file from the run.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from beattrack import __version__
from beattrack.datasets.pack import FeaturePack, PackedSong, load_pack
from beattrack.files import atomic_path, atomic_write_text
from beattrack.network.model import BeatNetwork
from beattrack.network.settings import NetworkSettings
from beattrack.training.crops import Crop, CropSettings, draw_crop
from beattrack.training.ema import AveragedWeights
from beattrack.training.losses import Losses, losses
from beattrack.training.pulse_free import draw_pulse_free_crop
from beattrack.training.targets import tempo_distribution

VALIDATION_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the result beside the data."""

    seed: int = 1
    steps: int = 9000
    batch: int = 8
    learning_rate: float = 3e-3
    warm_up: int = 200
    weight_decay: float = 1e-2
    clip_norm: float = 0.5
    average_decay: float = 0.998
    downbeat_weight: float = 2.0
    bfloat16: bool = False  # multiply in bfloat16: a third faster where the processor has it
    tempo_weight: float = 0.02
    validation_share: int = 10  # one group in so many
    validation_batches: int = 12
    crop: CropSettings = CropSettings()
    network: NetworkSettings = NetworkSettings()
    start: str | None = None  # folder of a run whose averaged weights to begin with


def is_validation(song: PackedSong, share: int) -> bool:
    """Hold out whole groups, so that versions of one title stay on one side."""
    return int(song.group, 16) % share == 0


def sampling_weights(songs: list[PackedSong]) -> NDArray[np.float64]:
    """Chance of each song: by its length within a genre, genres by the root of their lengths."""
    lengths = np.array([len(song.levels) for song in songs], dtype=np.float64)
    genres = np.array([song.genre for song in songs])
    weights = np.zeros(len(songs))
    for genre in np.unique(genres):
        chosen = genres == genre
        weights[chosen] = lengths[chosen] / np.sqrt(lengths[chosen].sum())
    return weights / weights.sum()


def draw_batch(
    pack: FeaturePack, songs: list[PackedSong], recipe: Recipe, seed: tuple[int, int]
) -> list[Crop]:
    """Draw the batch that belongs to a seed."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(songs), size=recipe.batch, p=sampling_weights(songs))
    return [
        draw_pulse_free_crop(recipe.crop, rng)
        if recipe.crop.pulse_free_share > 0 and rng.random() < recipe.crop.pulse_free_share
        else draw_crop(songs[i], pack.quantisation, recipe.crop, pack.fps, rng)
        for i in chosen
    ]


def batch_losses(network: BeatNetwork, crops: list[Crop], bins: int) -> Losses:
    """Losses of a network on a batch."""

    def stack(arrays: list[NDArray[np.float32]]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays))

    targets = [crop.targets for crop in crops]
    return losses(
        network(stack([crop.spectrogram for crop in crops])),
        beats=stack([target.beats for target in targets]),
        downbeats=stack([target.downbeats for target in targets]),
        beat_weight=stack([target.beat_weight for target in targets]),
        downbeat_weight=stack([target.downbeat_weight for target in targets]),
        tempo=stack([tempo_distribution(target.bpm, bins) for target in targets]),
    )


def standardise(network: BeatNetwork, pack: FeaturePack, songs: list[PackedSong], recipe: Recipe) -> None:
    """Set mean and deviation of the compressed bands from a sample of crops."""
    crops = [crop for i in range(16) for crop in draw_batch(pack, songs, recipe, (recipe.seed, 10**9 + i))]
    bands = network.front_end.compress(torch.from_numpy(np.concatenate([crop.spectrogram for crop in crops])))
    network.front_end.standardise(bands.mean(dim=0), bands.std(dim=0))


def learning_rate(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then a half cosine down to 1 % of the peak."""
    warm = min(1.0, (step + 1) / recipe.warm_up)
    return recipe.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / recipe.steps)))


@torch.no_grad()
def validate(network: BeatNetwork, pack: FeaturePack, songs: list[PackedSong], recipe: Recipe) -> list[float]:
    """Mean loss of each head on crops of held-out songs, the same crops every time."""
    batches = [
        draw_batch(pack, songs, recipe, (VALIDATION_SEED, i)) for i in range(recipe.validation_batches)
    ]
    rows = [batch_losses(network, batch, recipe.network.tempo_bins) for batch in batches]
    return torch.tensor([[loss.item() for loss in row] for row in rows]).mean(dim=0).tolist()


class Run:
    """A training run in a folder: state, log, and the steps themselves."""

    def __init__(self, folder: Path, pack: FeaturePack, recipe: Recipe) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.pack, self.recipe = folder, pack, recipe
        trusted = [song for song in pack.songs if song.downbeats == "yes"]
        self.validation = [song for song in trusted if is_validation(song, recipe.validation_share)]
        self.training = [song for song in pack.songs if not is_validation(song, recipe.validation_share)]
        torch.manual_seed(recipe.seed)
        self.network = BeatNetwork(recipe.network)
        # With channels last, pooling and the gradients of the front-end cost half as much on a CPU.
        self.network.front_end.to(memory_format=torch.channels_last)
        if recipe.start is None:
            standardise(self.network, pack, self.training, recipe)
        else:
            start = torch.load(Path(recipe.start) / "last.pt", weights_only=True)
            self.network.load_state_dict(start["average"])
        self.average = AveragedWeights(self.network, recipe.average_decay)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.seconds = 0.0

    def save(self) -> None:
        """Write the checkpoint that `resume` reads."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "average_steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "random": torch.get_rng_state(),
        }
        with atomic_path(self.folder / "last.pt") as temporary:
            torch.save(state, temporary)

    def resume(self) -> None:
        """Go on from the last checkpoint, where there is one."""
        path = self.folder / "last.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.module.load_state_dict(state["average"])
        self.average.steps = state["average_steps"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["random"])

    def train_step(self) -> Losses:
        """Draw a batch, take one step, return its losses."""
        recipe = self.recipe
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, recipe)
        self.network.train()
        batch = draw_batch(self.pack, self.training, recipe, (recipe.seed, self.step))
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            parts = batch_losses(self.network, batch, recipe.network.tempo_bins)
        total = parts.beats + recipe.downbeat_weight * parts.downbeats + recipe.tempo_weight * parts.tempo
        if not torch.isfinite(total):
            raise click.ClickException(f"the loss became {total.item()} at step {self.step}")
        self.optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip_norm)
        self.optimiser.step()
        self.average.update(self.network)
        self.step += 1
        return parts

    def log(self, recent: list[list[float]]) -> None:
        """Append training and validation losses to log.csv."""
        training = np.mean(recent, axis=0)
        held_out = validate(self.average.module, self.pack, self.validation, self.recipe)
        with (self.folder / "log.csv").open("a", newline="") as file:
            csv.writer(file).writerow([self.step, round(self.seconds), *np.round([*training, *held_out], 5)])

    def train(self, *, every: int) -> None:
        """Train to the last step, with a checkpoint and a line in the log every so many."""
        recent: list[list[float]] = []
        start = time.monotonic() - self.seconds
        while self.step < self.recipe.steps:
            recent.append([loss.item() for loss in self.train_step()])
            if self.step % every == 0 or self.step == self.recipe.steps:
                self.seconds = time.monotonic() - start
                self.log(recent)
                self.save()
                recent = []


def data_sources(songs: list[PackedSong], fps: float) -> list[dict[str, object]]:
    """Hours of each source and licence, as a model card lists them."""
    hours: Counter[tuple[str, str]] = Counter()
    for song in songs:
        hours[song.source, song.licence] += len(song.levels) / fps / 3600
    return [
        {"name": source, "hours": round(value, 2), "licence": licence, "source": "feature pack"}
        for (source, licence), value in sorted(hours.items())
    ]


def command(recipe: Recipe) -> str:
    """The command line that repeats a run, but for the folders; after that of the run it starts from."""
    options = [f"--steps {recipe.steps} --seed {recipe.seed} --learning-rate {recipe.learning_rate:g}"]
    options += ["--bfloat16"] * recipe.bfloat16
    if recipe.start is not None:
        options.append(f"--start {Path(recipe.start).name}")
    if recipe.crop.halve_probability:
        options.append(f"--halve {recipe.crop.halve_probability:g}")
    if recipe.crop.pulse_free_share:
        options.append(f"--pulse-free {recipe.crop.pulse_free_share:g}")
    line = " ".join(["recipes/baseline.py", *options])
    if recipe.start is None:
        return line
    before = json.loads((Path(recipe.start) / "manifest.json").read_text(encoding="utf-8"))["command"]
    return f"{before}; then {line}"


def manifest(run: Run) -> dict[str, object]:
    """What went into the run."""
    return {
        "beattrack": __version__,
        "command": command(run.recipe),
        "recipe": asdict(run.recipe),
        "parameters": run.network.parameter_count(),
        "data": data_sources(run.training, run.pack.fps),
        "training_songs": [song.id for song in run.training],
        "validation_songs": [song.id for song in run.validation],
    }


FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--pack", "folder", required=True, type=FOLDER, help="Feature pack.")
@click.option("--run", "run_folder", required=True, type=FOLDER, help="Folder of the run.")
@click.option("--steps", default=Recipe.steps, show_default=True, help="Training steps.")
@click.option("--seed", default=Recipe.seed, show_default=True)
@click.option(
    "--start", type=click.Path(exists=True, file_okay=False), help="Run whose averaged weights to begin with."
)
@click.option("--learning-rate", default=Recipe.learning_rate, show_default=True)
@click.option("--halve", default=0.0, show_default=True, help="Share of fast songs taken at half tempo.")
@click.option("--pulse-free", default=0.0, show_default=True, help="Share of crops without any beat.")
@click.option("--threads", default=1, show_default=True, help="Threads of torch.")
@click.option("--bfloat16/--float32", default=Recipe.bfloat16, help="Precision of the multiplications.")
@click.option("--every", default=250, show_default=True, help="Steps between checkpoints.")
def main(folder: Path, run_folder: Path, threads: int, every: int, **options: Any) -> None:
    """Train the baseline, or go on with it."""
    torch.set_num_threads(threads)
    crop = CropSettings(halve_probability=options.pop("halve"), pulse_free_share=options.pop("pulse_free"))
    run = Run(run_folder, load_pack(folder), Recipe(crop=crop, **options))
    atomic_write_text(run_folder / "manifest.json", json.dumps(manifest(run), indent=1))
    run.resume()
    run.train(every=every)


if __name__ == "__main__":
    main()
