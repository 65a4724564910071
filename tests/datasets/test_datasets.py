from __future__ import annotations

import numpy as np
import pytest
import soundfile

from beattrack.datasets import DatasetError, load_dataset, overlaps
from beattrack.datasets.base import pick_audio
from beattrack.datasets.gtzan import canonical_id, genre_of

BEATS = "0.5\t1\n1.0\t2\n1.5\t3\n2.0\t4\n"

AUDIO_LAYOUTS = {
    "by genre": "genres/{genre}/{genre}.{number}.wav",
    "by genre, au": "genres/{genre}/{genre}.{number}.au",
    "by genre, flac": "genres/{genre}/{genre}.{number}.flac",
    "by genre, mp3": "genres/{genre}/{genre}.{number}.mp3",
    "flat": "{genre}.{number}.wav",
    "flat, annotations' names": "gtzan_{genre}_{number}.wav",
    "flat in audio": "audio/gtzan_{genre}_{number}.flac",
    "mirdata, mini": "gtzan_mini-main/genres/{genre}/{genre}.{number}.wav",
    "mirdata, whole": "gtzan_genre/genres/{genre}/{genre}.{number}.wav",
    "as it is passed around": "Data/genres_original/{genre}/{genre}.{number}.wav",
    "folder of several datasets": "gtzan/genres/{genre}/{genre}.{number}.wav",
}
BEAT_LAYOUTS = {
    "beats": "beats/gtzan_{genre}_{number}.beats",
    "mirdata": "gtzan_tempo_beat-main/beats/gtzan_{genre}_{number}.beats",
    "Beat This!": "annotations/gtzan/annotations/beats/gtzan_{genre}_{number}.beats",
    "folder of several datasets": "gtzan/beats/gtzan_{genre}_{number}.beats",
}
FILES = [("blues", "00000"), ("blues", "00007"), ("hiphop", "00003")]


@pytest.fixture(autouse=True)
def no_other_copies(monkeypatch, tmp_path):
    monkeypatch.delenv("BEATTRACK_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "nobody"))


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(800), 8000)


def text(path, content=BEATS):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def make_gtzan(home, audio=AUDIO_LAYOUTS["by genre"], beats=BEAT_LAYOUTS["beats"]):
    for genre, number in FILES:
        sound(home / audio.format(genre=genre, number=number))
        text(home / beats.format(genre=genre, number=number))


@pytest.mark.parametrize("audio", AUDIO_LAYOUTS)
@pytest.mark.parametrize("beats", BEAT_LAYOUTS)
def test_finds_gtzan_in_every_usual_layout(tmp_path, audio, beats):
    make_gtzan(tmp_path, AUDIO_LAYOUTS[audio], BEAT_LAYOUTS[beats])
    dataset = load_dataset("gtzan", data_home=tmp_path)
    assert [track.id for track in dataset.tracks] == [f"gtzan_{genre}_{number}" for genre, number in FILES]
    assert [track.genre for track in dataset.tracks] == ["blues", "blues", "hiphop"]
    assert all(track.audio.is_file() for track in dataset.tracks)
    assert dataset.tracks[0].beats.tolist() == [0.5, 1.0, 1.5, 2.0]
    assert dataset.tracks[0].positions.tolist() == [1, 2, 3, 4]
    assert dataset.problems == ()


def test_reads_tempi_beside_the_beats(tmp_path):
    make_gtzan(tmp_path)
    text(tmp_path / "tempo/gtzan_blues_00000.bpm", "1.2587e+02\n")
    tempi = [track.tempo for track in load_dataset("gtzan", data_home=tmp_path).tracks]
    assert tempi == [125.87, None, None]


