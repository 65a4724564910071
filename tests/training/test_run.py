"""Runs: they learn, agree, are interrupted and go on, and refuse what is not theirs."""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from beattrack.datasets.base import DatasetError
from beattrack.datasets.pack import load_pack
from beattrack.datasets.packed import MEMORY, memory
from beattrack.errors import SettingsError
from beattrack.training.errors import TrainingError
from beattrack.training.examples.sampling import Split, make_pool, split_songs
from beattrack.training.folder.card import export_run
from beattrack.training.folder.lock import LOCK
from beattrack.training.folder.report import Report
from beattrack.training.machine import Machine
from beattrack.training.module import TrainingModule
from beattrack.training.run import RunOutcome, train
from tests.example_pack import write_pack
from tests.training_cases import PACK, example_split, small

HERE = Machine(accelerator="cpu", workers=0, threads=1)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return example_split(tmp_path_factory.mktemp("pack"), small())


def log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name not in ("seconds", "waited")} for row in rows]


def averages(folder: Path, name: str = "last.ckpt") -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(folder / name, weights_only=True)["average"]
    return weights


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def at_step(step: int, action: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something while step number `step` is taken, counted from 1."""
    original = TrainingModule.training_step

    def training_step(self: TrainingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.global_step == step - 1:
            action()
        return original(self, batch, batch_idx)

    monkeypatch.setattr(TrainingModule, "training_step", training_step)


def test_two_runs_with_one_seed_agree_and_another_seed_differs(split: Split, tmp_path: Path) -> None:
    settings = small(steps=4)
    outcome = train(tmp_path / "one", split, settings, machine=HERE)
    assert outcome == RunOutcome(4, finished=True)
    train(tmp_path / "two", split, settings, machine=Machine(accelerator="cpu", workers=1, threads=1))
    train(tmp_path / "other", split, small(steps=4, seed=2), machine=HERE)
    assert same(averages(tmp_path / "one"), averages(tmp_path / "two"))
    assert log(tmp_path / "one") == log(tmp_path / "two")
    assert not same(averages(tmp_path / "one"), averages(tmp_path / "other"))


@pytest.fixture(scope="module")
def whole(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(folder, split, small(), machine=HERE) == RunOutcome(6, finished=True)
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [3, 4])
def test_an_interrupted_run_ends_where_the_whole_one_does(
    number: int, step: int, split: Split, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        at_step(step, lambda: os.kill(os.getpid(), number), patch)
        outcome = train(tmp_path, split, small(), machine=HERE)
    assert outcome == RunOutcome(step, finished=False, signal=number)
    assert signal.getsignal(number) == before
    assert train(tmp_path, split, small(), machine=HERE) == RunOutcome(6, finished=True)
    assert same(averages(tmp_path), averages(whole))
    assert log(tmp_path) == log(whole)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "weight"])
def test_networks_with_norms_train_go_on_and_are_started_from(
    norm: str, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"network__tcn__norm": norm, "network__tcn__convolutions": 2}
    run, parts, begun = tmp_path / "run", tmp_path / "parts", tmp_path / "begun"
    train(run, split, small(**options), machine=HERE)
    with monkeypatch.context() as patch:
        at_step(3, lambda: os.kill(os.getpid(), signal.SIGINT), patch)
        train(parts, split, small(**options), machine=HERE)
    train(parts, split, small(**options), machine=HERE)
    assert same(averages(run), averages(parts))
    assert log(run) == log(parts)
    variances = [weight for name, weight in averages(run).items() if name.endswith("running_var")]
    assert len(variances) == (20 if norm == "batch" else 0)  # five blocks of two branches
    assert all((variance != 1).all() for variance in variances)

    start = str(export_run(run, tmp_path, name="small").path)
    train(begun, split, small(**options, start=start, steps=1, learning_rate=1e-30), machine=HERE)
    best = averages(run, "best.ckpt")
    fixed = [name for name in best if "running" not in name and "batches" not in name]
    torch.testing.assert_close(*({n: each[n] for n in fixed} for each in (averages(begun), best)))


def test_a_run_that_ended_without_warning_goes_on_from_the_last_epoch(
    split: Split, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end() -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        at_step(4, end, patch)
        with pytest.raises(MemoryError):
            train(tmp_path, split, small(), machine=HERE)
    with (tmp_path / "log.csv").open("a", encoding="utf-8") as file:
        file.write("4" + "," * 15 + "\n")  # a row may be there whose checkpoint was not written any more
    assert train(tmp_path, split, small(), machine=HERE) == RunOutcome(6, finished=True)
    assert same(averages(tmp_path), averages(whole))
    assert log(tmp_path) == log(whole)


def test_a_second_signal_ends_the_run_at_once(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    at_step(3, twice, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, split, small(), machine=HERE)
    assert signal.getsignal(signal.SIGINT) == before
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 2


def written(run: Path) -> dict[str, int]:
    """When each file of a run was written, by name."""
    return {path.name: path.stat().st_mtime_ns for path in run.iterdir() if path.name != LOCK}


def test_a_finished_run_says_so_and_knows_its_scores(split: Split, whole: Path) -> None:
    files = written(whole)
    assert files.keys() == {
        *("settings.json", "manifest.json", "log.csv", "metrics.json", "validation.csv"),
        *("last.ckpt", "best.ckpt"),
    }
    assert train(whole, split, small(), machine=HERE) == RunOutcome(6, finished=True)
    assert written(whole) == files
    metrics = json.loads((whole / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["finished"]
    assert (metrics["latest"]["step"], metrics["final"]["step"]) == (6, metrics["best_step"])
    assert (metrics["latest"]["complete"], metrics["final"]["complete"]) == (False, True)
    assert metrics["final"]["songs"] == len(split.validation.songs)
    assert metrics["audio_seconds_per_second"] > 0
    manifest = json.loads((whole / "manifest.json").read_text(encoding="utf-8"))
    (data,) = manifest["data"]
    assert (data["dataset"], data["source"], data["licence"], data["songs"]) == (
        PACK,
        "example",
        "CC0",
        9,
    )
    assert data["hours"] == pytest.approx(9 * 20 / 3600, abs=1e-3)
    assert manifest["torch"] == torch.__version__
    assert set(manifest["validation_songs"]) == {"example/song0", "example/song10"}


def test_training_learns_the_beats_of_held_out_songs(split: Split, tmp_path: Path) -> None:
    train(tmp_path, split, small(steps=40, steps_per_epoch=20), machine=HERE)
    rows = log(tmp_path)
    share = 0.04  # of the frames, in target mass: 1 + 2 * 0.5 every 50 frames
    guessing = -(share * math.log(share) + (1 - share) * math.log(1 - share))
    assert float(rows[-1]["validation_beats"]) < 0.5 * guessing
    assert float(rows[-1]["beats_f"]) > 0.9


def test_training_stops_early_when_nothing_gets_better(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Report, "score", property(lambda self: 0.5 if self.step == 2 else 0.4))
    settings = small(steps=20, patience=2)
    assert train(tmp_path, split, settings, machine=HERE) == RunOutcome(6, finished=True)
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["global_step"] == 2
    assert train(tmp_path, split, settings, machine=HERE) == RunOutcome(6, finished=True)


def test_a_loss_that_is_no_number_ends_the_run(split: Split, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf|-inf) at step \d+"):
        train(tmp_path, split, small(learning_rate=1e30, clip_norm=1e30), machine=HERE)


def test_weights_that_are_no_numbers_are_not_kept(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = TrainingModule.optimizer_step

    def optimizer_step(self: TrainingModule, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.global_step == 3:  # before it counts the step
            self.network.heads.frames.bias.data.fill_(math.nan)

    monkeypatch.setattr(TrainingModule, "optimizer_step", optimizer_step)
    with pytest.raises(TrainingError, match="the size of the weights became nan at step 4"):
        train(tmp_path, split, small(), machine=HERE)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 2


def test_songs_of_other_bands_are_refused(split: Split, tmp_path: Path) -> None:
    bands = {"network.front_end.bands": 80, "network.front_end.pools": [3, 3, 3]}
    with pytest.raises(SettingsError, match="the spectrogram has 73 bands but the network reads 80"):
        small(**{name.replace(".", "__"): value for name, value in bands.items()})
    narrow = replace(split.training.songs[0], levels=split.training.songs[0].levels[:, :40])
    pool = replace(split.training, songs=(narrow, *split.training.songs[1:]))
    with pytest.raises(TrainingError, match=r"has 40 bands, but network.front_end.bands is 73"):
        train(tmp_path, replace(split, training=pool), small(), machine=HERE)


def test_another_run_in_the_folder_is_refused(split: Split, whole: Path) -> None:
    with pytest.raises(TrainingError, match=r"other settings \(batch is 4 there, 2 here\).*--run"):
        train(whole, split, small(batch=2), machine=HERE)
    fewer = Split(
        training=make_pool({PACK: split.training.songs[1:]}, {PACK: 1.0}),
        validation=split.validation,
    )
    with pytest.raises(TrainingError, match=r"other songs \(9 training songs there, 8 here\)"):
        train(whole, fewer, small(), machine=HERE)


def test_what_is_no_checkpoint_is_refused(split: Split, whole: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (tmp_path.joinpath("sprung").touch, ())

    for name in ("settings.json", "manifest.json"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    for content in (b"", b"not a checkpoint", pickle.dumps(Trap())):
        (tmp_path / "last.ckpt").write_bytes(content)
        with pytest.raises(TrainingError, match=r"last\.ckpt: cannot be read as a checkpoint"):
            train(tmp_path, split, small(), machine=HERE)
    torch.save({"trap": Trap()}, tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match=r"last\.ckpt: "):
        train(tmp_path, split, small(), machine=HERE)
    assert not (tmp_path / "sprung").exists()


def test_files_that_were_left_out_are_in_the_manifest(split: Split, tmp_path: Path) -> None:
    train(tmp_path, split, small(steps=1), machine=HERE, left_out=["a.wav: is silent"])
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["left_out"] == ["a.wav: is silent"]


def test_a_split_needs_both_sides(split: Split, tmp_path: Path) -> None:
    nobody = make_pool({}, {})
    with pytest.raises(TrainingError, match="no song is left to validate on"):
        train(tmp_path, Split(training=split.training, validation=nobody), small(), machine=HERE)
    with pytest.raises(TrainingError, match="no song is left to train on"):
        train(tmp_path, Split(training=nobody, validation=split.validation), small(), machine=HERE)


def test_devices_that_are_not_there_are_refused(split: Split, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot train on these devices"):
        train(tmp_path, split, small(), machine=Machine(accelerator="nonsense"))


def test_processes_that_do_not_fit_the_devices_are_refused(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("TORCHELASTIC_RUN_ID", "x"),
        ("WORLD_SIZE", "2"),
        ("RANK", "0"),
        ("LOCAL_RANK", "0"),
    ):
        monkeypatch.setenv(name, value)
    with pytest.raises(TrainingError, match=r"2 processes were started, but .* ask for 1"):
        train(tmp_path, split, small(), machine=HERE)


def test_strategies_that_cannot_resume_are_refused(split: Split, tmp_path: Path) -> None:
    spawning = replace(HERE, devices="2", strategy="ddp_spawn")
    with pytest.raises(TrainingError, match="use --strategy ddp"):
        train(tmp_path, split, small(), machine=spawning)


def test_damage_of_a_pack_that_a_loader_finds_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    write_pack(tmp_path / "pack", songs=11, seconds=20)
    memory.set_limit(0)
    try:
        songs = load_pack(tmp_path / "pack")
    finally:
        memory.set_limit(MEMORY)
    broken = split_songs({PACK: songs}, {PACK: 1.0}, small().validation)
    damaged: list[Path] = []

    def damage() -> None:
        memory.set_limit(0)
        for file in (tmp_path / "pack").glob("*.xz"):
            file.write_bytes(b"noise")
            damaged.append(file)

    damage_later = replace(HERE, workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beattrack.training.run.prepare_weights", lambda *_: damage())
        with pytest.raises(DatasetError) as caught:
            train(tmp_path / "run", broken, small(), machine=damage_later)
    memory.set_limit(MEMORY)
    assert damaged
    assert str(caught.value).startswith(f"{tmp_path / 'pack'}: damaged feature pack (song")
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()  # though the error still refers to the loader


def test_a_run_can_begin_with_the_weights_of_another(split: Split, whole: Path, tmp_path: Path) -> None:
    settings = small(start=str(whole), steps=1, learning_rate=1e-30, average_decay=0.0)
    train(tmp_path, split, settings, machine=HERE)
    assert same(averages(tmp_path), averages(whole, "best.ckpt"))
    start = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["start"]
    assert start["data"][0]["name"] == "example"
    wide = {"network__front_end__channels": 12, "network__tcn__channels": 12}
    train(tmp_path / "wide", split, small(start=str(whole), steps=1, **wide), machine=HERE)
    assert averages(tmp_path / "wide")["heads.frames.weight"].shape == (2, 12, 1)
    other = small(start=str(whole), network__tcn__dilations=[1, 2, 4, 8, 32])
    with pytest.raises(SettingsError, match="other settings"):
        train(tmp_path / "other", split, other, machine=HERE)


def test_input_is_standardised_band_by_band(split: Split, whole: Path) -> None:
    weights = averages(whole)
    assert len(weights["front_end.band_mean"].unique()) > 60
    assert len(weights["front_end.band_scale"].unique()) > 60
