from __future__ import annotations

import numpy as np
import pytest

from beattrack.live.click_player import Backing, ClickPlayer
from beattrack.live.prediction import Prediction
from beattrack.sonify.clicks import click_sound

RATE = 8000
BEAT, DOWNBEAT = 0.5 * click_sound(1000.0, RATE), 0.5 * click_sound(1600.0, RATE)


def rendered(player: ClickPlayer, start: float, seconds: float, block: int = 80) -> np.ndarray:
    count = round(seconds * RATE / block)
    return np.concatenate([player.render(start + i * block / RATE, block) for i in range(count)])


def test_each_beat_clicks_at_its_sample_and_downbeats_are_higher() -> None:
    player = ClickPlayer(RATE)
    player.follow(Prediction(100.25, 0.5, 4, 4))
    sound = rendered(player, 100.0, 1.5)
    expected = np.zeros(len(sound), np.float32)
    for seconds, click in ((0.25, BEAT), (0.75, DOWNBEAT), (1.25, BEAT)):
        place = round(seconds * RATE)
        expected[place : place + len(click)] += click
    np.testing.assert_allclose(sound, expected, atol=1e-7)


@pytest.mark.parametrize("block", [1, 33, 441, 20_000])
def test_blocks_of_any_size_are_the_same(block: int) -> None:
    one, other = ClickPlayer(RATE), ClickPlayer(RATE)
    for player in (one, other):
        player.follow(Prediction(0.1, 0.37, 1, 3))
    length = 4 * RATE // block * block
    sound = rendered(one, 0.0, length / RATE, block)
    np.testing.assert_allclose(sound, rendered(other, 0.0, 5.0, 80)[: len(sound)], atol=1e-7)


def test_a_prediction_that_moves_back_and_forth_clicks_once() -> None:
    player = ClickPlayer(RATE)
    clicks = 0
    for block in range(10, 100):
        player.follow(Prediction(0.505 if block % 2 else 0.495, 0.5))
        clicks += int(np.abs(player.render(block * 0.01, 80)).max() > 0.25)
    assert clicks == 1


def test_a_beat_that_was_predicted_too_late_by_a_moment_clicks_at_once() -> None:
    player = ClickPlayer(RATE)
    player.render(0.99, 80)
    player.follow(Prediction(0.99, 0.5))
    np.testing.assert_allclose(player.render(1.0, 80), BEAT[:80], atol=1e-7)


def test_without_a_beat_there_is_silence() -> None:
    player = ClickPlayer(RATE)
    assert not rendered(player, 0.0, 1.0).any()
    player.follow(Prediction(1.0, 0.5))
    player.follow(None)
    assert not rendered(player, 1.0, 1.0).any()
    player.follow(Prediction(2.0, 0.5, confidence=0.1))
    assert not rendered(player, 2.0, 1.0).any()


def test_the_backing_is_the_music_at_any_time() -> None:
    music = np.random.default_rng(0).uniform(-1, 1, (RATE, 2)).astype(np.float32)
    backing = Backing(RATE, 10.0)
    for start in range(0, RATE, 300):
        backing.add(music[start : start + 300])
    mono = music.mean(axis=1)
    np.testing.assert_allclose(backing.render(0.25, 1000), mono[2000:3000], atol=1e-6)
    np.testing.assert_allclose(backing.render(-0.01, 100)[80:], mono[:20], atol=1e-6)
    assert not backing.render(-0.01, 80).any()
    assert not backing.render(2.0, 80).any()


def test_the_backing_forgets_what_is_over() -> None:
    backing = Backing(RATE, 0.5)
    for _ in range(500):
        backing.add(np.ones((80, 1), np.int16))
    assert len(backing._blocks) <= 52
    assert not backing.render(0.0, 80).any()
    assert backing.render(4.9, 80).all()


def test_the_backing_keeps_a_long_piece_until_it_was_heard() -> None:
    backing = Backing(100.0, 3.0)
    for number in range(4):
        backing.add(np.full((500, 1), number + 1, np.float32))
    assert backing.render(10.0, 500).tolist() == [3.0] * 500
    assert backing.render(15.0, 500).tolist() == [4.0] * 500