def test_looks_where_the_environment_says_then_where_mirdata_puts_it(tmp_path, monkeypatch):
    make_gtzan(tmp_path / "nobody/mir_datasets/gtzan_genre")
    assert len(load_dataset("gtzan").tracks) == 3
    make_gtzan(tmp_path / "mine")
    monkeypatch.setenv("BEATTRACK_DATA", str(tmp_path / "mine"))
    assert load_dataset("gtzan").tracks[0].audio.is_relative_to(tmp_path / "mine")


def test_annotations_may_lie_elsewhere(tmp_path):
    make_gtzan(tmp_path / "all")
    sound(tmp_path / "audio/genres/blues/blues.00000.wav")
    dataset = load_dataset("gtzan", data_home=tmp_path / "audio", annotations=tmp_path / "all/beats")
    assert [track.id for track in dataset.tracks] == ["gtzan_blues_00000"]


def test_the_mini_set_is_found_apart_from_the_whole(tmp_path):
    make_gtzan(tmp_path, beats=BEAT_LAYOUTS["mirdata"])
    with pytest.raises(DatasetError, match=r"gtzan_mini-main.*--download"):
        load_dataset("gtzan-mini", data_home=tmp_path)
    sound(tmp_path / "gtzan_mini-main/genres/blues/blues.00007.wav")
    dataset = load_dataset("gtzan-mini", data_home=tmp_path)
    assert dataset.name == "gtzan-mini"
    assert [track.id for track in dataset.tracks] == ["gtzan_blues_00007"]
    assert dataset.problems == ()
    assert len(load_dataset("gtzan", data_home=tmp_path).tracks) == 3
    (scored,) = load_dataset("gtzan-mini", data_home=tmp_path, need_audio=False).tracks
    assert scored.id == "gtzan_blues_00007"


def test_a_mini_set_of_unannotated_audio_is_an_error(tmp_path):
    make_gtzan(tmp_path)
    sound(tmp_path / "gtzan_mini-main/genres/rock/rock.00099.wav")
    with pytest.raises(DatasetError, match="no excerpt of gtzan-mini can be used"):
        load_dataset("gtzan-mini", data_home=tmp_path)


def test_excerpts_of_one_artist_are_one_group(tmp_path):
    make_gtzan(tmp_path)
    groups = [track.group for track in load_dataset("gtzan", data_home=tmp_path).tracks]
    assert groups == ["gtzan/John Lee Hooker", "gtzan/John Lee Hooker", "gtzan/Ice Cube"]


def test_says_that_the_archive_is_gone_and_what_to_do_instead(tmp_path):
    text(tmp_path / "beats/gtzan_blues_00000.beats")
    with pytest.raises(DatasetError, match=r"no longer online.*gtzan-mini.*--download"):
        load_dataset("gtzan", data_home=tmp_path)


def test_audio_is_not_needed_to_score_files(tmp_path):
    text(tmp_path / "beats/gtzan_rock_00001.beats")
    (track,) = load_dataset("gtzan", data_home=tmp_path, need_audio=False).tracks
    assert track.audio is None


def test_lists_what_cannot_be_used(tmp_path):
    make_gtzan(tmp_path)
    (tmp_path / "genres/blues/blues.00007.wav").write_text("not audio at all")
    text(tmp_path / "beats/gtzan_jazz_00054.beats")
    text(tmp_path / "beats/gtzan_hiphop_00003.beats", "half past two\n")
    sound(tmp_path / "genres/rock/rock.00001.wav")
    dataset = load_dataset("gtzan", data_home=tmp_path)
    assert [track.id for track in dataset.tracks] == ["gtzan_blues_00000"]
    problems = {problem.file.rpartition("/")[2]: problem.reason for problem in dataset.problems}
    assert "cannot be opened" in problems.pop("blues.00007.wav")
    assert problems.pop("gtzan_jazz_00054") == "has no audio file"
    assert "line 1" in problems.pop("gtzan_hiphop_00003.beats")
    assert problems.pop("rock.00001.wav") == "has no beat annotation"
    assert "unknown" in dataset.licence
    assert problems == {}


