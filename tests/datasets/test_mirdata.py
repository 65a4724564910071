from __future__ import annotations

import builtins
import hashlib
import importlib
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from beattrack.datasets import DatasetError, load_dataset
from beattrack.datasets import download as download_module
from beattrack.datasets.base import MissingReaderError
from beattrack.datasets.download import Download
from beattrack.datasets.mirdata_sets import loader, own_folder, quiet

with quiet():
    mirdata = pytest.importorskip("mirdata", reason="needs the extra `datasets`")
    from mirdata.core import Index
    from mirdata.download_utils import RemoteFileMetadata

BEATS = "".join(f"{0.5 * k:.2f} {k % 4 + 1}\n" for k in range(8))
YES = Download(ask=lambda sentence: True)


@pytest.fixture(autouse=True)
def nobody_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BEATTRACK_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "nobody"))


@pytest.fixture(autouse=True)
def indexes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folder of mirdata's indexes, none of which is there."""
    folder = tmp_path / "indexes"
    folder.mkdir()
    monkeypatch.setattr(Index, "get_path", lambda self: str(folder / self.filename))
    return folder


def module_of(name: str) -> Any:
    return importlib.import_module(f"mirdata.datasets.{name}")


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def sound(path: Path, seconds: float = 4.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(8000 * seconds)), 8000)


def index_ballroom(indexes: Path, *tracks: str) -> None:
    entries = {
        name: {
            "audio": [f"B_1.0/audio/ChaChaCha/{name}.wav", "0"],
            "beats": [f"B_1.0/annotations/beats/{name}.beats", "0"],
            "tempo": [f"B_1.0/annotations/tempo/{name}.bpm", "0"],
        }
        for name in tracks
    }
    module = module_of("ballroom")
    filename = module.INDEXES[module.INDEXES["default"]].filename
    write(indexes / filename, json.dumps({"version": "1.0", "tracks": entries}))


def ballroom_track(home: Path, name: str, beats: str = BEATS) -> None:
    sound(home / f"B_1.0/audio/ChaChaCha/{name}.wav")
    write(home / f"B_1.0/annotations/beats/{name}.beats", beats)


@pytest.mark.parametrize("within", [True, False])
def test_a_dataset_is_read_by_mirdata(tmp_path: Path, indexes: Path, within: bool) -> None:
    names = ("Albums-Latin_Jam-01", "Albums-Latin_Jam-02", "Media-105901")
    index_ballroom(indexes, *names)
    home = tmp_path / "data" / "ballroom" if within else tmp_path / "data"
    for name in names:
        ballroom_track(home, name)
    dataset = load_dataset("ballroom", data_home=tmp_path / "data")
    assert dataset.name == "ballroom"
    assert [track.id for track in dataset.tracks] == list(names)
    assert dataset.problems == ()
    assert "NC" in dataset.licence
    track = dataset.tracks[0]
    np.testing.assert_array_equal(track.beats, np.arange(8) * 0.5)
    assert track.positions is not None
    np.testing.assert_array_equal(track.positions, np.arange(8) % 4 + 1)
    assert track.genre == "chachacha"
    # Songs of one album stay together.
    assert [one.group for one in dataset.tracks] == [
        "ballroom/Albums-Latin_Jam",
        "ballroom/Albums-Latin_Jam",
        "ballroom/Media-105901",
    ]


