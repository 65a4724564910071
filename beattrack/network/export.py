"""ONNX export: one file with the weights, the graph and the settings.

The graph has independent parts, so that long recordings need little memory:

- `spectrogram -> front_end` sees five frames at a time and can run in blocks;
- `harmony -> harmony_path` has only ten frames per second;
- `features -> ... -> beats, downbeats, tempo` sees minutes. A TCN runs in phases (`network.body_graph`);
  other bodies run on the whole recording;
- `frame, slow, maps_0, ..., past_0, ... -> step_beats, step_downbeats, map_0, ..., input_0, ...`, in causal
  networks, computes the same frame by frame, as music is played (`network.step_graph`).

Weight norm, and batch norm in the second part, are merged into the convolutions. The weights that the graph
then no longer has are stored beside it, so that training can go on from the file.
"""

from __future__ import annotations

import copy
import os
import warnings
from typing import cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from beattrack.errors import ModelError
from beattrack.network.body_graph import EVENTS, STREAM, body_inputs, deep_outputs, shallow_outputs
from beattrack.network.causal_input import CausalInput
from beattrack.network.fast_graph import make_fast
from beattrack.network.inference import load_network
from beattrack.network.input_level import recording_level
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import METADATA_KEY, ModelSettings
from beattrack.network.norms import fold_weight_norm
from beattrack.network.step_graph import step_output_names, step_shapes
from beattrack.network.tcn import TCN
from beattrack.network.tcn_settings import PHASES
from beattrack.network.torch_engine import PREFIX, stored_weights
from beattrack.runtime.files import atomic_path

OPSET = 18
PARITY_TOLERANCE = 1e-4
EXAMPLE_FRAMES = (64, 96, 40)


