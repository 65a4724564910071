from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from beattrack.datasets import DatasetError
from beattrack.datasets.training import DatasetSpec, LoadedSongs, load_songs, parse_spec
from beattrack.errors import SettingsError
from beattrack.spectrogram import SpectrogramSettings
from tests.example_pack import write_pack
from tests.synth import drum_clip

BEATS = "".join(f"{0.5 * k}\t{k % 4 + 1}\n" for k in range(8))


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("training") / "clip.flac"
    soundfile.write(path, drum_clip(120, duration=4.0)[0], 22050)
    return path.read_bytes()


@pytest.fixture
def home(tmp_path: Path, recording: bytes) -> Path:
    """A folder of two songs."""
    folder = tmp_path / "mine"
    for name in ("a", "jazz/b"):
        write(folder / f"{name}.flac", recording)
        write(folder / f"{name}.beats", BEATS)
    return folder


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def load(*specs: DatasetSpec | str, cache: Path, **options: Any) -> LoadedSongs:
    return load_songs(specs, cache=cache, jobs=1, **options)


def reasons(loaded: LoadedSongs) -> dict[str, str]:
    return {Path(problem.file).name: problem.reason for problem in loaded.problems}


@pytest.mark.parametrize(
    ("text", "name", "weight"),
    [
        ("gtzan", "gtzan", 1.0),
        ("gtzan@2", "gtzan", 2.0),
        ("rendered:/music@0.4", "rendered:/music", 0.4),
        ("folder:/home/me@work/songs", "folder:/home/me@work/songs", 1.0),
        ("folder:/home/me@work/songs@1e-1", "folder:/home/me@work/songs", 0.1),
        ("folder:/a@2@1", "folder:/a@2", 1.0),
    ],
)
def test_a_specification_is_a_name_and_a_weight(text: str, name: str, weight: float) -> None:
    assert parse_spec(text) == DatasetSpec(name=name, weight=weight)


@pytest.mark.parametrize("text", ["", "@1", "gtzan@0", "gtzan@-1", "gtzan@nan", "gtzan@inf"])
def test_a_specification_without_sense_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_spec(text)


def test_a_folder_of_ones_own_becomes_songs(home: Path, tmp_path: Path) -> None:
    told: list[str] = []
    seen: list[tuple[int, int]] = []
    loaded = load(
        f"folder:{home}",
        cache=tmp_path / "cache",
        tell=told.append,
        progress=lambda done, total: seen.append((done, total)),
    )
    one, two = loaded.songs
    assert (one.id, one.genre, two.id, two.genre) == ("a", "", "jazz/b", "jazz")
    assert one.group != two.group
    assert one.source == "folder:mine"
    assert (one.fps, one.metre, one.downbeats, one.seconds) == (100, 4, "yes", 4.0)
    assert one.bpm == pytest.approx(120)
    assert one.levels.shape == (400, SpectrogramSettings().bands)
    np.testing.assert_array_equal(one.positions, [1, 2, 3, 4, 1, 2, 3, 4])
    assert loaded.weights == {f"folder:{home}": 1.0}
    assert "your own" in loaded.licences[f"folder:{home}"]
    assert loaded.problems == loaded.notes == ()
    assert (
        told
        == list(loaded.summary)
        == [
            f"folder:{home}: your own data (licence unknown)",
            f"folder:{home}: 2 of 2 usable, 8.0 s",
        ]
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_several_datasets_come_with_their_weights(home: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    write_pack(pack, songs=3, seconds=4)
    loaded = load(f"folder:{home}@0.25", DatasetSpec(name=f"pack:{pack}", weight=3), cache=tmp_path / "cache")
    assert loaded.weights == {f"folder:{home}": 0.25, f"pack:{pack}": 3.0}
    assert [len(songs) for songs in loaded.songs_by_dataset.values()] == [2, 3]
    assert len(loaded.songs) == 5
    assert loaded.licences[f"pack:{pack}"] == "3 songs CC0"
    assert loaded.summary[-1] == f"pack:{pack}: 3 of 3 usable, 12.0 s"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "its annotation holds no beats"),
        ("# only a comment\n", "its annotation holds no beats"),
        ("0.5\t1\n1.0\t2\n", "its annotation holds only 2 beats; 4 are needed"),
        ("half past\t1\n", "line 1"),
        ("0.5\t1\n0.7\t2\nand\t3\n", "line 3"),
        (
            "".join(f"{5 * k + 0.5}\t1\n" for k in range(9)),
            "audio (4.0 s) is shorter than its annotation (to 40.5 s)",
        ),
        ("".join(f"{11025 * k}\n" for k in range(9)), "times 11025 apart, too far for beats"),
        ("".join(f"{500 * k}\n" for k in range(20)), "audio (4.0 s) is shorter"),
    ],
)
def test_a_bad_annotation_costs_its_song_and_is_named(
    home: Path, tmp_path: Path, content: str, reason: str
) -> None:
    (home / "a.beats").write_text(content)
    loaded = load(f"folder:{home}", cache=tmp_path / "cache")
    assert [song.id for song in loaded.songs] == ["jazz/b"]
    ((file, found),) = reasons(loaded).items()
    assert file.startswith("a.")
    assert reason in found
    assert str(home) not in found
    assert loaded.summary[1].startswith(f"folder:{home}: 1 of 2 usable, 4.0 s; left out a.")
    assert reason in loaded.summary[1]


