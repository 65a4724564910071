"""Whatever the samples and the activations are, the result keeps its promises."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from beattrack.activations import Activations
from beattrack.audio import AudioWarning
from beattrack.decoding.base import DecoderName
from beattrack.decoding.make import decoder_with
from beattrack.result import Beats
from beattrack.tracker import BeatTracker, decode
from tests.contract_cases import check

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def tracker() -> BeatTracker:
    return BeatTracker(threads=1)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Samples of any sort, loudness, length up to 4 seconds and number of channels, and their rate."""
    rate = draw(st.sampled_from([4000, 8000, 22050, 44100, 192000]))
    length = draw(st.integers(0, 40) | st.integers(0, 4 * rate))
    channels = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples = rng.standard_normal((length, channels))
    kind = draw(st.sampled_from(["noise", "clicks", "square", "walk", "gated"]))
    if kind == "clicks":
        samples = (np.abs(samples) > 3.5).astype(float)
    elif kind == "square":
        samples = np.sign(np.sin(np.arange(length) / draw(st.floats(1, 1000))))[:, None].repeat(channels, 1)
    elif kind == "walk":
        samples = samples.cumsum(axis=0)
    elif kind == "gated":
        samples *= (np.arange(length) // max(rate // draw(st.integers(1, 20)), 1) % 2)[:, None]
    samples = samples * 10.0 ** draw(st.integers(-8, 8)) + draw(st.sampled_from([0.0, 0.5, -3.0]))
    for value in draw(st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 1e30]), max_size=2)):
        if samples.size:
            samples.flat[draw(st.integers(0, samples.size - 1))] = value
    return samples.astype(draw(st.sampled_from([np.float32, np.float64]))), rate


@few
@given(recording=recordings())
def test_any_samples(tracker: BeatTracker, recording: tuple[np.ndarray, int]) -> None:
    samples, rate = recording
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        beats = check(tracker.track(samples, rate))
    assert beats.duration == pytest.approx(len(samples) / rate, abs=1e-3)


def arrays(length: int) -> st.SearchStrategy[np.ndarray]:
    threshold = float(np.float32(0.05))
    anything = st.floats(width=32) | st.sampled_from([0.0, threshold, 0.5, 1.0])
    return hnp.arrays(np.float32, length, elements=anything)


@st.composite
def activations(draw: st.DrawFn) -> Activations:
    """Any numbers at all, of any length up to 3 seconds, and a pulse or none beneath them."""
    frames = draw(st.integers(0, 300))
    beats = draw(arrays(frames))
    if draw(st.booleans()):
        beats[:: draw(st.integers(1, 100))] = 0.9
    downbeats = draw(st.none() | arrays(frames))
    fps = draw(st.sampled_from([50.0, 100.0, 86.1328125]))
    return Activations(beats, downbeats, fps, draw(st.none() | arrays(draw(st.integers(0, 300)))))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dbn", {}),
        ("dbn", {"beats_per_bar": (2, 3, 5), "correct": False}),
        ("dbn", {"min_bpm": 20.0, "max_bpm": 300.0, "threshold": 0.0}),
        ("peaks", {}),
    ],
)
@few
@given(activations=activations())
def test_any_activations(name: DecoderName, options: dict[str, object], activations: Activations) -> None:
    beats: Beats = check(decode(activations, decoder_with(name, options)))
    assert beats.duration == activations.duration
    if activations.downbeats is None:
        assert beats.positions is None
