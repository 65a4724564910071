"""Export a model again, with the same weights, after the graph of model files has changed.

    python recipes/reexport.py models/tcn.onnx

Replaces the file and the sha256 in the model card beside it. Fails if a weight changes, or if the outputs
differ from those of torch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from beattrack.network.export import export_onnx
from beattrack.network.torch_engine import load_torch
from beattrack.runtime.files import atomic_write_text, sha256_of


def main() -> None:
    """Export the model of the command line."""
    path, new = Path(sys.argv[1]), Path(sys.argv[1]).with_suffix(".new.onnx")
    network, settings = load_torch(path)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    export_onnx(network, settings, new)
    after = load_torch(new)[0].state_dict()
    if before.keys() != after.keys() or not all(torch.equal(before[name], after[name]) for name in before):
        sys.exit(f"the weights have changed in {new}")
    new.replace(path)
    card = path.with_suffix(".json")
    text = card.read_text(encoding="utf-8")
    atomic_write_text(card, text.replace(json.loads(text)["sha256"], sha256_of(path)))


if __name__ == "__main__":
    main()
