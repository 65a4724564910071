from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beattrack.live.prediction import Prediction
from beattrack.live.pulses import MOST_BENT, PulseTrain

STEP = 0.001


def played(predict, seconds: float, update: float = 0.01) -> list[tuple[float, str]]:
    """Messages and their times, of a train that is asked every millisecond and updated every ten."""
    train, sent = PulseTrain(), []
    for tick in range(round(seconds / STEP)):
        now = tick * STEP
        if tick % round(update / STEP) == 0:
            train.follow(predict(now), now)
        sent += [(now, message) for message in train.due(now)]
    return sent


def pulses(sent: list[tuple[float, str]]) -> np.ndarray:
    return np.array([time for time, message in sent if message == "clock"])


def steady(now: float, bpm: float = 120.0, first: float = 0.25) -> Prediction:
    period = 60 / bpm
    beat = int(np.ceil((now - first) / period - 1e-9))
    return Prediction(first + beat * period, period, beat % 4 + 1, 4)


def test_it_starts_at_a_downbeat_and_has_24_pulses_per_beat() -> None:
    sent = played(steady, 10)
    assert sent[0][1] == "start"
    assert [message for _, message in sent[1:]] == ["clock"] * (len(sent) - 1)
    times = pulses(sent)
    assert times[0] == pytest.approx(0.25, abs=STEP)
    np.testing.assert_allclose(times[::24], 0.25 + np.arange(len(times[::24])) * 0.5, atol=2 * STEP)
    np.testing.assert_allclose(np.diff(times), 0.5 / 24, atol=1.1 * STEP)


def test_it_waits_for_the_downbeat() -> None:
    sent = played(lambda now: steady(now, first=0.25 - 0.5), 5)
    assert sent[0][0] == pytest.approx(1.75, abs=STEP)  # 0.25 is the second beat of a bar


def test_it_follows_a_change_of_tempo() -> None:
    def predict(now: float) -> Prediction:
        return steady(now) if now < 4.25 else steady(now, bpm=150, first=4.25)

    times = pulses(played(predict, 8))
    beats = times[::24]
    after = beats[beats > 4.3]
    np.testing.assert_allclose(after, 4.25 + 0.4 * np.arange(1, len(after) + 1), atol=2 * STEP)


def test_it_catches_up_smoothly_if_the_beat_moves() -> None:
    def predict(now: float) -> Prediction:
        return steady(now) if now < 4 else steady(now, first=0.25 + 0.12)

    times = pulses(played(predict, 10))
    beats = times[::24]
    np.testing.assert_allclose(beats[-4:] % 0.5, 0.37, atol=2 * STEP)
    even = 0.5 / 24
    assert np.diff(times).max() <= even * MOST_BENT + 1.1 * STEP
    assert np.diff(times).min() >= even / MOST_BENT - 1.1 * STEP
    assert len(times) == pytest.approx((10 - 0.25) * 48, abs=24)  # no beat was lost


def test_it_stops_when_the_beat_is_lost_and_starts_again() -> None:
    sent = played(lambda now: None if 3 <= now < 5 else steady(now), 8)
    kinds = [message for _, message in sent]
    assert kinds.count("start") == 2
    assert kinds.count("stop") == 1
    stop = next(time for time, message in sent if message == "stop")
    again = [time for time, message in sent if message == "start"][1]
    assert stop == pytest.approx(3, abs=0.011)
    assert again == pytest.approx(6.25, abs=STEP)  # the next downbeat


def test_a_train_that_was_held_up_sends_all_it_owes() -> None:
    train = PulseTrain()
    train.follow(Prediction(1.0, 0.48, 1, 4), 0.0)
    assert train.due(0.5) == []
    assert train.due(1.1) == ["start"] + ["clock"] * 6
    assert train.next == pytest.approx(1.12)


def test_a_downbeat_that_is_just_over_is_not_missed() -> None:
    train = PulseTrain()
    train.follow(Prediction(1.0, 0.5, 1, 4), 0.9)
    train.follow(Prediction(1.0, 0.5, 1, 4), 1.01)
    assert train.due(1.01) == ["start", "clock"]


def test_it_starts_only_if_the_beat_is_sure_but_then_goes_on() -> None:
    def predict(now: float) -> Prediction:
        return replace(steady(now), confidence=0.9 if 2 <= now < 3 else 0.2)

    sent = played(predict, 6)
    assert sent[0] == (pytest.approx(2.25, abs=STEP), "start")
    assert [message for _, message in sent].count("stop") == 0
    assert sent[-1][0] == pytest.approx(6, abs=0.03)


def test_without_a_metre_it_starts_at_the_next_beat() -> None:
    train = PulseTrain()
    train.follow(Prediction(1.0, 0.5), 1.2)
    assert train.next == pytest.approx(1.5)
    train.follow(None, 1.3)
    assert train.next is None
    assert train.due(2.0) == []