def test_the_usual_places_are_looked_in(
    tmp_path: Path, indexes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_ballroom(indexes, "a")
    ballroom_track(tmp_path / "nobody/mir_datasets/ballroom", "a")
    assert len(load_dataset("ballroom").tracks) == 1
    ballroom_track(tmp_path / "mine/ballroom", "a")
    monkeypatch.setenv("BEATTRACK_DATA", str(tmp_path / "mine"))
    audio = load_dataset("ballroom").tracks[0].audio
    assert audio is not None
    assert audio.is_relative_to(tmp_path / "mine")


def test_bad_tracks_are_named_and_the_rest_used(tmp_path: Path, indexes: Path) -> None:
    index_ballroom(indexes, "good", "silent", "text", "empty", "backwards", "unheard")
    ballroom_track(tmp_path, "good")
    ballroom_track(tmp_path, "text", "half past\tone\n")
    ballroom_track(tmp_path, "empty", "")
    ballroom_track(tmp_path, "backwards", "2.0 1\n1.0 2\n1.5 3\n3.0 4\n")
    sound(tmp_path / "B_1.0/audio/ChaChaCha/silent.wav")
    write(tmp_path / "B_1.0/annotations/beats/unheard.beats", BEATS)
    dataset = load_dataset("ballroom", data_home=tmp_path)
    assert [track.id for track in dataset.tracks] == ["good"]
    reasons = {Path(problem.file).name: problem.reason for problem in dataset.problems}
    assert reasons.pop("empty") == "has no beat annotation"
    assert "cannot be opened" in reasons.pop("unheard.wav")
    assert set(reasons) == {"silent", "text", "backwards"}
    assert all("annotation cannot be read" in reason for reason in reasons.values())


def test_audio_is_not_needed_to_score_files(tmp_path: Path, indexes: Path) -> None:
    index_ballroom(indexes, "a")
    write(tmp_path / "B_1.0/annotations/beats/a.beats", BEATS)
    (track,) = load_dataset("ballroom", data_home=tmp_path, need_audio=False).tracks
    assert track.audio is None


@pytest.mark.parametrize("index", [True, False])
def test_a_dataset_that_is_not_there_is_one_sentence(tmp_path: Path, indexes: Path, index: bool) -> None:
    if index:
        index_ballroom(indexes, "a", "b")
    with pytest.raises(DatasetError, match="--download gets") as caught:
        load_dataset("ballroom", data_home=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cuidado", "not offered for download"),
        ("compmusic_carnatic_rhythm", "not offered for download"),
        ("hainsworth", "cannot download that list"),
        ("simac", "simac: mirdata's loader fails"),
    ],
)
def test_what_nobody_offers_is_said_so(tmp_path: Path, name: str, reason: str) -> None:
    """The last two fail in mirdata 1.0; a later version may have fixed them."""
    with pytest.raises(DatasetError, match=rf"({reason}|--download gets|not offered).*folder:PATH"):
        load_dataset(name, data_home=tmp_path)


def test_a_damaged_index_is_one_sentence(tmp_path: Path, indexes: Path) -> None:
    index_ballroom(indexes, "a")
    (file,) = indexes.iterdir()
    for content in ("{", "[]", "{}"):
        file.write_text(content)
        with pytest.raises(DatasetError, match="list of its files cannot be read"):
            load_dataset("ballroom", data_home=tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("balroom", r"did you mean ballroom\?"),
        ("xyz", "has none"),
        ("tinysol", "no beats"),
        ("jtd", "one musician"),
        ("filosax", "chord changes"),
    ],
)
def test_datasets_without_beats_are_refused(name: str, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        load_dataset(name)


def test_without_mirdata_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "mirdata":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingReaderError, match=r"pip install 'beattrack\[datasets\]'") as caught:
        load_dataset("ballroom")
    assert isinstance(caught.value, DatasetError)


def test_mirdata_does_not_speak_for_everybody(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, root.manager.disable)
    with quiet():
        logging.basicConfig(level=logging.INFO, force=True)
        logging.warning("noise")
    assert (root.handlers, root.level, root.manager.disable) == before
    assert "noise" not in capfd.readouterr().err


def test_of_several_recordings_the_one_that_is_there_is_taken(tmp_path: Path, indexes: Path) -> None:
    module = module_of("guitarset")
    event = {"time": 0.0, "value": {"position": 1}}
    annotation = {"annotations": [{"namespace": "beat_position", "data": [event]}]}
    write(tmp_path / "a.jams", json.dumps(annotation))
    sound(tmp_path / "mic.wav")
    paths = {"jams": "a.jams", "audio_mic": "mic.wav", "audio_mix": "mix.wav"}
    entry = {key: [paths.get(key, f"{key}.wav"), "0"] for key in (*paths, "audio_hex", "audio_hex_cln")}
    filename = module.INDEXES[module.INDEXES["default"]].filename
    write(indexes / filename, json.dumps({"version": "1", "tracks": {"00_BN1-129-Eb_comp": entry}}))
    (track,) = load_dataset("guitarset", data_home=tmp_path).tracks
    assert track.audio == tmp_path / "mic.wav"
    assert (track.genre, track.group) == ("Bossa Nova", "guitarset/BN1-129-Eb")


