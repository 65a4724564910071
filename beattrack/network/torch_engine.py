"""Model files in torch: to run on GPUs, and to continue training from shipped weights."""

from __future__ import annotations

import os
import warnings

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from beattrack.errors import ModelError
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings, read_settings
from beattrack.network.norms import folded_names

PREFIX = "network."  # prefix of the weights' names in the exported graph


def load_torch(path: str | os.PathLike[str]) -> tuple[BeatNetwork, ModelSettings]:
    """Read the network and its settings from a model file.

    Args:
        path: model file.

    Returns:
        The network, in evaluation mode on the CPU, and its settings.

    Raises:
        ModelError: if the file is damaged or not a beattrack model.
    """
    name = os.fspath(path)
    try:
        model = onnx.load(name)
    except Exception as error:  # protobuf's DecodeError derives directly from Exception
        raise ModelError(f"{name}: cannot be read as an ONNX model") from error
    settings = read_settings({entry.key: entry.value for entry in model.metadata_props}, name)
    network = BeatNetwork(settings.network)
    merged = folded_names(network)  # from weights that the file has too
    weights = {key: weight for key, weight in stored_weights(model).items() if key not in merged}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"{name}: its weights do not fit its settings") from error
    return network.eval(), settings


def stored_weights(model: onnx.ModelProto) -> dict[str, Tensor]:
    """Return the weights of a network in a model file, by their names in the network."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:  # the exporter stores equal tensors once
        if node.op_type == "Identity" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    return {
        name.removeprefix(PREFIX): torch.from_numpy(np.array(onnx.numpy_helper.to_array(tensor)))
        for name, tensor in stored.items()
        if name.startswith(PREFIX)
    }


class TorchEngine:
    """torch on any device; the body runs at once."""

    phased = None

    def __init__(self, network: BeatNetwork, device: str) -> None:
        self._network = network.to(device)
        self._device = device

    @torch.inference_mode()
    def features(self, padded: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the front-end."""
        return self._network.features(torch.from_numpy(padded).to(self._device)).cpu().numpy()

    @torch.inference_mode()
    def harmony(self, harmony: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the harmony path."""
        return self._network.harmony_features(torch.from_numpy(harmony).to(self._device)).cpu().numpy()

    @torch.inference_mode()
    def probabilities(self, features: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run the TCN and the heads."""
        outputs = self._network.probabilities(torch.from_numpy(features).to(self._device))
        return [output.cpu().numpy() for output in outputs]


def open_torch(path: str | os.PathLike[str], device: str = "cuda") -> tuple[TorchEngine, ModelSettings]:
    """Read a model file for use with torch.

    Args:
        path: model file.
        device: torch device.

    Returns:
        The engine and the settings of the model.

    Raises:
        ModelError: if the device is not available, or the file is damaged or not a beattrack model.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about drivers; the error below is enough
        if device == "cuda" and not torch.cuda.is_available():
            raise ModelError("torch finds no CUDA device; use --device cpu")
    network, settings = load_torch(path)
    return TorchEngine(network, device), settings
