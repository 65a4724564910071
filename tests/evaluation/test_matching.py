from __future__ import annotations

import pytest

from beattrack.evaluation.matching import MatchingError, find_beat_files, match


@pytest.fixture
def folder(tmp_path):
    def make(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("1.0\n")
        return tmp_path

    return make


@pytest.mark.parametrize(
    "ending", [".beats", ".txt", ".json", ".csv", ".beats.txt", ".downbeats.txt", ".BEATS"]
)
def test_takes_off_an_ending_that_it_knows(folder, ending):
    assert list(find_beat_files(folder(f"one song{ending}", f"sub/two.v2{ending}"))) == ["one song", "two.v2"]


def test_takes_off_the_ending_that_is_given(folder):
    home = folder("a.tcn.out", "b.tcn.out", "c.other")
    assert list(find_beat_files(home, ".tcn.out")) == ["a", "b"]


def test_tempo_files_are_no_beat_files(folder):
    home = folder("a.bpm.txt", "a.beats.txt", "b.bpm", "b.beats.txt")
    assert list(find_beat_files(home)) == ["a", "b"]


def test_asks_which_of_several_kinds(folder):
    home = folder("a.beats.txt", "a.downbeats.txt")
    with pytest.raises(MatchingError, match=r"several kinds \(.beats.txt, .downbeats.txt\).*--suffix"):
        find_beat_files(home)


@pytest.mark.parametrize("name", ["blues.00000.beats", "gtzan_blues_00000.beats", "gtzan.blues.00000.beats"])
def test_every_spelling_of_gtzan_is_one_file(folder, name):
    assert list(find_beat_files(folder(name))) == ["gtzan_blues_00000"]


def test_a_name_in_two_folders_is_told_apart(folder):
    home = folder("cd1/track01.beats", "cd2/track01.beats")
    assert list(find_beat_files(home)) == ["cd1/track01", "cd2/track01"]


def test_lists_what_is_left_over_on_both_sides(folder):
    home = folder("est/a.beats", "est/b.beats", "est/x.beats", "ref/a.beats", "ref/b.beats", "ref/y.beats")
    matches = match(find_beat_files(home / "est"), find_beat_files(home / "ref"))
    assert list(matches.pairs) == ["a", "b"]
    assert matches.pairs["a"] == (home / "est/a.beats", home / "ref/a.beats")
    assert matches.estimates_left == (str(home / "est/x.beats"),)
    assert matches.references_left == (str(home / "ref/y.beats"),)


def test_no_match_shows_an_example_of_each_side(folder):
    home = folder("est/a.tcn.beats", "ref/a.beats")
    with pytest.raises(MatchingError, match=r"'a.tcn'.*'a'.*--suffix"):
        match(find_beat_files(home / "est"), find_beat_files(home / "ref"))


def test_says_where_there_is_nothing(folder, tmp_path):
    with pytest.raises(MatchingError, match="not a folder"):
        find_beat_files(tmp_path / "absent")
    with pytest.raises(MatchingError, match="no beat files"):
        find_beat_files(folder("a.wav"))
    with pytest.raises(MatchingError, match=r"ends in '.x'"):
        find_beat_files(folder("a.beats"), ".x")