# Downloads: of a made-up server, but unpacked by mirdata.


@pytest.fixture
def server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, indexes: Path
) -> Callable[[str, str, dict[str, bytes]], None]:
    """Function that puts an archive online as one of the files of a dataset."""
    online: dict[str, bytes] = {}

    def fetch(url: str, path: Path, *, md5: str, progress: Any = None) -> None:
        if url not in online:
            raise DatasetError(f"{url}: cannot be reached (Connection refused)")
        write(path, online[url])

    monkeypatch.setattr(download_module, "fetch", fetch)

    def put(name: str, key: str, members: dict[str, bytes]) -> None:
        module = module_of(name)
        archive = tmp_path / "archive.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for member, content in members.items():
                file.writestr(member, content)
        content = archive.read_bytes()
        old = module.REMOTES[key]
        online[old.url] = content
        remote = RemoteFileMetadata(
            old.filename,
            old.url,
            hashlib.md5(content).hexdigest(),
            old.destination_dir,
            old.unpack_directories,
        )
        monkeypatch.setitem(module.REMOTES, key, remote)

    monkeypatch.setattr(download_module, "index_of", lambda module, dataset: None)
    real = mirdata.download_utils.downloader

    def downloader(*arguments: Any, index: Any, **options: Any) -> None:
        real(*arguments, index=SimpleNamespace(remote=None, partial_download=None), **options)

    monkeypatch.setattr(mirdata.download_utils, "downloader", downloader)
    return put


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    sound(tmp_path / "some.wav")
    return (tmp_path / "some.wav").read_bytes()


def beats_of_gtzan(server: Callable[[str, str, dict[str, bytes]], None]) -> None:
    members = {f"gtzan_tempo_beat-main/beats/gtzan_blues_0000{n}.beats": BEATS.encode() for n in range(3)}
    server("gtzan_genre", "tempo_beat_annotations", members)


def test_the_mini_set_is_downloaded_after_leave(server: Any, wav: bytes, tmp_path: Path) -> None:
    beats_of_gtzan(server)
    server("gtzan_genre", "mini", {f"gtzan_mini-main/genres/blues/blues.0000{n}.wav": wav for n in range(2)})
    asked: list[str] = []
    allowed = Download(ask=lambda sentence: not asked.append(sentence))
    home = tmp_path / "data"
    dataset = load_dataset("gtzan-mini", data_home=home, download=allowed)
    assert [track.id for track in dataset.tracks] == ["gtzan_blues_00000", "gtzan_blues_00001"]
    (sentence,) = asked
    assert sentence.startswith("gtzan-mini: licence unknown")
    for part in ("120 MB", "github.com", str(home / "gtzan_genre")):
        assert part in sentence
    # Now it is there: nothing is asked for.
    again = load_dataset(
        "gtzan-mini", data_home=home, download=Download(ask=lambda sentence: pytest.fail(sentence))
    )
    assert len(again.tracks) == 2
    assert not list(home.rglob("*.zip"))


def test_annotations_are_downloaded_for_audio_that_is_there(server: Any, wav: bytes, tmp_path: Path) -> None:
    beats_of_gtzan(server)
    write(tmp_path / "data/genres/blues/blues.00002.wav", wav)
    dataset = load_dataset("gtzan", data_home=tmp_path / "data", download=YES)
    assert [track.id for track in dataset.tracks] == ["gtzan_blues_00002"]


def test_the_dead_archive_is_never_asked_for(server: Any, tmp_path: Path) -> None:
    never = Download(ask=lambda sentence: pytest.fail(sentence))
    with pytest.raises(DatasetError):
        load_dataset("gtzan", data_home=tmp_path, download=never)


