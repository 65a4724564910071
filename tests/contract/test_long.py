"""Hours of audio in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import beattrack
from tests.audio_cases import posix_only
from tests.synth import drum_clip

RATE = 4000  # the lowest that is promised: the file is small, the work is the same

MEASURE = """
import json, resource, sys
from pathlib import Path
from beattrack.tracker import BeatTracker
beats = BeatTracker(threads=1).track(sys.argv[1])
status = Path("/proc/self/status")
if status.exists():
    # Linux counts into ru_maxrss what the process that started this one had in memory then.
    (peak,) = (1024 * int(line.split()[1]) for line in status.open() if line.startswith("VmHWM:"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"peak": peak, "beats": len(beats), "bpm": beats.bpm, "duration": beats.duration}))
"""


@pytest.mark.slow
@posix_only
@pytest.mark.parametrize(("minutes", "megabytes"), [(60, 700), (180, 1500)])
def test_hours_of_audio_stay_within_memory(tmp_path: Path, minutes: int, megabytes: int) -> None:
    piece = drum_clip(120, duration=60.0, sample_rate=RATE)[0]
    with soundfile.SoundFile(tmp_path / "long.wav", "w", RATE, 1, subtype="PCM_16") as file:
        for _ in range(minutes):
            file.write(piece)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "long.wav")]
    root = Path(beattrack.__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    found = json.loads(done.stdout)
    assert found["duration"] == 60.0 * minutes
    assert found["bpm"] == pytest.approx(120, rel=0.01)
    assert found["beats"] == pytest.approx(120 * minutes, rel=0.02)
    assert found["peak"] <= megabytes * 1e6


def test_a_minute_takes_little_more_than_the_program_itself(tmp_path: Path) -> None:
    """What makes the hours possible: blocks go through one at a time."""
    from beattrack.audio import read_blocks

    soundfile.write(tmp_path / "long.wav", np.zeros(RATE * 90, np.int16), RATE)
    sizes = [len(block) for block in read_blocks(tmp_path / "long.wav", sample_rate=22050, block_seconds=30)]
    assert sum(sizes) == 90 * 22050
    assert max(sizes) < 35 * 22050
