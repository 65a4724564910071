"""Time and memory of the whole command `beattrack predict`, compared with importing torch and with madmom.

    python benchmarks/predict.py [--repeats 5] [--lengths 10,180,3600]

Every run is a new process; the commands take turns, and the figures are medians. Prints Markdown. If madmom
is installed, its recurrent downbeat networks (an ensemble of eight) and its DBN are measured as well.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common import music, write_files
from peers import MADMOM

SAMPLE_RATE = 44100


@dataclass(frozen=True)
class Cost:
    """Time and memory of one process."""

    wall: float  # s
    processor: float  # s, over all cores
    memory: float  # MB, peak


# The peak memory of a process includes that of its parent at the fork, so a small process starts it.
LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)
sys.exit(status != 0)
"""


def run(command: Sequence[str]) -> Cost:
    """Run a command and return its cost; raise CalledProcessError if it fails."""
    launched = [sys.executable, "-S", "-c", LAUNCHER, *command]
    output = subprocess.run(launched, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Cost(*map(float, output.split()))


def medians(commands: dict[str, Sequence[str]], repeats: int) -> dict[str, Cost]:
    """Return the median cost of each command that does not fail, after a run that fills the file cache."""
    costs: dict[str, list[Cost]] = {}
    for name, command in commands.items():
        try:
            run(command)
        except subprocess.CalledProcessError:
            continue
        costs[name] = []
    for _ in range(repeats):
        for name, list_ in costs.items():
            list_.append(run(commands[name]))
    fields = ("wall", "processor", "memory")
    return {
        name: Cost(*(statistics.median(getattr(cost, field) for cost in rows) for field in fields))
        for name, rows in costs.items()
    }


def write_mp3(folder: Path, seconds: float) -> str:
    """Write synthetic stereo music and return its path."""
    target = folder / f"{seconds:g}"
    target.mkdir()
    return str(next(path for path in write_files(target, music(seconds, SAMPLE_RATE), SAMPLE_RATE, ["MP3"])))


def compare(folder: Path, repeats: int) -> None:
    """Print the cost of commands on a song of 3 minutes."""
    song = write_mp3(folder, 180)
    python = sys.executable
    ours = "beattrack predict"
    commands = {
        ours: [python, "-m", "beattrack", "predict", song],
        "beattrack --help": [python, "-m", "beattrack", "--help"],
        "python -c 'import torch'": [python, "-c", "import torch"],
        "madmom, downbeats": [python, "-c", MADMOM, song],
    }
    print("### 3 minutes of 44.1 kHz stereo MP3, one cold process\n")
    print("| command | wall s | CPU s | peak MB | wall, times ours |\n|---|---:|---:|---:|---:|")
    costs = medians(commands, repeats)
    for name, cost in costs.items():
        ratio = cost.wall / costs[ours].wall
        print(f"| {name} | {cost.wall:.2f} | {cost.processor:.2f} | {cost.memory:.0f} | {ratio:.2f} |")


def scaling(folder: Path, lengths: Sequence[float], repeats: int) -> None:
    """Print the cost for recordings of several durations."""
    print("\n### Cost by duration\n")
    print("| minutes | wall s | x real time | peak MB |\n|---:|---:|---:|---:|")
    for seconds in lengths:
        song = write_mp3(folder, seconds)
        cost = medians({"ours": [sys.executable, "-m", "beattrack", "predict", song]}, repeats)["ours"]
        print(f"| {seconds / 60:.1f} | {cost.wall:.2f} | {seconds / cost.wall:.0f} | {cost.memory:.0f} |")


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--lengths", default="10,60,600,3600", help="durations in seconds for the second table"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), options.repeats)
        lengths = [float(length) for length in options.lengths.split(",")]
        (Path(folder) / "lengths").mkdir()
        scaling(Path(folder) / "lengths", lengths, max(1, options.repeats // 2))


if __name__ == "__main__":
    main()
