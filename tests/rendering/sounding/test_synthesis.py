from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from beattrack.rendering.piece import Part, Piece
from beattrack.rendering.settings import SAMPLE_RATE, SynthesisSettings
from beattrack.rendering.sounding import electronic, synthesis
from beattrack.rendering.sounding.check import alignment, spectral_flux
from beattrack.rendering.sounding.fluidsynth import FONTS
from beattrack.rendering.sounding.performance import Performance
from beattrack.rendering.sounding.synthesis import PROMPTEST, levelled, prompt, recorded, render
from tests.rendering_cases import clicks, make_part, make_piece, needs_fluidsynth

PLUCK = electronic.random_patch("pluck", np.random.default_rng(0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def performance(piece: Piece, start: float = 0.5, end: float = 12.5, sung: Any = None) -> Performance:
    return Performance(piece=piece, start=start, end=end, sung=sung, record={})


def plucked(parts: Sequence[Part], font: Any, *, samples: int, timeout: float) -> Any:
    """Stands in for fluidsynth."""
    return sum(electronic.play(part.notes, PLUCK, samples=samples) for part in parts)


@pytest.mark.parametrize("decibels", [-6.0, 0.0, 3.0])
def test_level_is_that_of_the_active_stretches(decibels: float) -> None:
    tone = np.sin(np.arange(SAMPLE_RATE) * 0.3).astype(np.float32)
    sound = levelled(np.concatenate((tone, np.zeros(9 * SAMPLE_RATE, np.float32))), decibels)
    active = sound[SAMPLE_RATE // 4 : SAMPLE_RATE // 2].astype(float)
    assert 20 * np.log10(np.sqrt(np.mean(active**2))) == pytest.approx(decibels - 20, abs=0.3)


def test_level_of_silence_stays() -> None:
    assert not np.any(levelled(np.zeros(5000, np.float32), 0.0))


def test_the_recorded_stretch_is_cut_and_silence_put_first() -> None:
    mix = np.arange(3 * SAMPLE_RATE, dtype=np.float32)
    cut = recorded(mix, performance(make_piece(), start=1.0, end=2.0))
    assert cut.shape == (SAMPLE_RATE,)
    assert cut[0] == SAMPLE_RATE
    assert cut[-1] == 0
    early = recorded(mix, performance(make_piece(), start=-0.5, end=1.0))
    assert early.shape == (SAMPLE_RATE * 3 // 2,)
    assert not np.any(early[: SAMPLE_RATE // 2])
    assert early[SAMPLE_RATE // 2 + 7] == 7


@pytest.mark.parametrize("late", [0.0, 0.02, 0.035])
def test_late_instruments_start_ahead(late: float) -> None:
    times = 0.5 + 0.5317 * np.arange(17)
    part = make_part("slow", 48, [(t, t + 0.3, 60, 90) for t in times])
    shifted = prompt(clicks(times + late, 10), [part])
    assert shifted.shape == (10 * SAMPLE_RATE,)
    lag, _ = alignment(spectral_flux(shifted), times)
    assert abs(lag) <= 0.003


def test_no_instrument_starts_ahead_by_more_than_a_player_would() -> None:
    times = 0.5 + 0.5317 * np.arange(17)
    part = make_part("slow", 48, [(t, t + 0.3, 60, 90) for t in times])
    lag, _ = alignment(spectral_flux(prompt(clicks(times + 0.08, 10), [part])), times)
    assert lag == pytest.approx(0.08 - PROMPTEST, abs=0.004)


@pytest.mark.parametrize("genre", ["rock", "techno"])
def test_mix_of_all_kinds_of_players(genre: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pedalboard")
    monkeypatch.setattr(synthesis, "synthesise", plucked)
    monkeypatch.setattr(synthesis, "available_fonts", lambda: FONTS)
    piece = make_piece(bars=6, genre=genre)
    sung = piece.parts[3].notes
    players = set()
    for seed in range(5):
        mix, record = render(performance(piece, sung=sung), rng(seed), SynthesisSettings())
        assert mix.shape == (12 * SAMPLE_RATE,)
        assert mix.dtype == np.float32
        assert np.isfinite(mix).all()
        lag, ratio = alignment(spectral_flux(mix), piece.beats - 0.5)
        assert abs(lag) <= 0.015
        assert ratio > 1.3
        assert [line.split(":")[0] for line in record["players"]][-1] == "voice"
        players |= {line for line in record["players"] if line.startswith("drums")}
    assert "drums: one-shots" in players or genre == "rock"


def test_the_kick_ducks_the_others_in_electronic_music_alone() -> None:
    piece = make_piece(bars=4)
    settings = SynthesisSettings(ducking=1.0)

    def band(electronic_music: bool) -> Any:
        return synthesis.Band(rng(), settings, electronic_music, 10 * SAMPLE_RATE, fonts=())

    assert synthesis.ducking_gain(performance(piece), band(False)) is None
    gain = synthesis.ducking_gain(performance(piece), band(True))
    assert gain is not None
    assert gain[round(1.0 * SAMPLE_RATE)] < 0.75  # the first kick
    assert gain[round(0.9 * SAMPLE_RATE)] == 1.0
    assert synthesis.ducking_gain(performance(make_piece(only=("bass",))), band(True)) is None


@needs_fluidsynth
def test_onsets_lie_on_the_beats_with_real_instruments() -> None:
    pytest.importorskip("pedalboard")
    piece = make_piece(bars=8)
    for seed in range(3):
        mix, record = render(performance(piece, end=19.0), rng(seed), SynthesisSettings())
        lag, ratio = alignment(spectral_flux(mix / np.abs(mix).max()), piece.beats - 0.5)
        assert abs(lag) <= 0.0125
        assert ratio > 1.5
        assert len(record["players"]) >= 3


@needs_fluidsynth
def test_the_same_seed_gives_the_same_sound() -> None:
    pytest.importorskip("pedalboard")
    piece = make_piece(bars=3)
    one, two = (render(performance(piece, end=8.0), rng(3), SynthesisSettings()) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]
