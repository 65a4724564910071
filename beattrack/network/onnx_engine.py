"""ONNX Runtime on the CPU: the engine of tracking, with a part for causal networks frame by frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.errors import ModelError
from beattrack.network.body import run_phased
from beattrack.network.body_graph import (
    EVENTS,
    SKIPS,
    STREAM,
    TEMPO,
    body_inputs,
    deep_outputs,
    shallow_outputs,
)
from beattrack.network.model_settings import ModelSettings, read_settings
from beattrack.network.settings import NetworkSettings
from beattrack.network.step_graph import Shape, step_output_shapes, step_shapes

Float = NDArray[np.float32]

LONG_FRAMES = 5000  # of the harmony view, 8 minutes; its feature maps then take more than 12 MB
MAX_MODEL_BYTES = 1 << 28  # a hundred times the largest shipped model


class OnnxEngine:
    """ONNX Runtime on the CPU; every call runs in the thread that makes it.

    Any number of threads may call an engine at once. A copied or unpickled engine opens the model file again.

    Attributes:
        phased: the body in phases; None if it runs at once, as in files of earlier versions.
    """

    def __init__(self, session: Any, settings: ModelSettings, path: str) -> None:
        self._path = os.path.abspath(path)
        phased = STREAM in {one.name for one in session.get_inputs()}
        self._graph = _Graph(session, _idle_inputs(settings.network, phased=phased))
        self.phased = OnnxPhased(self._graph, settings.network) if phased else None

    def __reduce__(self) -> tuple[object, ...]:
        return (_reopen, (self._path,))

    def features(self, padded: Float) -> Float:
        """Run the front-end."""
        return self._graph.run(["front_end"], {"spectrogram": padded})[0]

    def harmony(self, harmony: Float) -> Float:
        """Run the harmony path."""
        long = harmony.shape[1] > LONG_FRAMES
        return self._graph.run(["harmony_path"], {"harmony": harmony}, release=long)[0]

    def probabilities(self, features: Float) -> list[Float]:
        """Run body and heads."""
        if self.phased is None:
            return self._graph.run(self._graph.heads, {"features": features}, release=True)
        return [found[None] for found in run_phased(self.phased, features, 1) if found is not None]

    def step(self, inputs: Mapping[str, Float], outputs: Sequence[str]) -> list[Float]:
        """Run one frame of a causal network; `network.step_graph` has the names.

        Args:
            inputs: inputs by name; those that the outputs do not depend on may be missing.
            outputs: names of the outputs to compute.
        """
        return self._graph.run(outputs, inputs)


class OnnxPhased:
    """The body in phases; see `network.body.Phased`."""

    def __init__(self, graph: _Graph, network: NetworkSettings) -> None:
        if network.shallow_reach is None:
            raise ValueError("the body has no phases")
        self._graph, self._network = graph, network
        self.reach = network.shallow_reach

    def shallow(self, features: Float) -> tuple[Float, Float | None]:
        """Run the shallow blocks."""
        stream, *skips = self._graph.run(shallow_outputs(self._network), {"features": features})
        return stream, skips[0] if skips else None

    def deep(self, stream: Float) -> tuple[Float, Float, Float | None]:
        """Run the deep blocks and the heads."""
        beats, downbeats, *skips = self._graph.run(deep_outputs(self._network), {STREAM: stream})
        return beats, downbeats, skips[0] if skips else None

    def finish(self, skips: Float | None) -> Float | None:
        """Run the tempo head, or without one the heads on one frame, and release memory for the decoder."""
        if skips is None:
            self._graph.run([*EVENTS], {}, release=True)
            return None
        (tempo,) = self._graph.run([TEMPO], {SKIPS: skips[None, :, None]}, release=True)
        return np.asarray(tempo[0])


class _Graph:
    """A session that runs parts of the graph. It needs all inputs in every run, so the others get zeros."""

    def __init__(self, session: Any, idle: dict[str, Float]) -> None:
        import onnxruntime

        self._session, self._idle = session, idle
        names = {output.name for output in session.get_outputs()}
        self.heads = [name for name in (*EVENTS, TEMPO) if name in names]
        self._release = onnxruntime.RunOptions()
        self._release.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(
        self, outputs: Sequence[str], inputs: Mapping[str, Float], *, release: bool = False
    ) -> list[Float]:
        """Compute some outputs, and if asked for, release the memory that this and earlier runs took."""
        options = self._release if release else None
        computed: list[Float] = self._session.run(outputs, {**self._idle, **inputs}, options)
        return computed


def _idle_inputs(network: NetworkSettings, *, phased: bool) -> dict[str, Float]:
    shapes: dict[str, Shape] = {
        "spectrogram": (1, network.front_end.receptive_field, network.front_end.bands),
        "features": (1, network.feature_channels, 1),
    }
    if phased:
        shapes |= body_inputs(network)
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


def open_onnx(name: str) -> tuple[OnnxEngine, ModelSettings]:
    """Read a model file.

    Args:
        name: model file.

    Returns:
        The engine and the settings of the model.

    Raises:
        ModelError: if the file is damaged or not a beattrack model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # No threads of its own: they wait for each other at every operation, and most convolutions over time run
    # on one of them. Instead, parts of a recording run side by side (`network.body`).
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(name, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exception classes are private
        raise ModelError(f"{name}: cannot be read as an ONNX model") from error
    settings = read_settings(session.get_modelmeta().custom_metadata_map, name)
    try:
        engine = OnnxEngine(session, settings, name)
        _try_out(engine, settings)
    except Exception as error:  # as above
        raise ModelError(
            f"{name}: its network does not match its settings; export the model again"
        ) from error
    return engine, settings


def _reopen(name: str) -> OnnxEngine:
    if not Path(name).is_file():
        raise ModelError(f"{name}: there is no such model file; a pickled network needs it")
    return open_onnx(name)[0]


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
