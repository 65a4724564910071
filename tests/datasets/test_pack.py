from __future__ import annotations

import json
import lzma
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beattrack.datasets import pack, pack_files
from beattrack.datasets.base import DatasetError
from beattrack.datasets.pack import load_pack, requantise
from beattrack.datasets.packed import MEMORY, Memory, PackedLevels, memory
from beattrack.datasets.songs import Quantisation, Song
from tests.example_pack import write_pack
from tests.training_cases import song as little_song

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_a_pack_reads_back(tmp_path: Path) -> None:
    levels = write_pack(tmp_path, songs=2, seconds=3)
    songs = load_pack(tmp_path)
    assert [song.id for song in songs] == ["song0", "song1"]
    for song, expected in zip(songs, levels, strict=True):
        np.testing.assert_array_equal(song.levels, expected)
        assert (song.fps, song.levels.shape[1], song.metre) == (100, 73, 4)
        assert song.quantisation == Quantisation(step_db=3, floor_db=-80)
        assert song.bpm == pytest.approx(120)
        assert song.seconds == pytest.approx(3)


def test_a_slow_view_is_read_if_it_is_there(tmp_path: Path) -> None:
    write_pack(tmp_path, songs=2, seconds=3)
    slow = np.random.default_rng(0).integers(0, 60, (30, 73), dtype=np.uint8)
    deltas = np.diff(slow.T, axis=1, prepend=np.uint8(0)).astype(np.uint8)
    (tmp_path / "song1.h.xz").write_bytes(lzma.compress(deltas.tobytes()))
    without, with_it = load_pack(tmp_path)
    assert without.harmony is None
    np.testing.assert_array_equal(with_it.harmony, slow)


def test_beats_that_were_looked_over_are_those_that_listeners_tap(tmp_path: Path) -> None:
    write_pack(tmp_path, songs=3, seconds=3)
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    index["songs"][0]["level"] = "ok"
    index["songs"][1]["level"] = "double"
    (tmp_path / "index.json").write_text(json.dumps(index), encoding="utf-8")
    assert [song.felt for song in load_pack(tmp_path)] == [True, False, False]


def test_levels_are_decibels_and_zero_is_silence() -> None:
    quantisation = Quantisation(step_db=3, floor_db=-80)
    magnitudes = quantisation.magnitude(np.array([[0, 20, 40]], np.uint8))
    np.testing.assert_allclose(magnitudes, [[0, 0.1, 100]], rtol=1e-5)
    dithered = quantisation.magnitude(
        np.array([[0, 20]], np.uint8), dither=np.array([[0.5, 0.5]], np.float32)
    )
    np.testing.assert_allclose(dithered, [[0, 0.1 * 10 ** (1.5 / 20)]], rtol=1e-5)


@given(arrays(np.uint8, (4, 5)))
def test_levels_come_back_from_their_magnitudes(levels: np.ndarray) -> None:
    quantisation = Quantisation(step_db=0.5, floor_db=-77.5)
    np.testing.assert_array_equal(quantisation.levels(quantisation.magnitude(levels)), levels)


def test_what_is_no_pack_is_a_dataset_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no feature pack"):
        load_pack(tmp_path)
    (tmp_path / "index.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="no feature pack"):
        load_pack(tmp_path)
    (tmp_path / "index.json").write_text('{"fps": 100}', encoding="utf-8")
    with pytest.raises(DatasetError, match="damaged"):
        load_pack(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"text", lzma.compress(b"short")])
def test_a_damaged_song_is_a_dataset_error(tmp_path: Path, damage: bytes) -> None:
    write_pack(tmp_path, songs=1, seconds=1)
    (tmp_path / "song0.xz").write_bytes(damage)
    with pytest.raises(DatasetError, match="damaged"):
        load_pack(tmp_path)


def test_the_reference_reader_agrees() -> None:
    if not (SHARED / "features").is_dir():
        pytest.skip("the training pack is not beside the project")
    index = json.loads((SHARED / "features" / "index.json").read_text(encoding="utf-8"))
    entry = min(index["songs"], key=lambda song: song["frames"])
    raw = np.frombuffer(lzma.decompress((SHARED / "features" / f"{entry['id']}.xz").read_bytes()), np.uint8)
    levels = np.cumsum(raw.reshape(index["bands"], entry["frames"]), axis=1, dtype=np.uint8).T
    reference = np.where(levels == 0, 0, 10 ** ((levels.astype(float) * 3 - 80) / 20))
    ours = Quantisation(step_db=index["step_db"], floor_db=index["floor_db"]).magnitude(levels)
    np.testing.assert_allclose(ours, reference, rtol=1e-4)


FINE, COARSE = Quantisation(step_db=0.5, floor_db=-77.5), Quantisation(step_db=3, floor_db=-80)


