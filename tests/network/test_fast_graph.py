from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

from beattrack.network.fast_graph import make_fast  # noqa: E402

CHANNELS = 16


def model(dilation: int, *, alpha: float = 1.0, strides: int = 1) -> onnx.ModelProto:
    """Two convolutions that read the same features, an ELU after each, and their sum."""
    rng = np.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(rng.standard_normal((CHANNELS, CHANNELS, 3)).astype(np.float32), f"w{i}")
        for i in range(2)
    ]
    bias = onnx.numpy_helper.from_array(rng.standard_normal(CHANNELS).astype(np.float32), "b")
    nodes = []
    for i in range(2):
        nodes.append(
            helper.make_node(
                "Conv",
                ["x", f"w{i}", "b"],
                [f"c{i}"],
                name=f"conv{i}",
                kernel_shape=[3],
                dilations=[dilation],
                pads=[2 * dilation, 0],
                strides=[strides],
            )
        )
        nodes.append(helper.make_node("Elu", [f"c{i}"], [f"e{i}"], alpha=alpha))
    nodes.append(helper.make_node("Add", ["e0", "e1"], ["y"]))
    nodes.append(helper.make_node("Elu", ["x"], ["other"]))
    shape = [1, CHANNELS, "frames"]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, CHANNELS, f"{name}_frames"])
            for name in ("y", "other")
        ],
        [*weights, bias],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def outputs(model: onnx.ModelProto, frames: int) -> list[np.ndarray]:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).standard_normal((1, CHANNELS, frames)).astype(np.float32)
    return session.run(None, {"x": 4 * x})


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(("dilation", "strides"), [(1, 1), (64, 1), (2, 3)])
def test_the_outputs_change_by_rounding_alone(dilation: int, strides: int) -> None:
    ours = model(dilation, strides=strides)
    make_fast(ours, ["y"])
    for fast, slow in zip(outputs(ours, 500), outputs(model(dilation, strides=strides), 500), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=1e-5)


def test_the_weights_stay_and_other_outputs_too() -> None:
    before, after = model(4), model(4)
    make_fast(after, ["y"])
    kept = {tensor.name: tensor for tensor in after.graph.initializer}
    assert all(kept[tensor.name] == tensor for tensor in before.graph.initializer)
    assert operators(after).count("Elu") == 1  # that of the other output
    assert operators(after).count("Exp") == 2
    dimensions = [len(node.attribute[0].ints) for node in after.graph.node if node.op_type == "Conv"]
    assert dimensions == [2, 2]


def test_another_elu_stays_as_it_is() -> None:
    ours = model(1, alpha=0.5)
    make_fast(ours, ["y"])
    assert "Exp" not in operators(ours)


def test_the_shipped_model_has_the_fast_operators() -> None:
    shipped = onnx.load(Path(__file__).parents[2] / "models" / "tcn.onnx")
    slow = [node.name for node in shipped.graph.node if node.op_type == "Elu"]
    assert slow
    assert all(name.startswith("/harmony/") for name in slow)
