"""Throughput of `beattrack predict` on a folder of recordings, in one process and in several.

    python benchmarks/batch.py [--files 24] [--seconds 60] [--jobs 1,2] [--repeats 3]

Each run is the whole command, started anew, on the same WAV files, with one thread per process. The numbers
of processes take turns, and the figures are medians. Prints Markdown. Needs as many free cores as the largest
number of processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import music

ROOT = Path(__file__).resolve().parents[1]
RATE = 44100


def make_folder(folder: Path, files: int, seconds: float) -> None:
    """Write a recording under many names."""
    import soundfile

    soundfile.write(folder / "0.wav", music(seconds, RATE), RATE)
    for number in range(1, files):
        os.link(folder / "0.wav", folder / f"{number}.wav")


def run(folder: Path, jobs: int) -> float:
    """Track a folder of recordings and return the seconds taken."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "beattrack", "predict", "--quiet", "-r", str(folder), "-o", out]
        start = time.perf_counter()
        subprocess.run([*command, "--jobs", str(jobs), "--threads", "1"], check=True, cwd=ROOT)
        return time.perf_counter() - start


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    counts = [int(count) for count in options.jobs.split(",")]
    times: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as name:
        make_folder(Path(name), options.files, options.seconds)
        for _ in range(options.repeats):
            for count in counts:
                times[count].append(run(Path(name), count))
    medians = {count: statistics.median(values) for count, values in times.items()}
    audio = options.files * options.seconds
    print(f"{options.files} files of {options.seconds:g} s\n")
    print("| processes | seconds | x real time | x one process |\n|---|---|---|---|")
    for count, seconds in medians.items():
        print(f"| {count} | {seconds:.1f} | {audio / seconds:.0f} | {medians[counts[0]] / seconds:.2f} |")


if __name__ == "__main__":
    main()