def make_song(name: str, *, bands: int = 73, felt: bool = True) -> Song:
    rng = np.random.default_rng(len(name))
    return little_song(
        id=name,
        source="mma",
        genre="jazz",
        group=f"mma/{name}",
        downbeats="est",
        levels=rng.integers(0, 256, (250, bands), dtype=np.uint8),
        quantisation=FINE,
        beats=np.array([0.25, 0.75, 1.3]),
        positions=np.array([2, 3, 1]),
        felt=felt,
        harmony=rng.integers(0, 256, (25, 73), dtype=np.uint8) if felt else None,
    )


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    songs = (make_song("mma/one"), make_song("two", felt=False))
    seen: list[tuple[int, int]] = []
    pack.write_pack(tmp_path / "new", songs, progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 2), (2, 2)]
    for ours, theirs in zip(load_pack(tmp_path / "new"), songs, strict=True):
        for name in ("id", "source", "genre", "group", "licence", "downbeats", "fps", "felt"):
            assert getattr(ours, name) == getattr(theirs, name), name
        np.testing.assert_array_equal(ours.beats, theirs.beats)
        np.testing.assert_array_equal(ours.positions, theirs.positions)
        assert ours.quantisation == COARSE
        assert (ours.harmony is None) == (theirs.harmony is None)
        if ours.harmony is not None and theirs.harmony is not None:
            np.testing.assert_array_equal(ours.harmony, requantise(theirs.harmony, FINE, COARSE))
        heard = (ours.levels > 0) & (theirs.levels > 0)
        decibels = (3.0 * ours.levels - 80.0, 0.5 * theirs.levels - 77.5)
        near = np.abs(decibels[0] - decibels[1])[heard]
        assert near.max() < 1.51


@given(arrays(np.uint8, (4, 5)))
def test_levels_are_requantised_to_the_nearest(levels: np.ndarray) -> None:
    expected = COARSE.levels(FINE.magnitude(levels))
    np.testing.assert_array_equal(requantise(levels, FINE, COARSE), expected)
    np.testing.assert_array_equal(requantise(levels, FINE, FINE), levels)


