from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.rendering.errors import RejectedPiece
from beattrack.rendering.piece import PITCH, onsets_of
from beattrack.rendering.settings import PerformanceSettings
from beattrack.rendering.sounding.performance import (
    choose_parts,
    perform,
    tempo_curve,
    transposed,
    warp,
    with_breaks,
    with_crisp_part,
    with_pad,
    with_parts,
    with_tempo,
    with_voice,
)
from tests.rendering_cases import make_part, make_piece, nearest, onsets

PIECE = make_piece()
SETTINGS = PerformanceSettings()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.lists(st.floats(0.3, 3.0), min_size=143, max_size=143))
def test_time_map_moves_notes_and_beats_alike(factors: list[float]) -> None:
    warped = warp(PIECE, np.array(factors))
    assert np.all(np.diff(warped.beats) > 0)
    np.testing.assert_allclose(np.diff(warped.beats), np.diff(PIECE.beats) * factors, rtol=1e-9)
    for before, after in zip(PIECE.parts, warped.parts, strict=True):
        on_beat = np.isin(np.round(onsets(before), 6), np.round(PIECE.beats, 6))
        assert np.abs(nearest(warped.beats, onsets(after)[on_beat])).max() < 1e-6
        assert len(after.notes) == len(before.notes)
    np.testing.assert_array_equal(warped.positions, PIECE.positions)


def test_time_map_goes_on_beyond_the_beats_as_at_their_ends() -> None:
    early = make_part("pick-up", 0, [(0.4, 0.9, 60, 90), (95.0, 99.0, 60, 90)])
    factors = np.full(len(PIECE.beats) - 1, 2.0)
    warped = warp(with_parts(PIECE, [early]), factors)
    np.testing.assert_allclose(warped.parts[0].notes[:, :2], 2 * early.notes[:, :2])


def test_kinds_of_tempo_curves() -> None:
    seen = {}
    for seed in range(60):
        kind, factors = tempo_curve(100, rng(seed), SETTINGS)
        seen[kind] = factors
        assert factors.shape == (100,)
        assert factors.min() > 0.7
        assert factors.max() < 1.4
    assert np.all(seen["fixed"] == 1.0)
    assert np.std(seen["walk"]) > 0.001
    assert abs(np.log(seen["walk"][-1])) < 1e-9  # ends as it began
    assert set(seen) == {"fixed", "walk", "drift"}


def test_tempo_stays_in_its_range_and_rarely_far() -> None:
    settings = PerformanceSettings(tempo=(95, 105), tempo_spread=0.5, fixed_tempo=1.0, ritardando=0.0)
    tempi = [with_tempo(PIECE, rng(seed), settings)[0].bpm for seed in range(20)]
    assert min(tempi) >= 95 - 1e-6
    assert max(tempi) <= 105 + 1e-6
    assert len(set(np.round(tempi, 3))) > 3


def test_ritardando_slows_the_end_alone() -> None:
    settings = PerformanceSettings(ritardando=1.0, fixed_tempo=1.0, drifting=0.0, tempo_spread=0.0)
    intervals = np.diff(with_tempo(PIECE, rng(), settings)[0].beats)
    np.testing.assert_allclose(intervals[:100], 0.6)
    assert intervals[-1] > 0.6 * 1.1
    assert np.all(np.diff(intervals[-8:]) > -1e-9)


def test_transposition_leaves_drums_and_stays_in_range() -> None:
    higher, by = transposed(PIECE, 5)
    assert by == 5
    for before, after in zip(PIECE.parts, higher.parts, strict=True):
        step = 0 if before.drums else 5
        np.testing.assert_array_equal(after.notes[:, PITCH], before.notes[:, PITCH] + step)
    assert transposed(PIECE, 70) == (PIECE, 0)


