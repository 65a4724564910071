"""From a run to a model file: what the card says, and where it comes from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

import torch

from beattrack.errors import ModelError
from beattrack.network.inference import load_network
from beattrack.network.input_level import recording_level
from beattrack.network.model import BeatNetwork
from beattrack.registry import find
from beattrack.training.errors import TrainingError
from beattrack.training.folder.card import export_run
from beattrack.training.machine import Machine
from beattrack.training.run import train
from tests.training_cases import example_split, small

SETTINGS = small(steps=4, seed=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "little"
    split = example_split(tmp_path_factory.mktemp("pack"), SETTINGS)
    here = Machine(accelerator="cpu", workers=0, threads=1)
    train(folder, split, SETTINGS, machine=here, command="beattrack train --dataset pack:/a/b@0.5")
    return folder


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_the_file_holds_the_averaged_weights_and_the_card_describes_them(
    checkpoint: str, run: Path, tmp_path: Path
) -> None:
    exported = export_run(run, tmp_path / "out", name="little", checkpoint=checkpoint)
    record = torch.load(run / f"{checkpoint}.ckpt", weights_only=True)
    network = BeatNetwork(SETTINGS.network).eval()
    network.load_state_dict(record["average"])
    spectrogram = np.random.default_rng(0).exponential(size=(300, 73)).astype(np.float32)
    over_level = torch.from_numpy(spectrogram / np.float32(recording_level(spectrogram)))
    with torch.no_grad():
        expected = torch.sigmoid(network(over_level[None]).beats)[0].numpy()
    np.testing.assert_allclose(load_network(exported.path).compute([spectrogram]).beats, expected, atol=1e-5)
    assert exported.difference < 1e-4
    assert exported.step == record["global_step"]

    card = find(exported.path).card  # checks the sum too
    assert card == exported.card
    assert card is not None
    assert (card.name, card.seed, card.licence, card.parameters) == (
        "little",
        3,
        "MIT",
        network.parameter_count(),
    )
    assert [(row.name, row.licence, row.source) for row in card.data] == [("example", "CC0", "feature pack")]
    assert card.recipe == "beattrack train --dataset pack:b@0.5"
    assert card.description.endswith("trained on example.")
    (score,) = card.metrics
    final = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["final"]
    assert (score.dataset, score.files) == ("held-out songs", final["songs"])
    assert score.beats["f"] == final["all"]["beats_f"]


def test_scores_of_other_weights_stay_out_of_the_card(run: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    metrics = json.loads((copied / "metrics.json").read_text(encoding="utf-8"))
    metrics["final"]["step"] -= 1
    (copied / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    assert export_run(copied, tmp_path / "out", name="little").card.metrics == ()


def test_what_cannot_be_exported_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no training run"):
        export_run(tmp_path, tmp_path, name="a")
    with pytest.raises(TrainingError, match="cannot be a model's name"):
        export_run(run, tmp_path, name="../a")
    with pytest.raises(ModelError, match="metrics"):
        export_run(run, tmp_path, name="a", scores=[{"dataset": "x"}])
    assert list(tmp_path.iterdir()) == []
    for name in ("settings", "manifest", "metrics"):
        with pytest.raises(TrainingError, match="is a file of a run"):
            export_run(run, run, name=name)