def test_without_leave_nothing_is_downloaded(server: Any, tmp_path: Path) -> None:
    beats_of_gtzan(server)
    with pytest.raises(DatasetError, match="nothing was downloaded"):
        load_dataset("gtzan-mini", data_home=tmp_path, download=Download(ask=lambda sentence: False))
    assert not list(tmp_path.rglob("*.beats"))


def test_a_dead_server_is_one_sentence(server: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be reached"):
        load_dataset("gtzan-mini", data_home=tmp_path, download=YES)


def test_an_archive_that_would_write_elsewhere_is_not_unpacked(server: Any, tmp_path: Path) -> None:
    beats_of_gtzan(server)
    server("gtzan_genre", "mini", {"../../escaped.wav": b"bad"})
    with pytest.raises(DatasetError, match="outside its folder"):
        load_dataset("gtzan-mini", data_home=tmp_path / "data", download=YES)
    assert not list(tmp_path.rglob("escaped.wav"))


def test_an_archive_that_is_none_is_one_sentence(server: Any, tmp_path: Path) -> None:
    module = module_of("gtzan_genre")
    beats_of_gtzan(server)
    server("gtzan_genre", "mini", {"a": b""})
    module.REMOTES["mini"].checksum = "0" * 32
    with pytest.raises(DatasetError, match="mirdata cannot unpack it"):
        load_dataset("gtzan-mini", data_home=tmp_path, download=YES)


def test_any_dataset_is_downloaded_to_a_folder_of_its_own(
    server: Any, wav: bytes, tmp_path: Path, indexes: Path
) -> None:
    index_ballroom(indexes, "a")
    server("ballroom", "audio", {"BallroomData/ChaChaCha/a.wav": wav})
    server("ballroom", "tempo", {"BallroomAnnotations/ballroomGroundTruth/a.bpm": b"120"})
    server("ballroom", "beats", {"BallroomAnnotations-master/a.beats": BEATS.encode()})
    for key in ("audio", "tempo"):  # made as zip files here
        module_of("ballroom").REMOTES[key].filename += ".zip"
    dataset = load_dataset("ballroom", data_home=tmp_path / "data", download=YES)
    assert dataset.home == tmp_path / "data" / "ballroom"
    assert [track.id for track in dataset.tracks] == ["a"]


def test_of_data_that_is_there_only_the_list_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, indexes: Path
) -> None:
    ballroom_track(tmp_path, "a")
    index_ballroom(indexes, "a")
    (file,) = indexes.iterdir()
    content = file.read_bytes()
    file.unlink()
    module = module_of("ballroom")
    index = Index(file.name, "https://example.org/index.json", hashlib.md5(content).hexdigest())
    index.indexes_dir = index.remote.destination_dir = str(indexes)
    monkeypatch.setitem(module.INDEXES, module.INDEXES["default"], index)
    monkeypatch.setitem(module.REMOTES, "index", index.remote)  # mirdata adds it, for good
    fetched: list[str] = []

    def fetch(url: str, path: Path, **options: Any) -> None:
        fetched.append(url)
        write(path, content)

    monkeypatch.setattr(download_module, "fetch", fetch)
    dataset = load_dataset("ballroom", data_home=tmp_path, download=YES)
    assert [track.id for track in dataset.tracks] == ["a"]
    assert fetched == ["https://example.org/index.json"]


def test_own_folder_is_not_nested(tmp_path: Path) -> None:
    assert own_folder("ballroom", tmp_path / "ballroom") == tmp_path / "ballroom"
    assert own_folder("ballroom", tmp_path) == tmp_path / "ballroom"


def test_every_loader_with_beats_can_be_asked(tmp_path: Path) -> None:
    """mirdata's own code at work: whichever dataset, what is not there is a DatasetError."""
    names = [name for name in mirdata.list_datasets() if name != "gtzan_genre"]
    assert len(names) > 50
    with_beats = 0
    for name in names:
        with pytest.raises(DatasetError):
            load_dataset(name, data_home=tmp_path)
        try:
            loader(name)
        except DatasetError:
            continue
        with_beats += 1
    assert with_beats >= 10
