from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.errors import AudioError
from beattrack.live.files import recording


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_chunks_are_the_samples_of_the_file(tmp_path: Path, stereo: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, stereo, 44100)
    with recording(str(path)) as source:
        assert (source.sample_rate, source.channels, source.recorded) == (44100, 2, True)
        assert source.name == str(path)
        chunks = [chunk.copy() for chunk in source.in_hops().chunks]
    assert max(map(len, chunks)) == 441
    assert sum(map(len, chunks)) == len(stereo)
    if suffix == "wav":
        np.testing.assert_allclose(np.concatenate(chunks) / 2**15, stereo, atol=1e-4)


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros((0, 1)), 44100)
    text = tmp_path / "a.txt"
    text.write_text("no music\n" * 100)
    for path in (tmp_path / "none.wav", tmp_path, empty, text):
        with pytest.raises(AudioError, match=str(path)), recording(str(path)):
            pass
