"""ONNX export: one file with the weights, the graph and the settings.

The graph has two independent parts, so that hours of music pass in bounded memory: `spectrogram -> front_end`
sees five frames at a time and can run in blocks, `features -> beats, downbeats, tempo` sees minutes and runs
over the whole.
"""

from __future__ import annotations

import copy
import os
import warnings

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from beattrack.errors import ModelError
from beattrack.network.inference import load_network
from beattrack.network.input_level import recording_level
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import METADATA_KEY, ModelSettings
from beattrack.runtime.files import atomic_path

OPSET = 18
PARITY_TOLERANCE = 1e-4
EXAMPLE_FRAMES = (64, 96)


class _TwoParts(nn.Module):
    def __init__(self, network: BeatNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrogram: Tensor, features: Tensor) -> tuple[Tensor, ...]:
        return (self.network.features(spectrogram), *self.network.probabilities(features))


def export_onnx(network: BeatNetwork, settings: ModelSettings, path: str | os.PathLike[str]) -> None:
    """Write `network` to `path`, with dynamic time axes, then check that ONNX Runtime agrees with torch.

    Raises ModelError where the outputs differ by more than 1e-4; nothing is written then.
    """
    network = copy.deepcopy(network).cpu().eval()
    network.front_end.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with atomic_path(path) as temporary:
        _write_graph(network, settings, str(temporary))
        model = onnx.load(str(temporary))
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, settings.to_json()
        onnx.save(model, str(temporary))
        difference = parity(network, temporary, frames=1500)
        if not difference <= PARITY_TOLERANCE:
            raise ModelError(f"the exported model differs from torch by {difference:.2g}")


def _write_graph(network: BeatNetwork, settings: ModelSettings, path: str) -> None:
    frames, other_frames = EXAMPLE_FRAMES
    example = (
        torch.rand(1, frames, settings.network.front_end.bands),
        torch.rand(1, settings.network.tcn.channels, other_frames),
    )
    axes = {
        "spectrogram": {1: "padded_frames"},
        "features": {2: "frames"},
        "front_end": {2: "block_frames"},
        "beats": {1: "frames"},
        "downbeats": {1: "frames"},
    }
    outputs = ["front_end", "beats", "downbeats"] + ["tempo"] * bool(settings.network.tempo_bins)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes about the exporter's own future
        torch.onnx.export(
            # A wrapper in training mode would set the network back to training after the export.
            _TwoParts(network).eval(),
            example,
            path,
            input_names=["spectrogram", "features"],
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


@torch.no_grad()
def parity(network: BeatNetwork, path: str | os.PathLike[str], *, frames: int, seed: int = 0) -> float:
    """Largest difference of any probability between torch and the model file on a random spectrogram."""
    rng = np.random.default_rng(seed)
    spectrogram = rng.exponential(size=(frames, network.settings.front_end.bands)).astype(np.float32)
    exported = load_network(path).compute([spectrogram])
    over_level = torch.from_numpy(spectrogram / np.float32(recording_level(spectrogram)))
    logits = copy.deepcopy(network).eval()(over_level[None])
    pairs = [
        (exported.beats, torch.sigmoid(logits.beats)),
        (exported.downbeats, torch.sigmoid(logits.downbeats)),
    ]
    if logits.tempo is not None:
        pairs.append((exported.tempo, torch.softmax(logits.tempo, dim=1)))
    return max(float(np.abs(ours - theirs[0].numpy()).max()) for ours, theirs in pairs)
