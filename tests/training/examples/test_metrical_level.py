from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beattrack.datasets.songs import Song
from beattrack.training.examples.metrical_level import (
    LevelSettings,
    backbeat,
    can_be_halved,
    choose_level,
    halved,
    rises_at,
)
from tests.training_cases import song


def chart(snares: tuple[int, ...], *, bpm: float = 160.0, **facts: object) -> Song:
    """A chart of 20 s with a kick on every beat and a snare at these positions of the bar."""
    beats = np.arange(0.25, 19.5, 60 / bpm)
    positions = np.arange(len(beats)) % 4 + 1
    levels = np.random.default_rng(0).integers(18, 22, (2000, 73)).astype(np.uint8)
    for frame, position in zip(np.round(100 * beats).astype(int), positions, strict=True):
        levels[frame : frame + 8, :12] += 12
        if position in snares:
            levels[frame : frame + 8, 20:] += 12
    fields = {"beats": beats, "positions": positions, "levels": levels, "felt": False, "seconds": 20}
    return song(**{**fields, **facts})


def level(chart: Song, **settings: object) -> tuple[float, bool]:
    """Tempo that is learnt, and whether beats are left open."""
    chosen, unjudged = choose_level(chart, LevelSettings(**settings), np.random.default_rng(0))  # type: ignore[arg-type]
    return round(chosen.bpm), unjudged is not None


@pytest.mark.parametrize(
    ("snares", "heard"),
    [((2, 4), "whole"), ((3,), "half"), ((1, 3), "half"), ((1, 2, 3, 4), "unclear"), ((), "unclear")],
)
def test_backbeats_are_heard(snares: tuple[int, ...], heard: str) -> None:
    assert backbeat(chart(snares)) == heard


@pytest.mark.parametrize(
    ("snares", "heard"),
    [
        ((2, 4), "whole"),
        ((1, 3), "whole"),
        ((3,), "half"),
        ((4,), "half"),
        ((3, 4), "unclear"),
        ((), "unclear"),
    ],
)
def test_without_downbeats_the_snares_own_pattern_counts(snares: tuple[int, ...], heard: str) -> None:
    assert backbeat(chart(snares, downbeats="no")) == heard


def test_backbeats_are_heard_in_songs_in_four_alone() -> None:
    waltz = chart((3,))
    assert backbeat(replace(waltz, positions=np.arange(len(waltz.beats)) % 3 + 1)) == "unclear"
    assert backbeat(replace(waltz, beats=waltz.beats[:3], positions=np.array([4, 1, 2]))) == "unclear"


@pytest.mark.parametrize("level", [0, 20])
def test_where_nothing_is_heard_nothing_is_clear(level: int) -> None:
    for downbeats in ("yes", "no"):
        still = song(seconds=20, levels=np.full((2000, 73), level, np.uint8), downbeats=downbeats)
        assert backbeat(still) == "unclear"


@pytest.mark.parametrize("place", [3, 4])
def test_where_downbeats_are_not_known_the_louder_beats_are_kept(place: int) -> None:
    slow, _ = choose_level(
        chart((place,), downbeats="no"), LevelSettings(hear_backbeat=True), np.random.default_rng(0)
    )
    assert set(slow.positions) == {place, (place + 1) % 4 + 1}


def test_loudness_does_not_change_what_is_heard() -> None:
    quiet = chart((3,))
    assert backbeat(replace(quiet, levels=quiet.levels - 10)) == "half"


def test_rises_are_decibels_at_the_nearest_onset() -> None:
    rises = rises_at(chart((2, 4)), np.array([0.25 + 60 / 160, 0.25 + 1.5 * 60 / 160]))
    assert rises[0] == pytest.approx(36, abs=2)  # twelve levels of 3 dB
    assert rises[1] < 10


def test_without_settings_charts_stay_as_they_are() -> None:
    assert level(chart((3,), bpm=200)) == (200, False)


def test_the_snare_decides_whatever_the_tempo() -> None:
    rules = {"hear_backbeat": True, "halve_probability": 1.0, "open_bpm": 140.0}
    assert level(chart((3,), bpm=120), **rules) == (60, False)
    assert level(chart((2, 4), bpm=180), **rules) == (180, False)


def test_without_a_clear_snare_the_tempo_decides() -> None:
    rules = {"hear_backbeat": True, "halve_bpm": 170.0, "halve_probability": 1.0, "open_bpm": 150.0}
    assert level(chart((), bpm=140), **rules) == (140, False)
    assert level(chart((), bpm=160), **rules) == (80, True)
    assert level(chart((), bpm=180), **rules) == (90, False)


def test_what_is_left_open_are_the_other_beats() -> None:
    whole = chart(())
    slow, unjudged = choose_level(whole, LevelSettings(open_bpm=100), np.random.default_rng(0))
    np.testing.assert_array_equal(slow.beats, whole.beats[::2])
    assert unjudged is not None
    np.testing.assert_array_equal(unjudged, whole.beats[1::2])


def test_beats_that_listeners_tapped_stay() -> None:
    rules = {"hear_backbeat": True, "halve_probability": 1.0, "open_bpm": 100.0}
    assert level(chart((3,), felt=True), **rules) == (160, False)


def test_halving_keeps_every_second_beat_and_drops_the_bars() -> None:
    whole = chart(())
    slow = halved(whole)
    np.testing.assert_array_equal(slow.beats, whole.beats[::2])
    assert slow.downbeats == "no"


@pytest.mark.parametrize("beats_per_bar", [1, 3, 5])
def test_bars_of_an_odd_number_of_beats_are_not_halved(beats_per_bar: int) -> None:
    whole = chart(())
    odd = replace(whole, positions=np.arange(len(whole.beats)) % beats_per_bar + 1)
    assert not can_be_halved(odd)
    assert level(odd, halve_probability=1.0) == (160, False)
    assert not can_be_halved(replace(whole, positions=np.zeros(len(whole.beats), np.int64)))


def test_a_bar_of_three_among_others_keeps_the_song_whole() -> None:
    whole = chart(())
    assert not can_be_halved(
        replace(whole, positions=np.append(np.arange(3), np.arange(len(whole.beats) - 3) % 4) + 1)
    )
