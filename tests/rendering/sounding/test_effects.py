from __future__ import annotations

import sys
from dataclasses import fields

import numpy as np
import pytest

from beattrack.errors import MissingExtraError
from beattrack.rendering.settings import SAMPLE_RATE, EffectSettings
from beattrack.rendering.sounding.effects import PEAK, colour, master, require_pedalboard
from tests.rendering_cases import clicks

NAMES = [field.name for field in fields(EffectSettings)]
NOTHING = dict.fromkeys(NAMES, 0.0)
TIMES = 0.5 + 0.47 * np.arange(9)
CLICKS = clicks(TIMES, 5)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def envelope_lag(sound: np.typing.NDArray[np.float32], reference: np.typing.NDArray[np.float32]) -> float:
    """Seconds by which one sound is later than another, by the correlation of their rising envelopes."""
    rises = []
    for samples in (sound, reference):
        power = np.convolve(np.abs(samples.astype(float)), np.hanning(45), mode="same")
        rises.append(np.maximum(np.diff(power), 0))
    spectrum = np.fft.rfft(rises[0]) * np.conj(np.fft.rfft(rises[1]))
    lag = int(np.argmax(np.fft.irfft(spectrum, len(rises[0]))))
    return (lag if lag < len(rises[0]) // 2 else lag - len(rises[0])) / SAMPLE_RATE


@pytest.mark.parametrize("name", NAMES)
def test_no_effect_moves_the_onsets(name: str) -> None:
    pytest.importorskip("pedalboard")
    for seed in range(4):
        sound, names = master(CLICKS, rng(seed), EffectSettings(**{**NOTHING, name: 1.0}))
        assert names
        assert sound.shape == CLICKS.shape
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert abs(envelope_lag(sound, CLICKS)) <= 0.0015
        assert 0.25 < np.abs(sound).max() <= PEAK + 1e-6


def test_without_effects_only_the_level_changes() -> None:
    pytest.importorskip("pedalboard")
    sound, names = master(CLICKS, rng(), EffectSettings(**NOTHING))
    assert names == ()
    factor = np.abs(sound).max() / np.abs(CLICKS).max()
    np.testing.assert_allclose(sound, CLICKS * factor, atol=1e-6)


@pytest.mark.parametrize("role", ["drums", "bass", "parts", "voice"])
def test_treatment_of_a_stem_keeps_its_length_and_onsets(role: str) -> None:
    pytest.importorskip("pedalboard")
    changed = 0
    for seed in range(8):
        sound = colour(CLICKS, rng(seed), role)
        assert sound.shape == CLICKS.shape
        assert abs(envelope_lag(sound, CLICKS)) <= 0.0015
        changed += not np.array_equal(sound, CLICKS)
    assert changed > 2


def test_effects_follow_from_the_seed() -> None:
    pytest.importorskip("pedalboard")
    one, two = (master(CLICKS, rng(5), EffectSettings()) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]
    assert any(not np.array_equal(one[0], master(CLICKS, rng(seed), EffectSettings())[0]) for seed in (6, 7))


def test_silence_stays_finite() -> None:
    pytest.importorskip("pedalboard")
    for seed in range(8):
        sound, _ = master(np.zeros(SAMPLE_RATE, np.float32), rng(seed), EffectSettings())
        assert np.isfinite(sound).all()


def test_without_pedalboard_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'beattrack\[render\]'"):
        require_pedalboard()


def treble(sound: np.typing.NDArray[np.float32], above: float) -> float:
    """Share of the power above a frequency in Hz."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    return float(power[np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE) > above].sum() / power.sum())


@pytest.mark.parametrize(("name", "above", "least"), [("narrow", 8900, 1e-6), ("vinyl", 9000, 0.05)])
def test_dated_sound_lacks_treble(name: str, above: float, least: float) -> None:
    pytest.importorskip("pedalboard")
    noise = 0.1 * rng().standard_normal(4 * SAMPLE_RATE).astype(np.float32)
    for seed in range(6):
        sound, _ = master(noise, rng(seed), EffectSettings(**{**NOTHING, name: 1.0}))
        assert treble(sound, above) < least < treble(noise, above)


def test_vinyl_and_tape_are_heard_in_silence() -> None:
    pytest.importorskip("pedalboard")
    for name in ("vinyl", "tape"):
        sound, _ = master(CLICKS, rng(), EffectSettings(**{**NOTHING, name: 1.0}))
        assert np.abs(sound[: SAMPLE_RATE // 4]).max() > 1e-4
        assert not CLICKS[: SAMPLE_RATE // 4].any()