@pytest.mark.parametrize(
    ("settings", "drums", "others"),
    [
        (PerformanceSettings(drums_only=1.0, no_drums=0.0), True, False),
        (PerformanceSettings(drums_only=0.0, no_drums=1.0), False, True),
    ],
)
def test_drums_alone_and_muted_drums(settings: PerformanceSettings, drums: bool, others: bool) -> None:
    chosen, _ = choose_parts(PIECE, rng(), settings)
    assert any(part.drums for part in chosen.parts) == drums
    assert any(not part.drums for part in chosen.parts) == others


def test_drums_are_kept_where_nothing_else_carries_the_beat() -> None:
    thin = with_parts(PIECE, [PIECE.parts[0], make_part("bell", 14, [(1.0, 2.0, 60, 90)])])
    for seed in range(10):
        chosen, _ = choose_parts(thin, rng(seed), PerformanceSettings(drums_only=0.0, no_drums=1.0))
        assert chosen.parts[0].drums


def test_breaks_silence_parts_but_never_the_beat() -> None:
    shorter = 0
    for seed in range(30):
        broken, count = with_breaks(PIECE, rng(seed))
        crisp = onsets_of([part for part in broken.parts if part.crisp])
        assert np.diff(crisp).max() < 8 * 0.6
        fewer = sum(len(part.notes) for part in broken.parts) < sum(len(part.notes) for part in PIECE.parts)
        assert not fewer or count > 0
        shorter += fewer
    assert shorter > 10


def test_a_crisp_part_is_made_where_there_is_none() -> None:
    slow = with_parts(PIECE, [replace(PIECE.parts[2], program=48), replace(PIECE.parts[3], program=52)])
    assert not any(part.crisp for part in slow.parts)
    assert sum(part.crisp for part in with_crisp_part(slow, rng()).parts) == 1
    assert with_crisp_part(PIECE, rng()) is PIECE


def test_pads_hold_the_chord_of_each_bar() -> None:
    pad = with_pad(make_piece(only=("drums", "piano")), rng()).parts[-1]
    assert not pad.crisp or pad.program in (16, 18, 19)
    starts = onsets(pad)
    assert np.abs(nearest(PIECE.downbeats, starts)).max() < 1e-6
    for start, pitch in zip(starts, pad.notes[:, PITCH], strict=True):
        root = (48, 45, 41, 43)[round((start - 1.0) / 2.4) % 4]
        assert (pitch - root) % 12 in (0, 4, 7)
    drums = make_piece(only=("drums",))
    assert with_pad(drums, rng()) is drums


def test_a_voice_takes_a_part_or_makes_up_a_melody() -> None:
    kinds = {}
    for seed in range(20):
        piece, sung, kind = with_voice(PIECE, rng(seed))
        kinds[kind] = len(piece.parts)
        assert sung is not None
        assert len(sung) > 20
    assert kinds == {"lead": 3, "free": 4}
    assert with_voice(make_piece(only=("drums",)), rng())[1:] == (None, "none")


@pytest.mark.parametrize("seed", range(40))
def test_beats_of_a_performance_lie_in_it_and_on_its_onsets(seed: int) -> None:
    performance = perform(PIECE, rng(seed), SETTINGS)
    beats, positions = performance.annotated
    assert np.all(np.diff(beats) > 0)
    assert beats[0] >= 0
    assert beats[-1] <= performance.seconds
    np.testing.assert_array_equal(np.diff(positions) % 4, 1)
    low, high = SETTINGS.seconds
    assert low * 0.9 < performance.seconds <= high + 2
    crisp = onsets_of([part for part in performance.piece.parts if part.crisp])
    distance = nearest(crisp - performance.start, beats)
    close = distance[np.abs(distance) < 0.1]
    assert len(close) > 0.6 * len(beats)
    assert abs(np.median(close)) < 0.012


def test_silence_first_has_no_beats() -> None:
    performance = perform(PIECE, rng(1), PerformanceSettings(silence=1.0, whole=0.0))
    first = float(onsets_of(performance.piece.parts)[0]) - performance.start
    assert first >= 0.2
    assert performance.annotated[0][0] > first - 0.04
    assert performance.record["begins"] == "silence"


