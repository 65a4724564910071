from __future__ import annotations

import numpy as np
import pytest

from beattrack.training.examples.crops import CropSettings
from beattrack.training.examples.pulse_free import draw_pulse_free_crop, draw_sound

SETTINGS = CropSettings(frames=300)


@pytest.mark.parametrize("seed", range(12))
def test_no_frame_is_a_beat_and_all_are_judged(seed: int) -> None:
    crop = draw_pulse_free_crop(SETTINGS, np.random.default_rng(seed))
    assert crop.spectrogram.shape == (300, 73)
    assert crop.spectrogram.dtype == np.float32
    assert np.isfinite(crop.spectrogram).all()
    assert not crop.targets.beats.any()
    assert not crop.targets.downbeats.any()
    assert crop.targets.beat_weight.all()
    assert crop.targets.downbeat_weight.all()
    assert crop.targets.bpm == 0


def test_one_seed_gives_one_crop() -> None:
    first, second = (draw_pulse_free_crop(SETTINGS, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.spectrogram, second.spectrogram)


def test_sounds_differ_in_kind() -> None:
    rng = np.random.default_rng(0)
    crests = [
        np.abs(sound).max() / (sound.std() + 1e-9)
        for sound in (draw_sound(22050, 22050, rng) for _ in range(60))
    ]
    assert min(crests) < 1.5  # tones and constants
    assert any(3 < crest < 8 for crest in crests)  # noise
    assert max(crests) > 100  # a click
