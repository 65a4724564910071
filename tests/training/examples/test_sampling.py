"""Who is held out, and who is drawn how often."""

from __future__ import annotations

import numpy as np

from beattrack.datasets.folds import gtzan_folds, gtzan_groups
from beattrack.datasets.songs import Song
from beattrack.training.examples.sampling import make_pool, split_songs
from beattrack.training.settings import ValidationSettings
from tests.training_cases import song


def many(count: int, **facts: str) -> tuple[Song, ...]:
    return tuple(song(id=str(i), group=f"title {i // 2}", **facts) for i in range(count))


def test_groups_stay_on_one_side_whatever_else_there_is() -> None:
    songs = {"a": many(200, source="x"), "b": many(100, source="y")}
    split = split_songs(songs, {"a": 1.0, "b": 1.0}, ValidationSettings())
    training = {item.group for item in split.training.songs}
    validation = {item.group for item in split.validation.songs}
    assert training.isdisjoint(validation)
    assert len(split.training.songs) + len(split.validation.songs) == 300
    assert 10 <= len(split.validation.songs) <= 60
    alone = split_songs({"a": songs["a"]}, {"a": 1.0}, ValidationSettings())
    assert {item.group for item in alone.validation.songs} <= validation


def test_a_group_that_is_a_hash_is_taken_as_it_is() -> None:
    songs = {"a": tuple(song(id=f"{i:x}", group=f"{i:x}") for i in range(40))}
    split = split_songs(songs, {"a": 1.0}, ValidationSettings(share=0.1))
    assert [item.group for item in split.validation.songs] == ["0", "a", "14", "1e"]


def test_every_source_of_two_groups_has_someone_held_out() -> None:
    songs = {"a": tuple(song(id=f"{s}{i}", source=s, group=f"{s} {i}") for s in "pqrstu" for i in range(2))}
    split = split_songs(songs, {"a": 1.0}, ValidationSettings(share=0.02))
    assert {item.source for item in split.validation.songs} == set("pqrstu")
    assert {item.source for item in split.training.songs} == set("pqrstu")


def test_no_source_of_two_groups_is_held_out_whole() -> None:
    songs = {"a": tuple(song(id=group, group=group) for group in ("0", "a", "14"))}
    split = split_songs(songs, {"a": 1.0}, ValidationSettings(share=0.1))
    assert [item.group for item in split.training.songs] == ["a"]


def test_untrusted_downbeats_are_validated_on_only_where_there_are_no_others() -> None:
    songs = {
        "a": tuple(song(id=f"{i}", group="0", downbeats="yes" if i else "est") for i in range(3)),
        "b": tuple(song(id=f"{i}", source="taps", group="0", downbeats="no") for i in range(2)),
        "c": (song(id="c", group="1"),),
    }
    split = split_songs(songs, dict.fromkeys(songs, 1.0), ValidationSettings())
    assert [(item.source, item.id) for item in split.validation.songs] == [
        ("test", "1"),
        ("test", "2"),
        ("taps", "0"),
        ("taps", "1"),
    ]
    assert [item.id for item in split.training.songs] == ["c"]


def test_folds_cover_everything_once() -> None:
    songs = {"a": many(60)}
    held_out = [
        {
            item.id
            for item in split_songs(songs, {"a": 1.0}, ValidationSettings(folds=4, fold=i)).validation.songs
        }
        for i in range(4)
    ]
    assert set.union(*held_out) == {item.id for item in songs["a"]}
    assert sum(map(len, held_out)) == 60


def test_gtzan_has_folds_of_its_own() -> None:
    groups = dict(list(gtzan_groups().items())[:200])
    songs = {"gtzan": tuple(song(id=name, group=group) for name, group in groups.items())}
    split = split_songs(songs, {"gtzan": 1.0}, ValidationSettings(folds=8, fold=3))
    expected = {name for name, fold in gtzan_folds(groups, 8).items() if fold == 3}
    assert {item.id for item in split.validation.songs} == expected


def test_datasets_share_by_weight_and_sources_and_genres_by_the_root_of_their_length() -> None:
    songs = {
        "big": (
            song(id="1", source="p", genre="rock", seconds=90),
            song(id="2", source="p", genre="jazz", seconds=10),
            song(id="3", source="q", seconds=100),
            song(id="4", source="q", seconds=300),
        ),
        "small": (song(id="5", seconds=5),),
    }
    pool = make_pool(songs, {"big": 3.0, "small": 1.0})
    assert pool.datasets == ("big",) * 4 + ("small",)
    # p and q are of 100 and 400 seconds, so 1 : 2; rock and jazz of 90 and 10, so 3 : 1.
    expected = [0.75 / 3 * 0.75, 0.75 / 3 * 0.25, 0.75 * 2 / 3 / 4, 0.75 * 2 / 3 * 3 / 4, 0.25]
    np.testing.assert_allclose(pool.chances, expected)


def test_no_songs_make_an_empty_pool() -> None:
    assert make_pool({"a": ()}, {"a": 1.0}).chances.shape == (0,)
