from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("mir_eval")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "accuracy.py"
BEATS = "".join(f"{0.5 + 0.5 * number:.3f}\t{number % 4 + 1}\n" for number in range(19))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script as interpreter")
def test_tables_peers_that_ran_and_those_that_are_missing(tmp_path):
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    soundfile.write(home / "song.wav", np.zeros(80000), 8000)
    (home / "song.beats").write_text(BEATS)
    kept = out / "folder-home" / "librosa"
    kept.mkdir(parents=True)
    (kept / "song.beats").write_text("".join(f"{line.split()[0]}\n" for line in BEATS.splitlines()))
    (kept / "seconds.json").write_text('{"version": "1.2", "seconds": {"song.wav": 0.5}}')
    # An interpreter without site packages has no peer.
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    command = [sys.executable, str(SCRIPT), "--dataset", f"folder:{home}", "--out", str(out)]
    command += ["--peers", "librosa", "aubio", "--python", f"aubio={bare}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    librosa = next(line for line in done.stdout.splitlines() if "librosa" in line)
    assert librosa.startswith("| librosa beat_track (1.2) | 1.000 | 1.000 | 1.000 |  |  |  | 100 % |")
    assert librosa.endswith("| 0 % | +0 ms | 3.00 |")
    assert "| aubio tempo | not installed |" in done.stdout