class _Parts(nn.Module):
    def __init__(self, network: BeatNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrogram: Tensor, features: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        network, rest = self.network, list(others)
        slow = () if network.harmony is None else (network.harmony_features(rest.pop(0)),)
        phased = [rest.pop(0) for _ in body_inputs(network.settings)]
        if phased:
            body = network.in_phases(features, phased[0], phased[1] if len(phased) > 1 else None)
        else:
            body = network.probabilities(features)
        step = self._step(rest) if rest else ()
        return (network.features(spectrogram), *slow, *body, *step)

    def _step(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        settings = self.network.settings
        frame = inputs.pop(0)
        slow = None if settings.harmony is None else inputs.pop(0)
        maps = len(settings.front_end.past_maps)
        return self.network.step(frame, slow, inputs[:maps], inputs[maps:])


def export_onnx(network: BeatNetwork, settings: ModelSettings, path: str | os.PathLike[str]) -> None:
    """Write a network to a model file, after checking that ONNX Runtime agrees with torch.

    Args:
        network: network to export; it is not changed.
        settings: settings to store in the file.
        path: file to write; its time axes are dynamic.

    Raises:
        ModelError: if the outputs differ by more than 1e-4; then nothing is written.
    """
    network = copy.deepcopy(network).cpu().eval()
    state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    fold_weight_norm(network)
    network.front_end.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with atomic_path(path) as temporary:
        _write_graph(network, settings, str(temporary))
        model = onnx.load(str(temporary))
        _add_missing(model, state)
        if not settings.network.causal:  # live music comes frame by frame: more operators would take longer
            # All outputs at the full frame rate; the harmony path has a tenth of the frames.
            make_fast(model, [output.name for output in model.graph.output if output.name != "harmony_path"])
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, settings.to_json()
        onnx.save(model, str(temporary))
        difference = parity(network, temporary, frames=1500)
        if not difference <= PARITY_TOLERANCE:
            raise ModelError(f"the exported model differs from torch by {difference:.2g}")


def _add_missing(model: onnx.ModelProto, state: dict[str, Tensor]) -> None:
    """Add the weights that the graph does not have, such as those of norms; it does not use them."""
    present = stored_weights(model)
    for name, tensor in state.items():
        if name not in present:
            model.graph.initializer.append(onnx.numpy_helper.from_array(tensor.numpy(), PREFIX + name))


def _write_graph(network: BeatNetwork, settings: ModelSettings, path: str) -> None:
    frames, other_frames, slow_frames = EXAMPLE_FRAMES
    frames = max(frames, 2 * settings.network.front_end.receptive_field)
    example = [
        torch.rand(1, frames, settings.network.front_end.bands),
        torch.rand(1, settings.network.feature_channels, other_frames),
    ]
    inputs, slow = ["spectrogram", "features"], []
    if settings.network.harmony is not None:
        example.append(torch.rand(1, slow_frames, settings.network.harmony.bands))
        inputs, slow = [*inputs, "harmony"], ["harmony_path"]
    phased = body_inputs(settings.network)
    if phased:
        network = copy.deepcopy(network)
        cast(TCN, network.tcn).divide_dilations(PHASES)
        inputs += phased
        example += [torch.rand(shape) for shape in phased.values()]
    step_outputs: list[str] = []
    if settings.network.causal:
        step_inputs, step_outputs = step_shapes(settings.network), step_output_names(settings.network)
        inputs += step_inputs
        example += [torch.rand(shape) for shape in step_inputs.values()]
    axes = {
        "spectrogram": {1: "padded_frames"},
        "features": {2: "frames"},
        "front_end": {2: "block_frames"},
        "beats": {1: "frames"},
        "downbeats": {1: "frames"},
        "harmony": {1: "slow_frames"},
        "harmony_path": {2: "slow_frames"},
        "shallow": {2: "frames"},
        "shallow_skips": {2: "frames"},
        "deep_skips": {0: "phases", 2: "phase_frames"},
    }
    if phased:
        axes[STREAM] = {0: "phases", 2: "phase_frames"}
        axes |= {name: {0: "phases", 1: "phase_frames"} for name in EVENTS}
    tempo = ["tempo"] * bool(settings.network.tempo_bins)
    events = [] if settings.network.clip_level else ["beats", "downbeats"]
    body = [*events, *tempo]
    if phased:
        body = [*shallow_outputs(settings.network), *deep_outputs(settings.network), *tempo]
    outputs = ["front_end", *slow, *body, *step_outputs]
    axes = {name: axis for name, axis in axes.items() if name in (*inputs, *outputs)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations of the exporter
        torch.onnx.export(
            # torch restores the mode of this module after the export, and with it that of the network.
            _Parts(network).eval(),
            tuple(example),
            path,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


@torch.no_grad()
def parity(network: BeatNetwork, path: str | os.PathLike[str], *, frames: int, seed: int = 0) -> float:
    """Compute the largest difference between the probabilities of torch and of a model file.

    Args:
        network: network that the file was exported from.
        path: model file.
        frames: length of the random input.
        seed: seed of the random input.

    Returns:
        Largest absolute difference of any beat, downbeat or tempo probability.
    """
    rng = np.random.default_rng(seed)
    spectrogram = rng.exponential(size=(frames, network.settings.front_end.bands)).astype(np.float32)
    views = [spectrogram]
    if path_settings := network.settings.harmony:
        slow_frames = -(-frames // path_settings.ratio)
        views.append(rng.exponential(size=(slow_frames, path_settings.bands)).astype(np.float32))
    exported = load_network(path).compute(*([view] for view in views))
    logits = copy.deepcopy(network).eval()(*_over_level(views, network))
    pairs = [
        (found, torch.sigmoid(head))
        for found, head in ((exported.beats, logits.beats), (exported.downbeats, logits.downbeats))
        if head is not None
    ]
    if logits.tempo is not None:
        pairs.append((exported.tempo, torch.softmax(logits.tempo, dim=1)))
    return max(float(np.abs(ours - theirs[0].numpy()).max()) for ours, theirs in pairs)


def _over_level(views: list[NDArray[np.float32]], network: BeatNetwork) -> list[Tensor]:
    """Return the views as the network's input, (1, frames, bands) each."""
    if not network.settings.causal:
        return [torch.from_numpy(view / np.float32(recording_level(view)))[None] for view in views]
    causal = CausalInput(ModelSettings.of(network.settings))
    normalised = [causal.spectrogram(views[0]), *map(causal.harmony, views[1:])]
    return [torch.from_numpy(view)[None] for view in normalised]