@pytest.mark.parametrize("what", ["nothing", "audio only", "beats only"])
def test_says_what_was_looked_for_and_where_to_put_it(tmp_path, what):
    if what == "audio only":
        sound(tmp_path / "genres/blues/blues.00000.wav")
    if what == "beats only":
        text(tmp_path / "beats/gtzan_blues_00000.beats")
    with pytest.raises(DatasetError) as caught:
        load_dataset("gtzan", data_home=tmp_path)
    message = str(caught.value)
    assert str(tmp_path) in message
    assert "--data-home" in message
    assert ("audio" in message) is (what != "audio only")
    assert ("annotations" in message) is (what != "beats only")
    assert "\n" not in message


def test_all_bad_is_an_error_that_names_one(tmp_path):
    make_gtzan(tmp_path)
    for path in (tmp_path / "genres").rglob("*.wav"):
        path.write_text("")
    with pytest.raises(DatasetError, match=r"blues\.00000\.wav.*and 2 more"):
        load_dataset("gtzan", data_home=tmp_path)


@pytest.mark.parametrize(
    "stem", ["gtzan_blues_00042", "blues.00042", "blues_00042", "gtzan.blues.00042", "Blues.00042"]
)
def test_every_spelling_is_one_excerpt(stem):
    assert canonical_id(stem) == "gtzan_blues_00042"
    assert genre_of(stem) == "blues"


@pytest.mark.parametrize("stem", ["blues", "blues.42", "polka.00042", "my blues.00042", "blues.00042.mix"])
def test_other_names_are_no_excerpt(stem):
    assert canonical_id(stem) is None


def test_a_folder_pairs_audio_with_beats(tmp_path):
    for name in ("a", "jazz/b", "jazz/c d"):
        sound(tmp_path / f"{name}.wav")
        text(tmp_path / f"{name}.beats")
    text(tmp_path / "a.bpm", "120\n")
    dataset = load_dataset(f"folder:{tmp_path}")
    assert [(track.id, track.genre, track.tempo) for track in dataset.tracks] == [
        ("a", None, 120.0),
        ("jazz/b", "jazz", None),
        ("jazz/c d", "jazz", None),
    ]
    assert dataset.name == f"folder:{tmp_path.name}"


def test_a_folder_lists_files_without_a_partner(tmp_path):
    for name in ("a", "lonely"):
        sound(tmp_path / f"{name}.wav")
    text(tmp_path / "a.beats")
    text(tmp_path / "silent.beats")
    problems = {problem.file: problem.reason for problem in load_dataset(f"folder:{tmp_path}").problems}
    assert problems == {
        str(tmp_path / "silent.beats"): "has no audio file",
        str(tmp_path / "lonely.wav"): "has no beat file beside it",
    }


def test_a_folder_without_pairs_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="not a folder"):
        load_dataset(f"folder:{tmp_path / 'absent'}")
    with pytest.raises(DatasetError, match=r"song\.wav"):
        load_dataset(f"folder:{tmp_path}")


def test_lossless_audio_is_preferred(tmp_path):
    files = [tmp_path / name for name in ("a.mp3", "a.ogg", "a.flac", "a.au")]
    assert pick_audio(files) == tmp_path / "a.flac"


@pytest.mark.parametrize("name", ["folder", "folder:", "rendered:", "pack:x", "No such", ""])
def test_names_the_datasets_there_are(name):
    with pytest.raises(DatasetError, match=r"gtzan, gtzan-mini, folder:PATH, rendered:PATH"):
        load_dataset(name)


@pytest.mark.parametrize(
    ("name", "other", "shared"),
    [("gtzan", "gtzan-mini", True), ("GTZAN", "gtzan_genre", True), ("gtzan", "ballroom", False)],
)
def test_tells_whether_datasets_share_recordings(name, other, shared):
    assert overlaps(name, other) is shared
    assert overlaps(other, name) is shared
    assert overlaps(name, name)
