from __future__ import annotations

import threading
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner

from beattrack.cli import main
from beattrack.cli.early import EarlyJobs
from beattrack.cli.inputs import STDIN
from beattrack.cli.outputs import Job
from beattrack.runtime import cores
from tests.synth import drum_clip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("early jobs")
    for number, bpm in enumerate((100, 120, 140)):
        soundfile.write(folder / f"{number}.wav", drum_clip(bpm, duration=6.0)[0], 22050)
    return sorted(folder.iterdir())


def test_each_recording_begins_after_the_one_before(recordings: list[Path]) -> None:
    jobs = [Job(str(path), None) for path in recordings]
    with EarlyJobs(jobs, track=None, skip_existing=False) as early:
        assert early.take(jobs[0]) is None
        early.begin()
        assert early.take(jobs[1]) is None
        first = early.take(jobs[0])
        assert first is not None
        first.close()
        early.begin(after=jobs[1])
        third = early.take(jobs[2])
        assert third is not None
        third.close()
        early.begin(after=jobs[2])
        assert all(early.take(job) is None for job in jobs)


def test_what_could_not_be_interrupted_or_is_not_needed_does_not_begin(
    tmp_path: Path, recordings: list[Path]
) -> None:
    done = tmp_path / "done.beats"
    done.touch()
    jobs = [
        Job(STDIN, None),
        Job(str(tmp_path), None),
        Job(str(recordings[0]), None, problem="is odd"),
        Job(str(recordings[0]), done),
    ]
    for job in jobs:
        with EarlyJobs([job], track=None, skip_existing=True) as early:
            early.begin()
            assert early.take(job) is None


@pytest.mark.parametrize("usable", [1, 2])
def test_the_beats_do_not_depend_on_the_cores(
    recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usable: int
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    outputs = []
    for out, threads in (("one", 1), ("default", usable)):
        monkeypatch.setattr(cores, "usable_cores", lambda count=threads: count)
        files = map(str, [recordings[0], broken, *recordings[1:]])
        result = CliRunner().invoke(main, ["predict", *files, "-o", str(tmp_path / out), "--quiet"])
        assert result.exit_code == 1
        outputs.append((result.stderr, [path.read_bytes() for path in sorted((tmp_path / out).iterdir())]))
    assert outputs[0] == outputs[1]
    assert len(outputs[0][1]) == len(recordings)


def test_no_thread_outlives_a_model_that_cannot_be_opened(recordings: list[Path]) -> None:
    before = threading.active_count()
    result = CliRunner().invoke(main, ["predict", str(recordings[0]), "--model", "none"])
    assert result.exit_code == 2
    assert threading.active_count() == before
