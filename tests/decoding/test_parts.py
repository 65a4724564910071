from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.parts import common_pulse, decode_parts, isolated, join, sounding_parts
from beattrack.decoding.peaks import PeakDecoder
from tests.dbn_cases import pulse, same

FPS = 100.0


def activations(*runs: tuple[int, float], downbeats: bool = False) -> Activations:
    """Runs of frames of one value each."""
    values = np.concatenate([np.empty(0), *(np.full(frames, value) for frames, value in runs)])
    return Activations(values, values / 2 if downbeats else None, FPS)


def with_pause(seconds: float) -> tuple[Activations, Activations, Activations]:
    """Two pieces of 10 s, and both with silence between them."""
    first, second = pulse(10.0, seed=1), pulse(10.0, bpm=90.0, metre=3, seed=2)
    silence = np.zeros(round(seconds * FPS))
    assert first.downbeats is not None
    assert second.downbeats is not None
    both = Activations(
        np.concatenate([first.beats, silence, second.beats]),
        np.concatenate([first.downbeats, silence, second.downbeats]),
        FPS,
    )
    return first, second, both


def decoding(*times: float, positions: list[int] | None = None, metre: int | None = None) -> Decoding:
    return Decoding(np.array(times), None if positions is None else np.array(positions), 1.0, metre)


def test_parts_lie_between_pauses() -> None:
    assert sounding_parts(activations((300, 0.1))) == [slice(0, 300)]
    assert sounding_parts(activations((100, 0.1), (200, 0.0), (100, 0.1))) == [slice(0, 400)]
    assert sounding_parts(activations((100, 0.1), (201, 0.0), (100, 0.1))) == [slice(0, 100), slice(301, 401)]


def test_only_long_silence_at_the_ends_is_a_pause() -> None:
    assert sounding_parts(activations((200, 0.0), (9, 0.1), (200, 0.0))) == [slice(0, 409)]
    assert sounding_parts(activations((201, 0.0), (9, 0.1), (500, 0.0))) == [slice(201, 210)]


@pytest.mark.parametrize("value", [0.0, np.nan, -1.0])
def test_silence_has_no_parts(value: float) -> None:
    assert sounding_parts(activations((500, value), downbeats=True)) == []
    assert sounding_parts(activations()) == []
    assert decode_parts(activations((500, value)), DBNDecoder()) == []


def test_a_downbeat_is_a_sound_too() -> None:
    silent = np.zeros(500)
    downbeats = silent.copy()
    downbeats[250] = 0.5
    assert sounding_parts(Activations(silent, downbeats, FPS)) == [slice(250, 251)]


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=8))
def test_parts_hold_every_sound_and_no_pause(runs: list[tuple[int, bool]]) -> None:
    case = activations(*((frames, 0.5 * sounds) for frames, sounds in runs))
    inside = np.zeros(len(case.beats), dtype=bool)
    for part in sounding_parts(case):
        assert case.beats[part].any()
        inside[part] = True
    assert (inside | (case.beats == 0)).all()
    sounding = np.flatnonzero(inside)
    assert len(sounding) == 0 or (np.diff(sounding) - 1)[np.diff(sounding) > 1].min(initial=999) > 200


def test_each_part_is_decoded_as_if_it_was_alone() -> None:
    first, second, both = with_pause(5.0)
    decoder = DBNDecoder()
    alone = decoder(first), decoder(second)
    found = decode_parts(both, decoder)
    assert same(found[0], alone[0])
    np.testing.assert_array_equal(found[1].times, (np.rint(alone[1].times * FPS) + 1500) / FPS)
    assert alone[1].positions is not None
    np.testing.assert_array_equal(found[1].positions, alone[1].positions)
    assert [part.beats_per_bar for part in found] == [4, 3]


def test_without_a_pause_all_is_decoded_at_once() -> None:
    for case in (pulse(12.0, seed=3), with_pause(1.9)[2]):
        (found,) = decode_parts(case, DBNDecoder())
        assert same(found, DBNDecoder()(case))


@pytest.mark.parametrize("settings", [DBNSettings(), DBNSettings(threshold=0)])
def test_long_silence_around_changes_nothing_and_holds_no_beats(settings: DBNSettings) -> None:
    music = pulse(10.0, seed=4)
    assert music.downbeats is not None
    silence = np.zeros(3000)
    around = Activations(
        np.concatenate([silence, music.beats, silence]),
        np.concatenate([silence, music.downbeats, silence]),
        FPS,
    )
    (found,) = decode_parts(around, DBNDecoder(settings))
    np.testing.assert_array_equal(
        found.times, (np.rint(DBNDecoder(settings)(music).times * FPS) + 3000) / FPS
    )


def test_bars_found_in_one_part_only_are_counted_on_through_the_others() -> None:
    beats, downbeats = np.zeros(2000), np.zeros(2000)
    beats[50:700:50] = beats[1250:1900:50] = 0.9
    downbeats[50:700:200] = 0.8
    found = decode_parts(Activations(beats, downbeats, FPS), PeakDecoder())
    assert [len(part.times) for part in found] == [13, 13]
    joined = join(found, bars=True)
    assert joined.positions is not None
    assert joined.positions[:5].tolist() == [1, 2, 3, 4, 1]
    assert len(joined.positions) == 26


def test_joining_takes_the_metre_of_the_longest_part() -> None:
    parts = [
        decoding(1.0, 1.5, positions=[1, 2], metre=4),
        decoding(),
        decoding(9.0, 9.5, 10.0, positions=[1, 2, 3], metre=3),
    ]
    joined = join(parts, bars=True)
    assert joined.times.tolist() == [1.0, 1.5, 9.0, 9.5, 10.0]
    assert joined.positions is not None
    assert joined.positions.tolist() == [1, 2, 1, 2, 3]
    assert (joined.beats_per_bar, joined.log_probability) == (3, 2.0)


def test_joining_nothing() -> None:
    for parts in ([], [decoding(), decoding()]):
        assert join(parts, bars=True).positions is not None
        assert join(parts, bars=False).positions is None
        assert len(join(parts, bars=True).times) == 0


def test_single_sounds_are_isolated() -> None:
    assert isolated([decoding(1.0), decoding(), decoding(9.0)])
    assert isolated([decoding(1.0), decoding()])
    assert not isolated([decoding(1.0)])  # nothing else to be far from
    assert not isolated([decoding(1.0), decoding(9.0, 9.5)])
    assert not isolated([decoding(), decoding()])


def test_even_single_sounds_are_a_slow_pulse() -> None:
    (pulse,) = common_pulse([decoding(1.0, positions=[3]), decoding(4.0, positions=[1]), decoding(7.1)])
    assert pulse.times.tolist() == [1.0, 4.0, 7.1]
    assert pulse.positions is None
    assert common_pulse([decoding(1.0), decoding(4.0)]) == []
    assert common_pulse([decoding(1.0), decoding(4.0), decoding(9.0)]) == []
