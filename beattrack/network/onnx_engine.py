"""ONNX Runtime on the CPU: the engine of tracking, with a part for causal networks frame by frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import ModelError
from beattrack.network.model_settings import ModelSettings, read_settings
from beattrack.network.settings import NetworkSettings
from beattrack.network.step_graph import Shape, step_output_shapes, step_shapes
from beattrack.runtime.cores import usable_cores

Float = NDArray[np.float32]

MAX_MODEL_BYTES = 1 << 28  # a hundred times the largest shipped model


class OnnxEngine:
    """ONNX Runtime on the CPU. A copied or unpickled engine opens the model file again."""

    def __init__(self, session: Any, settings: ModelSettings, path: str, threads: int) -> None:
        import onnxruntime

        self._session = session
        self._opened_by = (os.path.abspath(path), threads)
        # The body runs over many minutes at once; release that memory, up to 0.2 GB, after each run. It costs
        # 2 % of the time for 3 minutes, but the decoder then needs no memory on top of it.
        self._give_back = onnxruntime.RunOptions()
        self._give_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        names = {output.name for output in session.get_outputs()}
        self._heads = [name for name in ("beats", "downbeats", "tempo") if name in names]
        # Every run needs all inputs; parts of the graph that are not run get zeros.
        self._idle = _idle_inputs(settings.network)

    def __reduce__(self) -> tuple[object, ...]:
        return (_reopen, self._opened_by)

    def features(self, padded: Float) -> Float:
        """Run the front-end."""
        (features,) = self._session.run(["front_end"], {**self._idle, "spectrogram": padded})
        return np.asarray(features)

    def harmony(self, harmony: Float) -> Float:
        """Run the harmony path."""
        (features,) = self._session.run(["harmony_path"], {**self._idle, "harmony": harmony})
        return np.asarray(features)

    def probabilities(self, features: Float) -> list[Float]:
        """Run the TCN and the heads."""
        inputs = {**self._idle, "features": features}
        outputs: list[Float] = self._session.run(self._heads, inputs, self._give_back)
        return outputs

    def step(self, inputs: Mapping[str, Float], outputs: Sequence[str]) -> list[Float]:
        """Run one frame of a causal network; `network.step_graph` has the names.

        Args:
            inputs: inputs by name; those that the outputs do not depend on may be missing.
            outputs: names of the outputs to compute.
        """
        computed: list[Float] = self._session.run(outputs, {**self._idle, **inputs})
        return computed


def _idle_inputs(network: NetworkSettings) -> dict[str, Float]:
    shapes: dict[str, Shape] = {
        "spectrogram": (1, network.front_end.receptive_field, network.front_end.bands),
        "features": (1, network.feature_channels, 1),
    }
    if network.harmony is not None:
        shapes["harmony"] = (1, 1, network.harmony.bands)
    if network.causal:
        shapes |= step_shapes(network)
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def check_model_file(name: str) -> None:
    """Raise ModelError if there is no file of this name, or if it is too large for a model."""
    if not Path(name).is_file():
        raise ModelError(f"{name}: there is no such model file")
    if (size := Path(name).stat().st_size) > MAX_MODEL_BYTES:
        raise ModelError(f"{name}: is too large for a model ({size / 1e6:.0f} MB)")


def open_onnx(name: str, *, threads: int) -> tuple[OnnxEngine, ModelSettings]:
    """Read a model file.

    Args:
        name: model file.
        threads: threads to use; more than there are cores would slow each other down.

    Returns:
        The engine and the settings of the model.

    Raises:
        ModelError: if the file is damaged or not a beattrack model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(threads, usable_cores())
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Threads that spin between the many small operations would take cores from other workers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(name, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exception classes are private
        raise ModelError(f"{name}: cannot be read as an ONNX model") from error
    settings = read_settings(session.get_modelmeta().custom_metadata_map, name)
    try:
        engine = OnnxEngine(session, settings, name, threads)
        _try_out(engine, settings)
    except Exception as error:  # as above
        raise ModelError(
            f"{name}: its network does not match its settings; export the model again"
        ) from error
    return engine, settings


def _reopen(name: str, threads: int) -> OnnxEngine:
    if not Path(name).is_file():
        raise ModelError(f"{name}: there is no such model file; a pickled network needs it")
    return open_onnx(name, threads=threads)[0]


def _try_out(engine: OnnxEngine, settings: ModelSettings) -> None:
    """Run one frame; raise ValueError if the shapes do not match the settings."""
    network = settings.network
    features = engine.features(
        np.zeros((1, network.front_end.receptive_field, network.front_end.bands), np.float32)
    )
    outputs = engine.probabilities(np.zeros((1, network.feature_channels, 1), np.float32))
    shapes = [features.shape, *(array.shape for array in outputs)]
    expected: list[tuple[int, ...]] = [(1, network.front_end.channels, 1)]
    expected += [] if network.clip_level else [(1, 1), (1, 1)]
    expected += [(1, network.tempo_bins)] * bool(network.tempo_bins)
    if network.harmony is not None:
        shapes.append(engine.harmony(np.zeros((1, 1, network.harmony.bands), np.float32)).shape)
        expected.append((1, network.harmony.channels, 1))
    if network.causal:
        outputs_of_step = step_output_shapes(network)
        shapes += [array.shape for array in engine.step({}, list(outputs_of_step))]
        expected += outputs_of_step.values()
    if shapes != expected:
        raise ValueError("the shapes differ")