def test_a_pack_is_not_written_over_another(tmp_path: Path) -> None:
    pack.write_pack(tmp_path, [make_song("one")])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DatasetError, match="already holds a pack"):
        pack.write_pack(tmp_path, [make_song("two")])
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("names", "bands", "message"),
    [((), (), "not 0"), (("a", "b"), (73, 40), "not 2"), (("a", "a"), (73, 73), "different names")],
)
def test_songs_that_make_no_pack(
    tmp_path: Path, names: tuple[str, ...], bands: tuple[int, ...], message: str
) -> None:
    songs = [make_song(name, bands=count) for name, count in zip(names, bands, strict=True)]
    with pytest.raises(DatasetError, match=message):
        pack.write_pack(tmp_path, songs)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A process that keeps only two blocks, so that packs are not decoded when they are loaded."""
    memory.set_limit(2 * pack.BLOCK_FRAMES * 73)
    yield
    memory.set_limit(MEMORY)


@pytest.fixture(scope="module")
def long_songs() -> tuple[Song, ...]:
    rng = np.random.default_rng(1)
    return tuple(
        little_song(
            id=f"song{number}",
            levels=rng.integers(0, 50, (frames, 73), dtype=np.uint8),
            harmony=None if number == 1 else rng.integers(0, 50, (-(-frames // 10), 73), dtype=np.uint8),
            quantisation=COARSE,
        )
        for number, frames in enumerate((5000, 1024, 1025, 3))
    )


@pytest.mark.parametrize("shard_bytes", [None, 1, 200_000, 10**9])
def test_songs_are_read_as_they_are_needed(
    tmp_path: Path, long_songs: tuple[Song, ...], shard_bytes: int | None, little_memory: None
) -> None:
    pack.write_pack(tmp_path, long_songs, shard_bytes=shard_bytes)
    assert len(list(tmp_path.glob("shard-*.bin"))) == {None: 0, 1: 4, 200_000: 2, 10**9: 1}[shard_bytes]
    loaded = load_pack(tmp_path)
    assert all(isinstance(song.levels, PackedLevels) for song in loaded)
    memory.set_limit(MEMORY)
    eager = load_pack(tmp_path)
    assert all(isinstance(song.levels, np.ndarray) for song in eager)
    for ours, theirs, kept in zip(loaded, long_songs, eager, strict=True):
        np.testing.assert_array_equal(kept.levels, theirs.levels)
        assert (ours.harmony is None, kept.harmony is None) == (theirs.harmony is None,) * 2
        for lazy, exact in ((ours.levels, theirs.levels), (ours.harmony, theirs.harmony)):
            if lazy is not None and exact is not None:
                assert lazy.shape == exact.shape
                np.testing.assert_array_equal(lazy, exact)


@settings(deadline=None)
@given(start=st.integers(-6000, 6000), stop=st.integers(-6000, 6000), few=st.booleans())
def test_any_part_is_that_of_the_song(
    tmp_path_factory: pytest.TempPathFactory,
    long_songs: tuple[Song, ...],
    start: int,
    stop: int,
    few: bool,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "parts"
    if not folder.exists():
        pack.write_pack(folder, long_songs, shard_bytes=10**9)
    memory.set_limit(100_000 if few else 300_000)
    lazy = load_pack(folder)[0].levels
    assert isinstance(lazy, PackedLevels)
    np.testing.assert_array_equal(lazy[start:stop], long_songs[0].levels[start:stop])
    rows = np.unique(np.array([start % 5000, stop % 5000]))
    np.testing.assert_array_equal(lazy[rows], long_songs[0].levels[rows])
    np.testing.assert_array_equal(lazy[:, 3:5], long_songs[0].levels[:, 3:5])
    memory.set_limit(MEMORY)


def test_a_crop_reads_only_its_blocks(
    tmp_path: Path, long_songs: tuple[Song, ...], little_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack.write_pack(tmp_path, long_songs, shard_bytes=10**9)
    levels = load_pack(tmp_path)[0].levels
    reads: list[tuple[int, int]] = []
    original = pack_files.read

    def read(folder: str, name: str, start: int = 0, size: int | None = None) -> bytes:
        data = original(folder, name, start, size)
        reads.append((start, len(data)))
        return data

    monkeypatch.setattr(pack_files, "read", read)
    sizes = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))["songs"][0]["levels"]["blocks"]
    assert len(sizes) == 5
    levels[1500:2100]
    assert reads == [(sizes[0], sizes[1] + sizes[2])]
    levels[1100:3000]  # both blocks are kept
    assert len(reads) == 1
    levels[0:10]
    levels[4990:5000]
    assert len(reads) == 3
    levels[1500:2100]  # none of them is any more
    assert len(reads) == 4
    assert memory.size <= 2 * pack.BLOCK_FRAMES * 73


def test_memory_drops_what_was_not_used_for_longest() -> None:
    kept = Memory(250)
    blocks = {number: np.zeros(100, np.uint8) for number in range(3)}
    kept.put(("f", 0, 0), blocks[0])
    kept.put(("f", 0, 1), blocks[1])
    assert kept.get(("f", 0, 0)) is blocks[0]
    kept.put(("f", 0, 2), blocks[2])
    assert [kept.get(("f", 0, number)) is None for number in range(3)] == [False, True, False]
    assert kept.take(200)
    assert not kept.take(100)
    kept.put(("f", 0, 1), blocks[1])  # larger than what is left
    assert kept.size == 0


def test_memory_is_shared_by_processes() -> None:
    kept = Memory(300)
    kept.share(3)
    for number in range(3):
        kept.put(("f", 0, number), np.zeros(60, np.uint8))
    assert kept.size == 60


def test_levels_in_a_pack_can_be_sent_to_another_process(
    tmp_path: Path, long_songs: tuple[Song, ...], little_memory: None
) -> None:
    pack.write_pack(tmp_path, long_songs, shard_bytes=10**9)
    levels = load_pack(tmp_path)[0].levels
    sent = pickle.dumps(levels)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent)[100:200], long_songs[0].levels[100:200])


def test_a_pack_at_a_url(tmp_path: Path, long_songs: tuple[Song, ...], little_memory: None) -> None:
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for name, shard_bytes in (("single", None), ("sharded", 10**9)):
        pack.write_pack(tmp_path / name, long_songs, shard_bytes=shard_bytes)
        files.put(str(tmp_path / name), f"/{name}", recursive=True)
        songs = load_pack(f"memory://{name}")
        np.testing.assert_array_equal(songs[0].levels[1500:2100], long_songs[0].levels[1500:2100])
        assert songs[1].harmony is None
        np.testing.assert_array_equal(songs[2].harmony, long_songs[2].harmony)
    with pytest.raises(DatasetError, match="memory://nowhere: holds no feature pack"):
        load_pack("memory://nowhere")


def test_damage_of_a_sharded_pack_is_a_dataset_error(
    tmp_path: Path, long_songs: tuple[Song, ...], little_memory: None
) -> None:
    pack.write_pack(tmp_path, long_songs, shard_bytes=10**9)
    shard = tmp_path / "shard-00000.bin"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:1000] + bytes(100) + whole[1100:])
    levels = load_pack(tmp_path)[0].levels  # of the right size
    with pytest.raises(DatasetError, match=r"damaged feature pack \(shard-00000.bin: "):
        levels[0:10]
    shard.write_bytes(whole[:-1])
    with pytest.raises(DatasetError, match=r"shard-00000.bin has \d+ bytes instead of \d+"):
        load_pack(tmp_path)
    shard.unlink()
    with pytest.raises(DatasetError, match="damaged feature pack"):
        load_pack(tmp_path)


def test_a_pack_of_the_future_is_a_dataset_error(tmp_path: Path) -> None:
    write_pack(tmp_path, songs=1, seconds=1)
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    (tmp_path / "index.json").write_text(json.dumps({**index, "version": 3}), encoding="utf-8")
    with pytest.raises(DatasetError, match="newer beattrack"):
        load_pack(tmp_path)


def test_a_song_without_its_file_is_a_dataset_error(tmp_path: Path, little_memory: None) -> None:
    write_pack(tmp_path, songs=2, seconds=1)
    (tmp_path / "song1.xz").unlink()
    with pytest.raises(DatasetError, match=r"damaged .*song1.xz is missing"):
        load_pack(tmp_path)
