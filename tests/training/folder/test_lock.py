from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("filelock")

import filelock

from beattrack.training.errors import TrainingError
from beattrack.training.folder.lock import alone

HOLD = """
import sys, time
from pathlib import Path
from beattrack.training.folder.lock import alone
with alone(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_only_one_trains_in_a_folder(tmp_path: Path) -> None:
    for _ in range(2):  # the lock goes with the block
        with alone(tmp_path / "run"):
            other = alone(tmp_path / "run")
            with pytest.raises(TrainingError, match="another process is training in this folder"), other:
                pass
            (tmp_path / "run" / "log.csv").touch()
    assert (tmp_path / "run" / "log.csv").exists()


def test_the_lock_of_a_killed_process_goes_with_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"locked"
        with pytest.raises(TrainingError), alone(tmp_path):
            pass
        other.kill()
    with alone(tmp_path):
        pass


def test_a_folder_in_which_nothing_was_written_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyError), alone(tmp_path / "new"):
        raise KeyError
    assert not (tmp_path / "new").exists()


def test_a_file_system_without_locks_is_trained_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with alone(tmp_path / "run"):
        (tmp_path / "run" / "log.csv").touch()
    assert (tmp_path / "run" / "log.csv").exists()
