"""Fail if a stage has become much slower, relative to a fixed amount of similar work.

    python benchmarks/guard.py [--refresh]

Each figure is the median of a ratio: the CPU time of a stage on one thread, divided by that of a calibration
run just before it, so that machine and load matter little. The calibration consists of FFTs, matrix products,
array operations and plain Python; for the start of the program, it is the import of the libraries it needs. A
stage is too slow if its ratio exceeds the one stored in guard.json by `factor`; then the measurement is
repeated twice and the median of the three counts. --refresh stores the current ratios, after an intended
change of speed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported

import numpy as np  # noqa: E402
from common import music  # noqa: E402

from beattrack.audio import from_samples  # noqa: E402
from beattrack.decoding.dbn import DBNDecoder  # noqa: E402
from beattrack.harmony import Harmony  # noqa: E402
from beattrack.network.inference import load_network  # noqa: E402
from beattrack.registry import DEFAULT_MODEL, find  # noqa: E402
from beattrack.spectrogram import Spectrogram  # noqa: E402

STORED = Path(__file__).with_suffix(".json")
ROOT = STORED.parents[1]
FACTOR = 1.6  # ratios differ by some tens of percent between machines and library versions
ROUNDS = 7
TRIES = 3
SECONDS = 60

Ratios = Mapping[str, float]


def calibration() -> Callable[[], None]:
    """Return a fixed amount of work similar to that of the stages."""
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((256, 1024)).astype(np.float32)
    left, right = rng.standard_normal((2, 320, 320)).astype(np.float32)
    rows, lowered = rng.standard_normal((2, 80, 200))

    def work() -> None:
        for _ in range(30):
            np.abs(np.fft.rfft(frames, axis=1))
        for _ in range(40):
            np.matmul(left, right)
        for _ in range(4000):
            np.add(rows, lowered, out=lowered)
            np.maximum(rows, lowered, out=lowered)
        table: dict[str, int] = {}
        for number in range(120_000):
            table[str(number % 1000)] = table.get(str(number), 0) + number

    return work


def stages() -> dict[str, Callable[[], Any]]:
    """Return the stages to measure, each on a minute of music, and the start of the program."""
    stereo = music(SECONDS, 44100)
    samples = music(SECONDS, 22050).mean(axis=1)
    spectrogram, harmony = Spectrogram(), Harmony()
    network = load_network(find(DEFAULT_MODEL).path, threads=1)
    decoder = DBNDecoder(engine="numpy")
    magnitudes = spectrogram(samples)
    activations = network.compute([magnitudes])
    return {
        "mixing and resampling": lambda: from_samples(stereo, source_rate=44100, sample_rate=22050),
        "spectrogram": lambda: spectrogram(samples),
        "harmony view": lambda: harmony(samples),
        "model": lambda: load_network(find(DEFAULT_MODEL).path, threads=1),
        "network": lambda: network.compute([magnitudes]),
        "decoder": lambda: decoder(activations),
        "beattrack --help": lambda: start("-m", "beattrack", "--help"),
        "import of the tracker": lambda: start("-c", "import beattrack.tracker"),
    }


def libraries() -> dict[str, Callable[[], Any]]:
    """Return calibrations for the start of the program: Python and the libraries that the program needs.

    Their import time differs much more between environments than the speed of computations does.
    """
    return {
        "beattrack --help": lambda: start("-c", "import click"),
        "import of the tracker": lambda: start("-c", "import numpy, onnxruntime, soundfile, soxr"),
    }


def start(*arguments: str) -> None:
    """Run Python with these arguments."""
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def cpu_seconds() -> float:
    """Return the CPU time of this process and its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure() -> dict[str, float]:
    """Return the ratio of each stage to its calibration."""
    calibrate, tasks, others = calibration(), stages(), libraries()
    ratios: dict[str, list[float]] = {name: [] for name in tasks}
    for task in (calibrate, *others.values(), *tasks.values()):
        task()  # imports, caches
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            seconds = []
            for work in (others.get(name, calibrate), task):
                begin = cpu_seconds()
                work()
                seconds.append(cpu_seconds() - begin)
            ratios[name].append(seconds[1] / seconds[0])
    return {name: statistics.median(values) for name, values in ratios.items()}


def check(take: Callable[[], Ratios], stored: Ratios, factor: float) -> tuple[dict[str, float], list[str]]:
    """Return the ratios, and the stages whose median over all tries exceeds the stored ratio by `factor`."""
    tries: list[Ratios] = []
    while True:
        tries.append(take())
        ratios = {name: statistics.median(ratios[name] for ratios in tries) for name in stored}
        slow = [name for name in stored if ratios[name] > factor * stored[name]]
        if len(tries) == TRIES or not (slow or tries[1:]):
            return ratios, slow


def main() -> int:
    """Measure and print a table; return 1 if a stage has become slower."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--refresh", action="store_true", help="store the current ratios")
    if parser.parse_args().refresh:
        tries = [measure() for _ in range(TRIES)]
        ratios = {name: round(statistics.median(found[name] for found in tries), 3) for name in tries[0]}
        STORED.write_text(json.dumps({"factor": FACTOR, "ratios": ratios}, indent=2) + "\n")
        print(f"stored in {STORED.name}: {ratios}")
        return 0
    record = json.loads(STORED.read_text())
    ratios, slow = check(measure, record["ratios"], record["factor"])
    print("| stage | ratio | stored | factor |\n|---|---:|---:|---:|")
    for name, stored in record["ratios"].items():
        share = f"{ratios[name] / stored:.2f} of at most {record['factor']}"
        print(f"| {name} | {ratios[name]:.2f} | {stored:.2f} | {share} |")
    for name in slow:
        print(f"{name} has become slower; if that is intended, run {Path(__file__).name} --refresh")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
