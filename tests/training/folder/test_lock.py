from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fcntl")

from beattrack.training.errors import TrainingError
from beattrack.training.folder.lock import alone


def test_only_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    for _ in range(2):  # the lock goes with the block
        with alone(tmp_path / "run"):
            (tmp_path / "run" / "log.csv").touch()
            other = alone(tmp_path / "run")
            with pytest.raises(TrainingError, match="another process is training in this folder"), other:
                pass
    assert (tmp_path / "run" / "log.csv").exists()


def test_a_folder_in_which_nothing_was_written_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyError), alone(tmp_path / "new"):
        raise KeyError
    assert not (tmp_path / "new").exists()
