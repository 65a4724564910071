from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from beattrack.rendering.piece import notes_array
from beattrack.rendering.settings import SAMPLE_RATE
from beattrack.rendering.sounding.electronic import Role, play, random_patch

ROLES = get_args(Role)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("pitch", [33, 57, 81])
def test_frequency_and_time_of_a_note(role: Role, pitch: int) -> None:
    patch = replace(random_patch(role, rng()), detune=0.0)
    sound = play(notes_array([(0.5, 1.5, pitch, 100)]), patch, samples=3 * SAMPLE_RATE)
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    spectrum = np.abs(np.fft.rfft(sound[SAMPLE_RATE // 2 : SAMPLE_RATE * 3 // 2])) ** 2
    harmonics = np.unique(np.round(frequency * np.arange(1, int(9000 / frequency) + 1)).astype(int))
    near = np.concatenate([harmonics + step for step in range(-8, 9)])
    assert spectrum[np.unique(near[near > 0])].sum() > 0.9 * spectrum.sum()
    assert not np.any(sound[: SAMPLE_RATE // 2 - 1])
    assert np.abs(sound[-SAMPLE_RATE // 2 :]).max() < 1e-3


@pytest.mark.parametrize("role", ["bass", "pluck"])
def test_struck_sounds_speak_at_once(role: Role) -> None:
    for seed in range(8):
        sound = play(
            notes_array([(0.2, 1.0, 45, 100)]), random_patch(role, rng(seed)), samples=2 * SAMPLE_RATE
        )
        loud = np.argmax(np.abs(sound) > 0.3 * np.abs(sound).max()) / SAMPLE_RATE
        assert 0.2 <= loud < 0.215


def test_velocity_and_notes_outside() -> None:
    patch = random_patch("pluck", rng())
    soft, loud = (play(notes_array([(0.1, 0.5, 60, v)]), patch, samples=SAMPLE_RATE) for v in (40, 120))
    assert np.abs(loud).max() > 2 * np.abs(soft).max()
    assert not np.any(
        play(notes_array([(-1.0, 0.5, 60, 99), (9.0, 9.5, 60, 99)]), patch, samples=SAMPLE_RATE)
    )
    assert play(notes_array([]), patch, samples=100).shape == (100,)
