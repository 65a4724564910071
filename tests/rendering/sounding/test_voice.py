from __future__ import annotations

import numpy as np
import pytest

from beattrack.rendering.piece import OFFSET, ONSET, PITCH, notes_array
from beattrack.rendering.settings import SAMPLE_RATE
from beattrack.rendering.sounding.voice import free_melody, freed, sing
from tests.rendering_cases import make_piece


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("pitch", [52, 60, 67])
def test_the_pitch_sung_is_that_of_the_note(pitch: int) -> None:
    sound = sing(notes_array([(0.5, 2.5, pitch, 100)]), rng(), samples=3 * SAMPLE_RATE)
    middle = sound[SAMPLE_RATE : 2 * SAMPLE_RATE].astype(float)
    period = SAMPLE_RATE / (440 * 2 ** ((pitch - 69) / 12))
    correlation = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    found = np.argmax(correlation[round(period * 0.7) : round(period * 1.4)]) + round(period * 0.7)
    assert found == pytest.approx(period, rel=0.03)


def test_silence_between_the_notes() -> None:
    notes = notes_array([(1.0, 1.5, 60, 100), (3.0, 3.5, 64, 100)])
    sound = sing(notes, rng(), samples=5 * SAMPLE_RATE)
    assert sound.shape == (5 * SAMPLE_RATE,)
    assert np.isfinite(sound).all()
    blocks = np.abs(sound).reshape(-1, SAMPLE_RATE // 2).max(axis=1)
    assert blocks[2] > 0.1
    assert blocks[6] > 0.1
    assert blocks[[0, 4, 8, 9]].max() < 0.02


def test_no_notes_no_sound() -> None:
    assert not np.any(sing(notes_array([]), rng(), samples=1000))


def test_a_melody_of_its_own_keeps_to_the_harmony() -> None:
    piece = make_piece(only=("piano",))
    for seed in range(5):
        melody = free_melody(piece, rng(seed))
        chord = piece.parts[0].notes
        inside = 0
        for onset, _, pitch, _ in melody.tolist():
            sounding = chord[(chord[:, ONSET] <= onset + 0.05) & (chord[:, OFFSET] > onset), PITCH]
            inside += pitch % 12 in set(sounding % 12)
        assert len(melody) > 30
        assert inside > 0.6 * len(melody)
        assert melody[:, PITCH].min() >= 40
        assert melody[:, PITCH].max() <= 90


def test_singers_keep_their_own_time() -> None:
    notes = notes_array([(t, t + 0.4, 60, 90) for t in np.arange(200) * 0.5])
    late = freed(notes, rng())[:, ONSET] - notes[:, ONSET]
    assert np.std(late) > 0.02
    assert 0.005 < np.mean(late) < 0.025