@pytest.mark.parametrize(
    ("content", "note", "beats"),
    [
        ("".join(f"{0.5 * k}\t{k % 4 + 1}\n" for k in (3, 0, 2, 1)), "times out of order were sorted", 4),
        ("-0.5\t4\n" + BEATS, "1 beat before 0 s left out", 8),
        (BEATS + "4.1\t1\n", "1 beat after the end of the audio left out", 8),
        (BEATS + "3.5\t1\n", "repeated times were counted once", 8),
        ("".join(f"{500 * k}\t{k % 4 + 1}\n" for k in range(8)), "times were read as milliseconds", 8),
    ],
)
def test_a_fixed_annotation_is_used_and_named(
    home: Path, tmp_path: Path, content: str, note: str, beats: int
) -> None:
    (home / "a.beats").write_text(content)
    loaded = load(f"folder:{home}", cache=tmp_path / "cache")
    assert len(loaded.songs) == 2
    assert len(loaded.songs[0].beats) == beats
    (found,) = loaded.notes
    assert (Path(found.file).name, found.reason) == ("a.flac", note)
    assert loaded.summary[2] == f"folder:{home}: fixed a.flac ({note})"


def test_missing_annotations_and_bad_audio_are_named(home: Path, tmp_path: Path, recording: bytes) -> None:
    write(home / "lonely.flac", recording)
    write(home / "broken.wav", "no audio")
    write(home / "broken.beats", BEATS)
    soundfile.write(home / "quiet.wav", np.zeros(4 * 22050), 22050)
    write(home / "quiet.beats", BEATS)
    loaded = load(f"folder:{home}", cache=tmp_path / "cache")
    found = reasons(loaded)
    assert found.pop("lonely.flac") == "has no beat file beside it"
    assert "cannot be opened" in found.pop("broken.wav")
    assert found.pop("quiet.wav") == "holds only silence"
    assert found == {}
    assert "2 of 5 usable" in loaded.summary[1]


def test_many_bad_files_are_counted(home: Path, tmp_path: Path) -> None:
    for number in range(9):
        write(home / f"bad{number}.wav", "no audio")
    summary = load(f"folder:{home}", cache=tmp_path / "cache").summary[1]
    assert "2 of 11 usable" in summary
    assert summary.endswith("and 4 more")


def test_nothing_usable_is_an_error_with_the_reason(home: Path, tmp_path: Path) -> None:
    for path in home.rglob("*.beats"):
        path.write_text("1\n2\n")
    with pytest.raises(
        DatasetError, match=r"nothing in it can be used: a\.flac \(its annotation holds only 2"
    ):
        load(f"folder:{home}", cache=tmp_path / "cache")


@pytest.mark.parametrize(
    "names", [(), ("gtzan", "gtzan"), ("gtzan", "gtzan-mini@2"), ("folder:/a@1", "folder:/a@2")]
)
def test_the_same_recordings_twice_or_none_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load(*names, cache=tmp_path)


def test_beats_without_bars_have_no_downbeats(home: Path, tmp_path: Path) -> None:
    (home / "a.beats").write_text("".join(f"{0.5 * k}\n" for k in range(8)))
    one, two = load(f"folder:{home}", cache=tmp_path / "cache").songs
    assert (one.downbeats, one.metre, two.downbeats) == ("no", 0, "yes")
    assert not one.positions.any()


def test_other_settings_give_other_features(home: Path, tmp_path: Path) -> None:
    settings = replace(SpectrogramSettings(), fps=50)
    (one, _) = load(f"folder:{home}", cache=tmp_path / "cache", settings=settings).songs
    assert (one.fps, len(one.levels), one.seconds) == (50, 200, 4.0)


