"""`beattrack train --model-config`: every network trains, is exported and predicts by the same commands."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

from beattrack.network.networks import NETWORKS
from beattrack.training.settings import read_settings
from tests.cli_cases import run, usage_error
from tests.example_pack import write_pack

FEW = (
    *("--steps", 16, "--steps-per-epoch", 4, "--batch", 2, "--learning-rate", 5e-3, "--quiet"),
    *("--accelerator", "cpu", "--workers", 0, "--threads", 1),
    *("--set", "warm_up=1", "--set", "average_decay=0.5", "--set", "crop.frames=400"),
    *("--set", "validation.batches=1", "--set", "validation.decode_every=4"),
    *("--set", "validation.decode_seconds=8.0"),
)
IN_SHORT = ("wavenet", "cnn2d-clip", "gru")  # one of each family; tests/cli/test_train.py trains TCNs


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    write_pack(folder, songs=11, seconds=12)
    return folder


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in IN_SHORT else pytest.mark.slow) for name in NETWORKS]
)
def test_every_network_trains_exports_and_predicts(
    name: str, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    size = ("--parameters", 13_000 if name == "cnn2d-clip" else 4_000)
    # Crops of one tempo, which the bias of the tempo head alone can learn in a few steps.
    own = ("--learning-rate", 5e-2, "--set", "crop.tempo_spread=0.01") if name == "cnn2d-clip" else ()
    trained = run("train", "--model-config", name, *size, "--dataset", f"pack:{pack}", *FEW, *own)
    assert (trained.exit_code, trained.output) == (0, "")
    (folder,) = Path("runs").iterdir()
    assert folder.name == f"{pack.name}-{name}"

    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    head = "tempo" if name == "cnn2d-clip" else "beats"
    assert float(rows[-1][f"validation_{head}"]) < 0.99 * float(rows[0][f"validation_{head}"])

    assert run("export", folder, "--name", name, "--quiet").exit_code == 0
    predicted = run("predict", "--model", folder / f"{name}.onnx", clip, "--format", "json", "-o", "-")
    assert predicted.exit_code == 0
    record = json.loads(predicted.stdout)
    assert record["model"] == name
    if name == "cnn2d-clip":
        assert record["beats"] == []
        assert 55 <= record["tempo"]["bpm"] <= 215
        assert "only the tempo" in record["reason"]
        assert "only the tempo" in predicted.stderr

    field = run("receptive-field", "--model", folder / f"{name}.onnx")
    assert field.exit_code == 0
    assert ("no limit" in field.stdout) == (NETWORKS[name].settings.receptive_field is None)


def test_config_and_set_change_the_network_of_the_model_config(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        "seed = 7\n[network]\ntcn = false\nharmony = false\ntempo_bins = 0\nfront_end.channels = 4\n"
        '[network.recurrent]\nkind = "gru"\nhidden = 8\nlayers = 1\n'
    )
    (tmp_path / "config.toml").write_text("[network.recurrent]\nhidden = 12\nlayers = 2\n")
    changes = ("--config", tmp_path / "config.toml", "--set", "network.recurrent.hidden=6")
    trained = run(
        *("train", "--model-config", tmp_path / "own.toml", *changes, "--dataset", f"pack:{pack}"),
        *(*FEW, "--steps", 1, "--run", tmp_path / "run"),
    )
    assert (trained.exit_code, trained.output) == (0, "")
    settings = read_settings(tmp_path / "run" / "settings.json")
    recurrent = settings.network.recurrent
    assert recurrent is not None
    assert (recurrent.kind, recurrent.layers, recurrent.hidden) == ("gru", 2, 6)
    assert settings.seed == 1  # only the table [network] of the file counts


def test_unusable_model_configs_are_refused_in_a_sentence(tmp_path: Path) -> None:
    train = ("train", "--dataset", "pack:none")
    assert "no network is called 'rnn'" in usage_error("train", *train[1:], "--model-config", "rnn")
    (tmp_path / "a.toml").write_text("seed = 1\n")
    assert "no table [network]" in usage_error(*train, "--model-config", tmp_path / "a.toml")
    message = usage_error(*train, "--model-config", tmp_path / "a.toml", "--parameters", 9000)
    assert "a name, not a file" in message
    message = usage_error(*train, "--model-config", "gru", "--set", "network.tcn.kernel=3")
    assert "either a TCN or a recurrent part" in message
