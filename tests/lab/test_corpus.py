from pathlib import Path

import numpy as np
import soundfile
from corpus import make_corpus

from beattrack.formats.readers import read_beats


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_songs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert make_corpus(tmp_path / name, songs=3, seconds=12.0, seed=5) == f"folder:{tmp_path / name}"
    make_corpus(tmp_path / "other", songs=3, seconds=12.0, seed=6)
    one, two, other = (contents(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert one["song0000.flac"] != other["song0000.flac"]


def test_a_corpus_is_kept_until_it_is_to_be_another(tmp_path: Path) -> None:
    make_corpus(tmp_path, songs=3, seconds=12.0)
    (tmp_path / "song0000.beats").write_text("1.0\t1\n", encoding="utf-8")
    before = contents(tmp_path)
    make_corpus(tmp_path, songs=3, seconds=12.0)
    assert contents(tmp_path) == before
    make_corpus(tmp_path, songs=2, seconds=12.0)
    assert set(contents(tmp_path)) == {
        "corpus.json",
        *(f"song000{i}{s}" for i in (0, 1) for s in (".flac", ".beats")),
    }


def test_beats_lie_on_onsets(tmp_path: Path) -> None:
    """The energy rises at beats: it is larger after them than before them, on average over the songs."""
    make_corpus(tmp_path, songs=6, seconds=20.0)
    rises = []
    for path in sorted(tmp_path.glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        beats = read_beats(path.with_suffix(".beats"))
        assert beats.positions is not None
        assert (beats.positions == 1).any()
        assert 0.25 <= np.abs(samples).max() <= 0.71
        frames = (beats.times * rate).astype(int)
        for frame in frames[(frames > 2000) & (frames < len(samples) - 2000)]:
            after, before = (
                np.square(part).mean()
                for part in (samples[frame : frame + 2000], samples[frame - 2000 : frame - 400])
            )
            rises.append(np.log((after + 1e-6) / (before + 1e-6)))
    assert np.mean(rises) > 0.5
