from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beattrack.activations import Activations
from beattrack.decoding.anchors import Anchors
from beattrack.decoding.base import Decoding
from beattrack.decoding.dbn import DBNDecoder, DBNSettings
from beattrack.decoding.parts import common_pulse, decode_parts, isolated, join, sounding_parts
from beattrack.decoding.peaks import PeakDecoder
from beattrack.errors import SettingsError
from tests.dbn_cases import pulse, same

FPS = 100.0


def activations(frames: int, *pauses: tuple[int, int], known: bool = True) -> Activations:
    """Activations with pauses between the frames given."""
    values = np.full(frames, 0.1)
    return Activations(
        values, values / 2, FPS, pauses=np.array(pauses, dtype=np.int64).reshape(-1, 2) if known else None
    )


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
        pauses=np.array([[len(first.beats), len(first.beats) + len(silence)]]),
    )
    return first, second, both


def decoding(*times: float, positions: list[int] | None = None, metre: int | None = None) -> Decoding:
    return Decoding(np.array(times), None if positions is None else np.array(positions), 1.0, metre)


def test_parts_lie_between_pauses() -> None:
    assert sounding_parts(activations(300)) == [slice(0, 300)]
    assert sounding_parts(activations(300, known=False)) == [slice(0, 300)]
    assert sounding_parts(activations(900, (100, 400))) == [slice(0, 100), slice(400, 900)]
    assert sounding_parts(activations(900, (0, 300), (500, 900))) == [slice(300, 500)]
    assert sounding_parts(activations(900, (0, 900))) == []
    assert sounding_parts(activations(0)) == sounding_parts(activations(0, known=False)) == []


def test_silence_is_not_decoded() -> None:
    assert decode_parts(activations(900, (0, 900)), DBNDecoder()) == []


@given(st.lists(st.integers(0, 1000), max_size=12))
def test_every_frame_is_in_a_part_or_a_pause(bounds: list[int]) -> None:
    pauses = [*zip(sorted(bounds)[::2], sorted(bounds)[1::2], strict=False)]
    seen = np.zeros(1000, dtype=int)
    for start, stop in pauses:
        seen[start:stop] += 1
    for part in sounding_parts(activations(1000, *pauses)):
        assert part.stop > part.start
        seen[part] += 1
    assert (seen == 1).all()


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
    music = pulse(12.0, seed=3)
    none = Activations(music.beats, music.downbeats, FPS, pauses=np.empty((0, 2), dtype=np.int64))
    for case in (music, none):
        (found,) = decode_parts(case, DBNDecoder())
        assert same(found, DBNDecoder()(music))


@pytest.mark.parametrize("settings", [DBNSettings(), DBNSettings(threshold=0)])
def test_long_silence_around_changes_nothing_and_holds_no_beats(settings: DBNSettings) -> None:
    music = pulse(10.0, seed=4)
    assert music.downbeats is not None
    silence = np.zeros(3000)
    around = Activations(
        np.concatenate([silence, music.beats, silence]),
        np.concatenate([silence, music.downbeats, silence]),
        FPS,
        pauses=np.array([[0, 3000], [4000, 7000]]),
    )
    (found,) = decode_parts(around, DBNDecoder(settings))
    np.testing.assert_array_equal(
        found.times, (np.rint(DBNDecoder(settings)(music).times * FPS) + 3000) / FPS
    )


def test_bars_found_in_one_part_only_are_counted_on_through_the_others() -> None:
    beats, downbeats = np.zeros(2000), np.zeros(2000)
    beats[50:700:50] = beats[1250:1900:50] = 0.9
    downbeats[50:700:200] = 0.8
    both = Activations(beats, downbeats, FPS, pauses=np.array([[700, 1200]]))
    found = decode_parts(both, PeakDecoder())
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


def test_what_is_before_the_first_frame_is_no_part() -> None:
    activations = Activations(np.zeros(500), None, 100.0, pauses=np.array([[200, 300]]), first=150)
    assert sounding_parts(activations) == [slice(150, 200), slice(300, 500)]


def test_a_pause_with_an_anchor_is_no_pause() -> None:
    known = activations(900, (100, 400), (500, 700))
    assert sounding_parts(known, Anchors((2.0,))) == [slice(0, 500), slice(700, 900)]
    assert sounding_parts(known, Anchors((0.5, 4.0))) == sounding_parts(known)
    assert sounding_parts(known, Anchors((2.0, 6.0))) == [slice(0, 900)]
    assert sounding_parts(activations(900, (0, 900)), Anchors((9.0,))) == [slice(0, 900)]


def test_each_part_has_its_anchors() -> None:
    _, _, both = with_pause(5.0)
    free = decode_parts(both, DBNDecoder())
    # The second beat of each part as a downbeat.
    known = [(float(part.times[1]), 1) for part in free]
    anchors = Anchors(tuple(time for time, _ in known), (1, 1), tolerance=0.03)
    held = decode_parts(both, DBNDecoder(), anchors)
    assert len(held) == len(free) == 2
    for part, (time, _) in zip(held, known, strict=True):
        assert part.positions is not None
        nearest = int(np.abs(part.times - time).argmin())
        assert abs(part.times[nearest] - time) <= 0.03 + 1e-9
        assert part.positions[nearest] == 1
    only_second = decode_parts(both, DBNDecoder(), Anchors((known[1][0],), (1,)))
    assert same(only_second[0], free[0])


def test_an_anchor_that_is_not_met_is_named_by_its_time_in_the_recording() -> None:
    _, _, both = with_pause(5.0)
    with pytest.raises(SettingsError, match=r"18\.00 s and 18\.10 s are too close"):
        decode_parts(both, DBNDecoder(), Anchors((2.0, 18.0, 18.1)))


def test_anchors_need_the_exact_decoder() -> None:
    with pytest.raises(SettingsError, match="the decoder 'peaks' has no anchors; use the decoder 'dbn'"):
        decode_parts(activations(100), PeakDecoder(), Anchors((0.5,)))
