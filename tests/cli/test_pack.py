"""`beattrack pack`, from recordings to a pack that training reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.datasets.training import load_songs
from tests.cli_cases import run, usage_error
from tests.synth import drum_clip

CACHE = ("--cache", "cache", "--jobs", 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a folder of two songs, and one that is none."""
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    for name in ("a", "b"):
        soundfile.write(f"mine/{name}.flac", drum_clip(120, duration=4.0)[0], 22050)
        beats = "".join(f"{0.5 * k}\t{k % 4 + 1}\n" for k in range(8))
        Path(f"mine/{name}.beats").write_text(beats, encoding="utf-8")
    Path("mine/c.flac").write_bytes(b"noise")
    Path("mine/c.beats").write_text("0.5 1\n1.0 2\n", encoding="utf-8")
    return tmp_path


def test_a_pack_holds_the_songs_of_a_folder(home: Path) -> None:
    packed = run("pack", "out", "--dataset", "folder:mine", *CACHE)
    assert packed.exit_code == 0
    assert packed.stdout == ""
    assert "folder:mine: 2 of 3 usable" in packed.stderr
    assert "out: 2 songs, 0.0 h" in packed.stderr
    audio = load_songs(["folder:mine"], cache=home / "cache", jobs=1).songs
    songs = load_songs(["pack:out"], cache=home / "cache").songs
    for ours, theirs in zip(songs, audio, strict=True):
        assert (ours.id, ours.group, ours.downbeats, ours.felt) == (theirs.id, theirs.group, "yes", True)
        np.testing.assert_array_equal(ours.beats, theirs.beats)
        louder = theirs.quantisation.magnitude(theirs.levels)
        np.testing.assert_allclose(ours.quantisation.magnitude(ours.levels), louder, rtol=0.2, atol=2e-4)


def test_quiet_says_nothing(home: Path) -> None:
    packed = run("pack", "out", "--dataset", "folder:mine", "--quiet", *CACHE)
    assert (packed.exit_code, packed.output) == (0, "")


def test_what_cannot_be_packed_is_said_before_anything_is_read(home: Path) -> None:
    assert "no dataset given" in usage_error("pack", "out")
    assert "nowhere" in usage_error("pack", "out", "--dataset", "folder:nowhere", *CACHE)
    assert run("pack", "out", "--dataset", "folder:mine", "--quiet", *CACHE).exit_code == 0
    assert "already holds a pack" in usage_error("pack", "out", "--dataset", "folder:nowhere", *CACHE)


def test_a_pack_of_shards_holds_the_same(home: Path) -> None:
    assert run("pack", "single", "--dataset", "folder:mine", "--quiet", *CACHE).exit_code == 0
    packed = run("pack", "out", "--dataset", "pack:single", "--shard-size", 0.001)
    assert packed.exit_code == 0
    assert "out: 2 songs, 0.0 h, 0.0 MB" in packed.stderr
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "index.json",
        "shard-00000.bin",
        "shard-00001.bin",
    ]
    single = load_songs(["pack:single"], cache=home / "cache").songs
    for memory in (0, None):
        songs = load_songs(["pack:out"], cache=home / "cache", pack_memory=memory).songs
        for ours, theirs in zip(songs, single, strict=True):
            np.testing.assert_array_equal(np.asarray(ours.levels), theirs.levels)
            np.testing.assert_array_equal(np.asarray(ours.harmony), theirs.harmony)
    assert "shard-size" in usage_error("pack", "new", "--dataset", "pack:single", "--shard-size", 0)
