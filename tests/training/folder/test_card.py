"""From a run to a model file: what the card says, and where it comes from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

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
from beattrack.training.folder.card import card_data, export_run, recipe, trained_on
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


def manifest(*data: tuple[str, str, float], **more: Any) -> dict[str, Any]:
    rows = [
        {"dataset": name, "source": source, "licence": "CC0", "hours": hours} for name, source, hours in data
    ]
    return {"data": rows, "command": "beattrack train", **more}


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


def test_what_a_run_started_from_counts_too() -> None:
    start = {
        "data": [{"name": "old", "hours": 5.0, "licence": "MIT", "source": "beattrack render"}],
        "trained_on_datasets": ["ballroom"],
        "recipe": "beattrack train --steps 5",
    }
    record = manifest(
        ("rendered:/x", "mma", 1.0), ("rendered:/y", "mma", 2.0), ("gtzan", "gtzan", 8.0), start=start
    )
    assert [(row["name"], row["hours"], row["source"]) for row in card_data(record)] == [
        ("gtzan", 8.0, "gtzan"),
        ("mma", 3.0, "beattrack render"),
        ("old", 5.0, "beattrack render"),
    ]
    assert trained_on(record) == ["ballroom", "gtzan", "rendered:x", "rendered:y"]
    assert recipe(record) == "beattrack train --steps 5; then beattrack train"


def test_scores_are_void_on_all_that_was_seen() -> None:
    packed = manifest(("pack:/x/charts", "beatsaber", 1.0), ("pack:/x/charts", "ballroom", 1.0))
    assert trained_on(packed) == ["ballroom", "beatsaber"]
    assert trained_on(manifest(("pack:/x/charts", "gtzan", 1.0))) == ["gtzan"]
    assert trained_on(
        manifest(("folder:/home/me/songs/", "folder", 1.0), ("gtzan-mini", "gtzan-mini", 1.0))
    ) == [
        "folder:songs",
        "gtzan-mini",
    ]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("beattrack train --run /home/me/runs/a --steps 5", "beattrack train --run a --steps 5"),
        ("beattrack train --dataset folder:~/music@2", "beattrack train --dataset folder:music@2"),
        (
            "beattrack train --dataset 'rendered:/my music/x'",
            "beattrack train --dataset 'rendered:my music/x'",
        ),
        ("beattrack train --config recipes/tcn.toml", "beattrack train --config recipes/tcn.toml"),
        ("beattrack train --run ../runs/a", "beattrack train --run ../runs/a"),
    ],
)
def test_paths_of_this_machine_stay_out_of_the_card(command: str, shown: str) -> None:
    assert recipe({"data": [], "command": command}) == shown


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