def test_a_pack_of_another_spectrogram_is_refused(tmp_path: Path) -> None:
    write_pack(tmp_path, songs=1, seconds=4)
    settings = replace(SpectrogramSettings(), fps=50)
    with pytest.raises(DatasetError, match=r"100 frames per second and 73 bands.* 50 and 73"):
        load(f"pack:{tmp_path}", cache=tmp_path / "cache", settings=settings)


def test_bad_songs_of_a_pack_are_named(tmp_path: Path) -> None:
    write_pack(tmp_path, songs=3, seconds=4)
    index = json.loads((tmp_path / "index.json").read_text())
    index["songs"][0]["beats"] = index["songs"][0]["positions"] = []
    index["songs"][1]["downbeats"] = "est"
    index["songs"][2]["positions"] = [0] * 8
    (tmp_path / "index.json").write_text(json.dumps(index))
    loaded = load(f"pack:{tmp_path}", cache=tmp_path / "cache")
    assert [(song.id, song.downbeats) for song in loaded.songs] == [("song1", "est"), ("song2", "no")]
    assert reasons(loaded) == {"song0": "its annotation holds no beats"}


@pytest.fixture
def rendered(tmp_path: Path, recording: bytes) -> Path:
    folder = tmp_path / "out"
    for number, source in enumerate(("mma", "groove")):
        about = {"genre": "swing", "group": "7", "licence": "CC0", "metre": "4/4", "seed": number}
        write(folder / source / f"{number}.flac", recording)
        write(folder / source / f"{number}.beats", BEATS)
        write(folder / source / f"{number}.json", json.dumps(about))
    write(folder / "manifest.json", "{}")
    return folder


def test_rendered_music_knows_what_it_was_made_of(rendered: Path, tmp_path: Path) -> None:
    loaded = load(f"rendered:{rendered}@0.5", cache=tmp_path / "cache")
    one, two = loaded.songs
    assert [(song.id, song.source, song.genre, song.licence) for song in (one, two)] == [
        ("groove/1", "groove", "swing", "CC0"),
        ("mma/0", "mma", "swing", "CC0"),
    ]
    # Groups are told apart by source: their numbers are not unique.
    assert one.group != two.group
    assert loaded.licences == {f"rendered:{rendered}": "made from works under CC0"}


def test_damaged_rendered_songs_are_named_and_unfinished_ones_left_alone(
    rendered: Path, tmp_path: Path
) -> None:
    write(rendered / "mma/2.json", "{}")
    write(rendered / "mma/3.beats", BEATS)
    (rendered / "groove/1.json").write_text("{")
    loaded = load(f"rendered:{rendered}", cache=tmp_path / "cache")
    assert [song.id for song in loaded.songs] == ["mma/0"]
    found = reasons(loaded)
    assert "cannot be opened" in found.pop("2.flac")
    assert "not the description of a rendered song" in found.pop("1.beats")
    assert found == {}


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_folder_without_rendered_music_is_an_error(tmp_path: Path, place: str) -> None:
    with pytest.raises(DatasetError, match="beattrack render"):
        load(f"rendered:{tmp_path / place}", cache=tmp_path / "cache")


@pytest.fixture
def development_set() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data" / "gtzan_dev"
    if not folder.is_dir():
        pytest.skip("the 50 excerpts of GTZAN are not beside the project")
    return folder


def test_gtzan_becomes_songs(development_set: Path, tmp_path: Path) -> None:
    home = tmp_path / "some"
    for genre in ("blues", "jazz"):
        (home / "genres").mkdir(parents=True, exist_ok=True)
        (home / "genres" / genre).symlink_to(development_set / "genres" / genre)
    loaded = load("gtzan", data_home=home, annotations=development_set / "beats", cache=tmp_path / "cache")
    songs = loaded.songs_by_dataset["gtzan"]
    assert len(songs) == 10
    assert {song.genre for song in songs} == {"blues", "jazz"}
    assert {song.group for song in songs if song.genre == "blues"} == {"gtzan/John Lee Hooker"}
    assert all(song.downbeats == "yes" for song in songs)
    # A beat is where the sound changes: that features and annotations share their clock.
    flux = {song.id: np.diff(song.levels.astype(float), axis=0).clip(0).sum(axis=1) for song in songs}
    ratios = []
    for song in songs:
        frames = np.round(song.beats * 100).astype(int)
        frames = frames[(frames > 3) & (frames < len(song.levels) - 4)]
        near = np.max([flux[song.id][frames + shift] for shift in (-3, -2, -1, 0, 1)], axis=0)
        apart = np.max([flux[song.id][frames + shift - 15] for shift in (-3, -2, -1, 0, 1)], axis=0)
        ratios.append(near.mean() / apart.mean())
    assert np.median(ratios) > 1.2
