from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio_cases import posix_only

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scale.py"

pytestmark = posix_only


def run(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_plan_adds_work_and_overhead(tmp_path: Path) -> None:
    song = {"seconds": 240.0, "cpu": 1.0, "read": 5e6, "json": 1e4}
    # 2 ms of the scheduler and 3 ms of a worker for each message, which holds five songs.
    scheduler = {"songs": 1000, "chunk": 5, "client": 0.4, "worker": 0.6}
    (tmp_path / "cost.json").write_text(json.dumps([song]))
    (tmp_path / "scheduler.json").write_text(json.dumps(scheduler))
    shown = run("plan", tmp_path / "cost.json", tmp_path / "scheduler.json", "--price", 0.1).splitlines()
    # 10^6 songs of 1.001 s are 278.06 core hours.
    assert shown[3] == "| 10^6 | 240 s | 278.1 | 2.8 h | $27.81 | 5,000 GB | 10.0 GB |"
    assert shown[-1] == (
        "240 s: overhead 0.10 % of the work; one scheduler is busy with 2,500 workers; a core reads 5.00 MB/s"
    )


@pytest.mark.slow
def test_all_simulated_songs_come_back(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    out = tmp_path / "scheduler.json"
    shown = run("simulate", "--songs", 500, "--chunk", 5, "--workers", 2, "-o", out)
    assert shown.startswith("500 songs in about 100 messages to 2 workers: ")
    found = json.loads(out.read_text())
    assert found["songs"] == 500
    assert found["work"] >= 0.5


@pytest.mark.slow
def test_the_cost_of_a_song_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "cost.json"
    assert run("cost", "--repeats", 1, "-o", out).startswith("| song | CPU |")
    short, long = json.loads(out.read_text())
    assert (short["seconds"], long["seconds"]) == (30.0, 240.0)
    for row in (short, long):
        assert 0 < row["decoding"] < row["cpu"]
    assert long["read"] > 5 * short["read"]