def test_recordings_begin_anywhere_in_the_bar() -> None:
    settings = PerformanceSettings(silence=0.0, whole=0.0)
    firsts = {int(perform(PIECE, rng(seed), settings).annotated[1][0]) for seed in range(40)}
    assert firsts == {1, 2, 3, 4}


def test_the_same_seed_gives_the_same_performance() -> None:
    one, two = (perform(PIECE, rng(7), SETTINGS) for _ in range(2))
    assert one.record == two.record
    for first, second in zip(one.piece.parts, two.piece.parts, strict=True):
        np.testing.assert_array_equal(first.notes, second.notes)
    np.testing.assert_array_equal(one.annotated[0], two.annotated[0])


def test_what_cannot_be_performed_is_rejected() -> None:
    empty = with_parts(PIECE, [make_part("nothing", 0, [])])
    with pytest.raises(RejectedPiece, match="no notes"):
        perform(empty, rng(), SETTINGS)
    with pytest.raises(RejectedPiece, match="drums alone"):
        perform(make_piece(only=("drums",)), rng(), PerformanceSettings(bare=0.0))
    with pytest.raises(RejectedPiece, match="fewer than 16 beats"):
        perform(make_piece(bars=3), rng(), SETTINGS)


def test_played_drums_may_be_alone() -> None:
    played = replace(make_piece(only=("drums",)), source="groove")
    assert perform(played, rng(), PerformanceSettings(bare=0.0)).piece.parts[0].drums


def test_plain_pieces_are_played_as_written() -> None:
    drums = replace(make_piece(only=("drums",)), plain=True)
    band = replace(make_piece(only=("piano", "lead")), plain=True)
    for seed in range(12):
        clicks = perform(drums, rng(seed), SETTINGS)
        np.testing.assert_array_equal(clicks.piece.beats, drums.beats)
        np.testing.assert_array_equal(clicks.piece.parts[0].notes, drums.parts[0].notes)
        played = perform(band, rng(seed), SETTINGS)
        names = [part.name for part in played.piece.parts]
        assert names == (["piano", "lead"] if played.sung is None else ["piano"])
        assert [len(part.notes) for part in played.piece.parts] == [len(p.notes) for p in band.parts][
            : len(names)
        ]


def test_leads_of_plain_pieces_are_mostly_sung() -> None:
    band = replace(make_piece(only=("piano", "lead")), plain=True)
    sung = [perform(band, rng(seed), SETTINGS).sung is not None for seed in range(60)]
    assert np.mean(sung) == pytest.approx(SETTINGS.sung, abs=0.2)


def test_real_songs_keep_their_tempo_and_instruments() -> None:
    song = replace(make_piece(), own_sound=True)
    settings = replace(SETTINGS, pad=1.0, own_pad=0.0, heavy=1.0, own_substitution=0.0, voice=0.0)
    ratios = []
    for seed in range(20):
        piece = perform(song, rng(seed), settings).piece
        assert {part.program for part in piece.parts if not part.drums} <= {33, 0, 65}
        assert all(part.name != "pad" for part in piece.parts)
        ratios.append(piece.bpm / song.bpm)
    assert np.std(np.log(ratios)) < 2 * settings.own_tempo_spread


def test_a_song_whose_tempo_lives_keeps_its_curve() -> None:
    factors = np.exp(0.05 * np.sin(np.arange(len(PIECE.beats) - 1)))
    song = replace(warp(PIECE, factors), own_sound=True)
    for seed in range(10):
        played, record = with_tempo(song, rng(seed), SETTINGS)
        assert (record["curve"], record["ritardando"]) == ("own", False)
        np.testing.assert_allclose(np.diff(played.beats) * record["scale"], np.diff(song.beats), rtol=1e-3)
    assert with_tempo(replace(PIECE, own_sound=True), rng(0), SETTINGS)[1]["curve"] != "own"
