"""A network with a harmony view learns from it what the spectrogram does not tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from beattrack.datasets.songs import Song
from beattrack.network.inference import load_network
from beattrack.training.examples.data import Batches
from beattrack.training.examples.sampling import Split, make_pool
from beattrack.training.folder.card import export_run
from beattrack.training.folder.checkpoints import LAST, read_checkpoint
from beattrack.training.held_out import cut
from beattrack.training.module import TrainingModule, batch_losses
from beattrack.training.run import train
from tests.training_cases import small, song

SETTINGS = small(
    steps=60,
    steps_per_epoch=30,
    batch=8,
    crop__frames=600,
    crop__harmony_drop=0.2,
    network__front_end__channels=4,
    network__harmony__channels=4,
    network__harmony__convolutions=[6, 4],
    network__harmony__hidden=6,
)


def waltz_of_chords(number: int) -> Song:
    """A song whose beats all sound alike, but whose chord changes at every downbeat."""
    rng = np.random.default_rng(number)
    frames, bar = 2000, 200
    envelope = 30 * np.exp(-(np.arange(frames) % 50) / 6.0)
    levels = ((10 + envelope)[:, None] + rng.uniform(0, 3, (frames, 73))).astype(np.uint8)
    chords = rng.permuted(np.arange(73).repeat(frames // bar).reshape(73, -1).T, axis=1)[:, :6]  # (bars, 6)
    slow = rng.integers(5, 8, (frames // 10, 73), dtype=np.uint8)
    slow[np.arange(frames // 10)[:, None], chords[np.arange(frames // 10) * 10 // bar]] = 40
    beats = np.arange(0, frames / 100, 0.5)
    return song(
        seconds=20,
        id=str(number),
        group=str(number),
        levels=levels,
        harmony=slow,
        beats=beats,
        positions=np.arange(len(beats)) % 4 + 1,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    songs = tuple(waltz_of_chords(number) for number in range(12))
    pools = [make_pool({"pack:chords": part}, {"pack:chords": 1.0}) for part in (songs[:10], songs[10:])]
    folder = tmp_path_factory.mktemp("runs") / "two"
    outcome = train(folder, Split(training=pools[0], validation=pools[1]), SETTINGS)
    assert outcome.finished
    return folder


def test_the_loss_of_downbeats_falls_by_the_slow_view_alone(run: Path) -> None:
    module = TrainingModule(SETTINGS)
    batch = Batches(make_pool({"a": (waltz_of_chords(99),)}, {"a": 1.0}), SETTINGS)[0]
    with torch.no_grad():
        before = batch_losses(module.network.eval(), batch)
    module.averaged.load_state_dict(read_checkpoint(run / LAST)["average"])
    trained = module.averaged.eval()
    with torch.no_grad():
        after = batch_losses(trained, batch)
        blind = batch_losses(trained, {**batch, "harmony": torch.zeros_like(batch["harmony"])})
    assert float(after.beats) < 0.6 * float(before.beats)
    assert float(after.downbeats) < 0.6 * float(before.downbeats)
    assert float(after.downbeats) < 0.8 * float(blind.downbeats)


def test_its_model_file_hears_the_downbeats(run: Path, tmp_path: Path) -> None:
    exported = export_run(run, tmp_path, name="two", checkpoint="last")
    assert exported.difference < 1e-4
    excerpt = cut(waltz_of_chords(98))
    assert excerpt.harmony is not None
    network = load_network(exported.path)
    found = network.compute([excerpt.magnitudes], [excerpt.harmony]).downbeats
    assert found is not None
    frames = np.round(excerpt.beats * 100).astype(int)
    heights = np.array([found[max(frame - 2, 0) : frame + 3].max() for frame in frames[4:-4]])
    first = excerpt.positions[4:-4] == 1
    assert heights[first].min() > 1.5 * heights[~first].mean()


def test_songs_with_a_slow_view_of_other_bands_are_refused(tmp_path: Path) -> None:
    from beattrack.training.errors import TrainingError

    narrow = replace(waltz_of_chords(1), harmony=np.zeros((200, 40), np.uint8))
    pool = make_pool({"a": (narrow,)}, {"a": 1.0})
    with pytest.raises(TrainingError, match="test/1: its harmony view has 40 bands"):
        train(tmp_path / "run", Split(training=pool, validation=pool), SETTINGS)
