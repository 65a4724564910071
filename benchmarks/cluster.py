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
import filecmp
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
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
    start, before = time.perf_counter(), processor_time()
    with subprocess.Popen([*command, "-o", str(out), *options], cwd=ROOT) as process:
        while kill and process.poll() is None:
            if out.is_dir() and len(os.listdir(out)) >= kill:
                os.kill(a_worker(process.pid), signal.SIGKILL)
                break
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"{' '.join(options)} failed")
    return time.perf_counter() - start, processor_time() - before


def processor_time() -> float:
    """Return the seconds of processor time of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def a_worker(parent: int) -> int:
    """Return the process of a command that uses most memory: one of its workers."""
    listed = subprocess.run(["ps", "-o", "pid=,rss=", "--ppid", str(parent)], capture_output=True, text=True)
    return int(max(listed.stdout.splitlines(), key=lambda line: int(line.split()[1])).split()[0])


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
