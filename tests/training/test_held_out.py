"""Held-out songs: what is cut out of them, which are chosen, how they score."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mir_eval")

from beattrack.activations import Activations
from beattrack.training.held_out import Tracked, choose, cut, score
from tests.training_cases import song


def test_what_lies_outside_the_annotation_is_cut_off() -> None:
    beats = np.arange(10, 20, 0.5)
    excerpt = cut(song(seconds=40, beats=beats, positions=np.ones(20, np.int64)))
    assert excerpt.magnitudes.shape == (
        100 * (19.5 - 10 + 1.0),
        73,
    )  # a beat before the first, one after the last
    np.testing.assert_allclose(excerpt.beats, beats - 9.5)


def test_both_views_begin_at_the_same_instant() -> None:
    beats = np.arange(10.13, 20, 0.5)
    slow = np.arange(400, dtype=np.uint8)[:, None].repeat(73, axis=1)
    levels = np.repeat(slow[:, :1], 10, axis=0).repeat(73, axis=1)  # the number of the slow frame in both
    whole = song(seconds=40, beats=beats, positions=np.ones(20, np.int64), levels=levels, harmony=slow)
    excerpt = cut(whole)
    assert excerpt.harmony is not None
    np.testing.assert_array_equal(excerpt.magnitudes[::10], excerpt.harmony)


def test_a_long_song_is_cut_to_its_middle() -> None:
    levels = np.repeat(np.arange(1, 101, dtype=np.uint8), 100)[:, None].repeat(
        73, axis=1
    )  # one level a second
    excerpt = cut(song(seconds=100, levels=levels), 10.0)
    assert excerpt.magnitudes.shape == (1000, 73)
    whole = song(seconds=100)
    middle = (whole.beats[0] + whole.beats[-1] + 0.5) / 2
    start = round(100 * (middle - 5)) / 100
    kept = (whole.beats >= start) & (whole.beats < start + 10)
    np.testing.assert_allclose(excerpt.beats, whole.beats[kept] - start)
    np.testing.assert_array_equal(excerpt.positions, whole.positions[kept])
    first = whole.quantisation.magnitude(levels[round(100 * start) :][:1])
    np.testing.assert_array_equal(excerpt.magnitudes[:1], first)


def test_choice_takes_so_many_of_each_source_and_spreads_over_genres() -> None:
    songs = [
        song(id=f"{s}{g}{i}", source=s, genre=g) for s in "pq" for g in ("", "jazz", "rock") for i in range(9)
    ]
    chosen = [songs[i] for i in choose(songs, 3)]
    assert [item.source for item in chosen] == ["p"] * 3 + ["q"] * 3
    assert {(item.source, item.genre) for item in chosen} == {
        (s, g) for s in "pq" for g in ("", "jazz", "rock")
    }
    backwards = songs[::-1]
    assert {backwards[i].id for i in choose(backwards, 3)} == {item.id for item in chosen}
    assert len(choose(songs, 100)) == len(songs)


def tracked(**facts: object) -> Tracked:
    """A song whose activations are its beats, a pulse of 120 BPM in 4/4."""
    item = song(seconds=20, **facts)
    beats, downbeats = np.zeros(2000, np.float32), np.zeros(2000, np.float32)
    beats[np.arange(0, 2000, 50)] = 0.95
    downbeats[np.arange(0, 2000, 200)] = 0.95
    activations = Activations(beats=beats, downbeats=downbeats, fps=100.0)
    return Tracked(song=item, dataset="d", metre=item.metre, bpm=item.bpm, activations=activations)


def test_scores_are_those_of_the_evaluation() -> None:
    right = score(tracked())
    assert (right.dataset, right.source, right.metre, right.bpm) == ("d", "test", 4, 120.0)
    assert right.values["beats.f_measure"] > 0.9
    assert right.values["downbeats.f_measure"] > 0.8  # the first and the last may lie on the edge
    assert right.values["fault.octave"] == 0.0


def test_double_tempo_and_untrusted_bars_show() -> None:
    double = score(tracked(beats=np.arange(0, 20, 1.0), positions=np.zeros(20, np.int64), downbeats="no"))
    assert double.values["octave.double"] == 1.0
    assert double.values["tempo.acc1"] == 0.0
    assert double.values["tempo.acc2"] == 1.0
    assert "downbeats.f_measure" not in double.values
