"""The weights of a network, read from the graph of its model file by their names in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from beattrack.network.recurrent_settings import RecurrentKind

Array = NDArray[Any]

PREFIX = "network."  # prefix of the weights' names in the exported graph

# Where the gates of torch, in its order, are in ONNX: input, forget, cell and output of an LSTM; reset,
# update and new of a GRU.
GATES: dict[RecurrentKind, tuple[int, ...]] = {"lstm": (0, 2, 3, 1), "gru": (1, 0, 2)}
RECURRENT: dict[str, RecurrentKind] = {"LSTM": "lstm", "GRU": "gru"}  # by operator


def named_weights(model: Any) -> dict[str, Array]:
    """Return the weights of an ONNX model by the names of `BeatNetwork.state_dict`.

    Args:
        model: an `onnx.ModelProto` written by `export_onnx`.

    Raises:
        KeyError: if the weights of a recurrent layer are missing.
        ValueError: if they do not have the shape of any.
    """
    tensors = {
        tensor.name: np.array(onnx.numpy_helper.to_array(tensor)) for tensor in model.graph.initializer
    }
    # The exporter stores equal tensors once.
    nodes = [node for node in model.graph.node if node.op_type == "Identity" and node.input[0] in tensors]
    stored = {name: name for name in tensors} | {node.output[0]: node.input[0] for node in nodes}
    weights = {
        name.removeprefix(PREFIX): tensors[place] for name, place in stored.items() if name.startswith(PREFIX)
    }
    # A causal network has its layers twice, for whole recordings and single frames, with the same weights.
    layers: dict[tuple[str, ...], RecurrentKind] = {
        tuple(stored[name] for name in node.input[1:4]): RECURRENT[node.op_type]
        for node in model.graph.node
        if node.op_type in RECURRENT
    }
    for layer, (names, kind) in enumerate(layers.items()):
        weights |= _recurrent_weights(kind, layer, [tensors[name] for name in names])
    return weights


def _recurrent_weights(kind: RecurrentKind, layer: int, arrays: list[Array]) -> dict[str, Array]:
    """Return the weights of a layer from those of ONNX: W, R and B, (directions, gates * hidden, ...) each.

    The exporter reorders the gates, joins the directions and both biases, and drops the names.
    """
    inputs, recurrent, biases = arrays
    weights = {}
    for direction, suffix in enumerate(("", "_reverse")[: len(inputs)]):
        ours = {
            "weight_ih": inputs[direction],
            "weight_hh": recurrent[direction],
            **dict(zip(("bias_ih", "bias_hh"), np.split(biases[direction], 2), strict=True)),
        }
        for name, array in ours.items():
            gates = np.split(array, len(GATES[kind]))
            weights[f"recurrent.cells.{name}_l{layer}{suffix}"] = np.concatenate(
                [gates[place] for place in GATES[kind]]
            )
    return weights
