"""The recipe of the shipped weights, from a pack to a model that the predict path opens."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("onnx")

from beattrack.datasets.pack import FeaturePack, load_pack
from beattrack.inference import load_network
from beattrack.network.settings import FrontEndSettings, NetworkSettings, TCNSettings
from beattrack.registry import find
from beattrack.training.crops import CropSettings
from recipes import baseline, export
from tests.example_pack import write_pack

NETWORK = NetworkSettings(
    front_end=FrontEndSettings(channels=8), tcn=TCNSettings(channels=8, dilations=(1, 2, 4, 8, 16))
)


SMALL = baseline.Recipe(
    steps=40,
    batch=4,
    warm_up=5,
    learning_rate=2e-2,
    average_decay=0.9,
    validation_batches=1,
    network=NETWORK,
    crop=CropSettings(frames=400),
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> FeaturePack:
    folder = tmp_path_factory.mktemp("pack")
    write_pack(folder, songs=11, seconds=20)
    return load_pack(folder)


def log(folder: Path) -> list[list[float]]:
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        return [[float(value) for value in row] for row in csv.reader(file)]


def test_training_learns_the_beats_of_held_out_songs(pack: FeaturePack, tmp_path: Path) -> None:
    run = baseline.Run(tmp_path, pack, SMALL)
    assert {song.id for song in run.validation} == {"song0", "song10"}
    assert not {song.id for song in run.validation} & {song.id for song in run.training}
    run.train(every=SMALL.steps)
    share = 0.04  # of the frames, in target mass: 1 + 2 * 0.5 every 50 frames
    guessing = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert log(tmp_path)[-1][5] < 0.5 * guessing


def test_an_interrupted_run_ends_where_the_whole_one_does(pack: FeaturePack, tmp_path: Path) -> None:
    short = replace(SMALL, steps=6)
    baseline.Run(tmp_path / "whole", pack, short).train(every=2)

    interrupted = baseline.Run(tmp_path / "parts", pack, short)
    interrupted.train_step()
    interrupted.train_step()
    interrupted.save()
    interrupted.train_step()  # lost: not saved
    resumed = baseline.Run(tmp_path / "parts", pack, short)
    resumed.resume()
    assert resumed.step == 2
    resumed.train(every=2)
    np.testing.assert_allclose(log(tmp_path / "parts")[-1][2:], log(tmp_path / "whole")[-1][2:], rtol=1e-5)


def test_a_loss_that_is_no_number_stops_with_a_sentence(pack: FeaturePack, tmp_path: Path) -> None:
    run = baseline.Run(tmp_path, pack, SMALL)
    run.network.front_end.band_mean.fill_(float("nan"))
    with pytest.raises(Exception, match="the loss became nan at step 0"):
        run.train_step()


def test_a_run_becomes_a_model_with_a_card(pack: FeaturePack, tmp_path: Path) -> None:
    run = baseline.Run(tmp_path / "run", pack, SMALL)
    run.train_step()
    run.save()
    manifest = json.dumps(baseline.manifest(run))
    (tmp_path / "run" / "manifest.json").write_text(manifest, encoding="utf-8")
    options = ["--run", str(tmp_path / "run"), "--name", "small", "--description", "For a test."]
    result = CliRunner().invoke(export.main, [*options, "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output

    model = find(tmp_path / "small.onnx")
    assert model.card is not None
    assert model.card.seed == SMALL.seed
    assert [(row.name, row.licence) for row in model.card.data] == [("example", "CC0")]
    network = load_network(model.path)
    assert network.settings.network == NETWORK
    spectrogram = np.random.default_rng(0).exponential(size=(500, 73)).astype(np.float32)
    assert network.compute([spectrogram]).beats.any()
