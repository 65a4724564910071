"""A network and a decoder without weights, for streams: a beat wherever the level rises suddenly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from beattrack.decoding.online import OnlineBeat, OnlineState
from beattrack.live.output import Moment
from beattrack.network.model_settings import ModelSettings
from beattrack.network.settings import HarmonyPathSettings, NetworkSettings, TCNSettings

RATE = 22050
CHUNK_SIZES = (1, 7, 160, 441, 4096)
chunk_sizes = st.lists(st.integers(1, 3000), min_size=1, max_size=8)

PLAIN = ModelSettings()
TWO_VIEWS = ModelSettings.of(NetworkSettings(harmony=HarmonyPathSettings(), tcn=TCNSettings(channels=48)))


def cut(samples: np.ndarray, sizes: int | Sequence[int]) -> Iterator[np.ndarray]:
    """Cut samples into chunks of these sizes, in turn."""
    sizes = [sizes] if isinstance(sizes, int) else sizes
    start = turn = 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[start : start + size]
        start, turn = start + size, turn + 1


def noise(seconds: float, rate: int = RATE, channels: int | None = None, seed: int = 0) -> np.ndarray:
    shape = round(seconds * rate) if channels is None else (round(seconds * rate), channels)
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


NOTHING = OnlineState(
    bpm=None, metre=None, position=None, phase=0.0, next_beat=None, confidence=0.0, metre_confidence=0.0
)


class FakeNetwork:
    """Activations: 1 for beats where the level rises; for downbeats, of what has come of both views."""

    def __init__(self, settings: ModelSettings = PLAIN, look_ahead: int = 0) -> None:
        self.settings = settings
        self.look_ahead = look_ahead
        self.reset()

    def reset(self) -> None:
        self._level = self._slow = 0.0
        self._late = [np.empty((0, 2), np.float32)]
        self.frames = self.slow_frames = 0

    def process(self, spectrogram: np.ndarray, harmony: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.slow_frames += len(harmony)
        for frame in harmony:
            self._slow = float(frame.mean())
        outputs = np.empty((len(spectrogram), 2), np.float32)
        for output, frame in zip(outputs, spectrogram, strict=True):
            level = float(frame.mean())
            output[:] = level > max(3 * self._level, 0.02), np.tanh(level + self._slow)
            self._level = level
        self.frames += len(spectrogram)
        return self._hold(outputs, self.look_ahead)

    def finish(self, harmony: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.slow_frames += len(harmony)
        return self._hold(np.empty((0, 2), np.float32), 0)

    def _hold(self, outputs: np.ndarray, held: int) -> tuple[np.ndarray, np.ndarray]:
        whole = np.concatenate([*self._late, outputs])
        self._late = [whole[max(len(whole) - held, 0) :]]
        ready = whole[: max(len(whole) - held, 0)]
        return ready[:, 0], ready[:, 1]


class FakeDecoder:
    """Reports each beat at its frame, four to a bar, and predicts the next at the last interval."""

    def __init__(self, fps: float = 100.0) -> None:
        self._fps = fps
        self.reset()

    def reset(self) -> None:
        self.state = NOTHING
        self.activations: list[tuple[float, float]] = []
        self._last: float | None = None
        self._position = 0

    def process(self, beats: np.ndarray, downbeats: np.ndarray) -> list[OnlineBeat]:
        found = []
        for beat, downbeat in zip(beats.tolist(), downbeats.tolist(), strict=True):
            time = len(self.activations) / self._fps
            self.activations.append((beat, downbeat))
            if beat > 0.5 and (self._last is None or time > self._last + 0.2):
                bpm = None if self._last is None else 60 / (time - self._last)
                self._position = self._position % 4 + 1
                self._last = time
                following = None if bpm is None else time + 60 / bpm
                self.state = online_state(bpm, following, self._position)
                found.append(online_beat(time, self._position, bpm))
        return found


def online_state(bpm: float | None, next_beat: float | None, position: int | None = 1) -> OnlineState:
    return OnlineState(
        bpm=bpm,
        metre=4,
        position=position,
        phase=0.0,
        next_beat=next_beat,
        confidence=0.9,
        metre_confidence=0.8,
    )


def moment(state: OnlineState, seconds: float, offset: float) -> Moment:
    return Moment(SimpleNamespace(state=state), seconds, offset)


def online_beat(time: float, position: int = 1, bpm: float | None = 120.0) -> OnlineBeat:
    return OnlineBeat(time=time, position=position, bpm=bpm, confidence=0.9, reported=time + 0.02)
