from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beattrack.training.examples.variation import (
    decibels,
    draw_shift,
    over_level,
    transposed,
    vary_harmony,
    vary_spectrum,
)
from tests.training.examples.test_crops import STILL


def test_masks_and_cuts_do_what_they_say() -> None:
    music = np.ones((300, 73), np.float32)
    rng = np.random.default_rng(0)
    masked = vary_spectrum(music, 0, replace(STILL, band_mask_probability=1), rng)
    assert 1 <= (masked.sum(axis=0) == 0).sum() <= STILL.band_mask_bands
    paused = vary_spectrum(music, 0, replace(STILL, time_mask_probability=1), rng)
    assert 5 <= (paused.sum(axis=1) == 0).sum() <= STILL.time_mask_frames
    thin = vary_spectrum(music, 0, replace(STILL, bass_cut_probability=1), rng)
    assert thin[0, 0] < 0.2
    assert thin[0, -1] == 1
    dull = vary_spectrum(music, 0, replace(STILL, treble_cut_probability=1), rng)
    assert dull[0, -1] < 0.2
    assert dull[0, 0] == 1
    assert 4 <= (dull[0] < 1).sum() <= STILL.treble_bands
    short = vary_spectrum(music[:3], 0, replace(STILL, time_mask_probability=1), rng)
    assert not short.any()
    np.testing.assert_array_equal(vary_spectrum(music, 0, STILL, rng), music)


def test_pitch_moves_bands() -> None:
    music = np.tile(np.arange(73, dtype=np.float32), (10, 1))
    shifts = {
        round(float(transposed(music, draw_shift(replace(STILL, pitch_probability=1), rng))[0, 36]) - 36)
        for rng in map(np.random.default_rng, range(60))
    }
    assert shifts == set(range(-4, 5))


def test_level_is_taken_out_and_silence_stays() -> None:
    loud = np.full((50, 73), 30.0, np.float32)
    np.testing.assert_allclose(over_level(loud), 1, rtol=1e-6)
    assert not over_level(np.zeros((50, 73), np.float32)).any()
    assert decibels(20) == pytest.approx(10)


def test_the_slow_view_is_equalised_and_its_bass_cut() -> None:
    view = np.ones((30, 73), np.float32)
    rng = np.random.default_rng(0)
    still = replace(STILL, harmony_equaliser_db=0, harmony_bass_cut_probability=0)
    np.testing.assert_array_equal(vary_harmony(view, 0, still, rng), view)
    thin = vary_harmony(view, 0, replace(still, harmony_bass_cut_probability=1), rng)
    assert thin[0, 0] < 0.2
    assert thin[0, -1] == 1
    coloured = vary_harmony(view, 0, replace(still, harmony_equaliser_db=5), rng)
    assert np.ptp(coloured[0]) > 0.1
    assert np.ptp(coloured[:, 5]) == 0
