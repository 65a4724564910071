"""Turn a training run into a shippable model: models/NAME.onnx and its card models/NAME.json.

    python recipes/export.py --run runs/baseline --name tcn --description "..." [--scores scores.json]

The averaged weights are exported and compared with ONNX Runtime; `--scores` takes what
`recipes/scores.py` measured.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import click
import torch

from beattrack.files import atomic_write_text
from beattrack.model_settings import ModelSettings, from_dict
from beattrack.network.export import export_onnx
from beattrack.network.model import BeatNetwork
from beattrack.network.settings import NetworkSettings
from beattrack.registry import ModelCard

MODELS = Path(__file__).resolve().parents[1] / "models"


def averaged_network(run: Path, manifest: dict[str, Any]) -> BeatNetwork:
    """The network of a run with its averaged weights."""
    settings = from_dict(NetworkSettings, manifest["recipe"]["network"])
    network = BeatNetwork(settings)
    network.load_state_dict(torch.load(run / "last.pt", weights_only=True)["average"])
    return network


def commit() -> str:
    """Commit of the source that exports, with a + where files differ from it."""
    describe = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    return subprocess.run(describe, capture_output=True, text=True, check=True, cwd=MODELS).stdout.strip()


def make_card(
    name: str,
    description: str,
    path: Path,
    network: BeatNetwork,
    settings: ModelSettings,
    manifest: dict[str, Any],
) -> ModelCard:
    """Card of an exported model, without scores."""
    return ModelCard.from_dict(
        {
            "schema_version": 1,
            "name": name,
            "description": description,
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "licence": "MIT",
            "data": manifest["data"],
            "trained_on_datasets": [],
            "parameters": network.parameter_count(),
            "receptive_field_frames": settings.network.receptive_field,
            "fps": settings.spectrogram.fps,
            "seed": manifest["recipe"]["seed"],
            "commit": commit(),
            "recipe": manifest["command"],
            "date": datetime.date.today().isoformat(),
            "metrics": [],
        }
    )


@click.command()
@click.option("--run", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", required=True)
@click.option("--description", required=True, help="One sentence for `beattrack models`.")
@click.option("--scores", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--folder", default=MODELS, type=click.Path(path_type=Path), help="Where the model goes.")
def main(run: Path, name: str, description: str, scores: Path | None, folder: Path) -> None:
    """Export a run."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    network = averaged_network(run, manifest)
    settings = ModelSettings(network=network.settings)
    path = folder / f"{name}.onnx"
    export_onnx(network, settings, path)
    card = make_card(name, description, path, network, settings, manifest).to_dict()
    if scores is not None:
        card["metrics"] = json.loads(scores.read_text(encoding="utf-8"))
    text = json.dumps(ModelCard.from_dict(card).to_dict(), indent=1, ensure_ascii=False)
    atomic_write_text(path.with_suffix(".json"), text + "\n")


if __name__ == "__main__":
    main()
