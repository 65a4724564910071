from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from beattrack.decoding.online import OnlineBeat
from beattrack.errors import AudioError
from beattrack.live.output import Moment
from beattrack.live.session import run
from beattrack.live.source import LiveSource
from beattrack.streaming import StreamTracker
from tests.streaming_cases import FakeDecoder, FakeNetwork, cut
from tests.synth import click_clip

RATE = 22050
CLICKS = click_clip(np.arange(0.5, 3, 0.5), duration=3, sample_rate=RATE)


class Log:
    def __init__(self) -> None:
        self.beats: list[OnlineBeat] = []
        self.moments: list[Moment] = []

    def beat(self, beat: OnlineBeat) -> None:
        self.beats.append(beat)

    def update(self, moment: Moment) -> None:
        self.moments.append(moment)

    def close(self) -> None:
        raise AssertionError("outputs are closed by those who opened them")


def session(chunks: Iterator[np.ndarray], latency: float = 0.0) -> Log:
    log, now = Log(), iter(np.arange(1, 10_000) / 100 + 500)
    source = LiveSource("test", RATE, 1, chunks, latency=latency)
    run(source, tracker(), [log], clock=lambda: next(now))
    return log


def tracker() -> StreamTracker:
    return StreamTracker(FakeNetwork(look_ahead=8), FakeDecoder(), sample_rate=RATE)


def hops(samples: np.ndarray) -> Iterator[np.ndarray]:
    return cut(samples[:, np.newaxis], 220)


def test_outputs_are_told_beats_and_moments() -> None:
    log = session(hops(CLICKS), latency=0.03)
    np.testing.assert_allclose([beat.time for beat in log.beats], np.arange(0.5, 3, 0.5), atol=0.025)
    assert len(log.moments) == len(list(hops(CLICKS)))
    assert log.moments[-1].seconds == pytest.approx(3)
    # Chunks that come every 10 ms, each of 9.98 ms: the stream began at 500, less the latency.
    assert log.moments[0].offset == pytest.approx(500 - 0.03, abs=1e-3)


def test_beats_that_are_found_at_the_end_are_told() -> None:
    log = session(hops(CLICKS[: round(2.53 * RATE)]))
    assert len(log.beats) == 5


def test_what_came_before_a_failure_is_told() -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from hops(CLICKS[: round(2.53 * RATE)])
        raise AudioError("test: is broken")

    log = Log()
    with pytest.raises(AudioError, match="is broken"):
        run(LiveSource("test", RATE, 1, failing()), tracker(), [log])
    assert len(log.beats) == 5
