"""Throughput of `beattrack predict` on a local Dask cluster, as a share of that of `--jobs`.

    python benchmarks/cluster.py [--files 200] [--seconds 180] [--jobs 2] [--repeats 1]

Both commands are started anew on the same WAV files, whose durations vary from a quarter of --seconds to
1.75 times it, and must write the same bytes. They take turns. With `--kill`, one worker process of the
cluster is killed in the middle of its run. Prints Markdown. Needs as many free cores as there are processes,
and the extra `cluster`. On a machine that is busy, compare the processor time, which other programs disturb
less.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile
from common import music

ROOT = Path(__file__).resolve().parents[1]
RATE = 44100
LENGTHS = 8  # different durations; further files are links


def make_folder(folder: Path, files: int, seconds: float) -> float:
    """Write recordings of several lengths under many names and return their total duration in seconds."""
    shares = np.linspace(0.25, 1.75, LENGTHS)
    whole = music(seconds * shares[-1], RATE)
    for number in range(files):
        path, first = folder / f"{number:04}.wav", folder / f"{number % LENGTHS:04}.wav"
        if number < LENGTHS:
            soundfile.write(path, whole[: round(shares[number] * seconds * RATE)], RATE)
        else:
            os.link(first, path)
    return float(sum(shares[number % LENGTHS] for number in range(files)) * seconds)


def run(folder: Path, out: Path, options: list[str], *, kill: int = 0) -> tuple[float, float]:
    """Track a folder; a worker is killed once there are `kill` results.

    Returns:
        Seconds taken, and processor time of all processes.
    """
    command = [sys.executable, "-m", "beattrack", "predict", "--quiet", "--threads", "1", "-r", str(folder)]
    start, used = time.perf_counter(), dict[int, float]()
    with subprocess.Popen([*command, "-o", str(out), *options], cwd=ROOT) as process:
        while process.poll() is None:
            processes = measure(process.pid, used)
            if kill and processes and out.is_dir() and len(os.listdir(out)) >= kill:
                max(processes, key=processes.__getitem__).kill()  # a worker needs most memory
                kill = 0
            time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{' '.join(options)} failed")
    return time.perf_counter() - start, sum(used.values())


def measure(command: int, used: dict[int, float]) -> dict[psutil.Process, int]:
    """Note the processor time of a command and of all processes under it so far.

    Returns:
        Memory of the processes under it.
    """
    memory = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        above = psutil.Process(command)
        for process in (above, *above.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                used[process.pid] = sum(process.cpu_times()[:2])
                memory[process] = process.memory_info().rss
        memory.pop(above, None)
    return memory


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args()
    jobs = ["--jobs", str(options.jobs)]
    engines = {"`--jobs`": jobs, "`--scheduler local`": [*jobs, "--scheduler", "local"]}
    if options.kill:
        engines["one worker killed"] = engines["`--scheduler local`"]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        audio = make_folder(folder, options.files, options.seconds)
        for repeat in range(options.repeats):
            outs = []
            for number, (engine, given) in enumerate(engines.items()):
                outs.append(Path(name) / f"out{repeat}.{number}")
                kill = options.files // 3 if engine == "one worker killed" else 0
                times[engine].append(run(folder, outs[-1], given, kill=kill))
            expected = sorted(path.name for path in outs[0].iterdir())
            for out in outs[1:]:
                _, different, failed = filecmp.cmpfiles(outs[0], out, expected, shallow=False)
                if different or failed or len(expected) != options.files:
                    sys.exit(f"the outputs differ: {different + failed}")
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in times.items()
    }
    base, base_time = medians["`--jobs`"]
    print(f"{options.files} files, {audio / 3600:.1f} h of audio, {options.jobs} processes; the same bytes\n")
    print("| engine | seconds | x real time | x `--jobs` | processor seconds | x `--jobs` |")
    print("|---|--:|--:|--:|--:|--:|")
    for engine, (seconds, used) in medians.items():
        speed, share = audio / seconds, base / seconds
        print(
            f"| {engine} | {seconds:.1f} | {speed:.0f} | {share:.2f} | {used:.1f} | {base_time / used:.2f} |"
        )


if __name__ == "__main__":
    main()
