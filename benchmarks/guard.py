"""Fails where a stage has become much slower: measured against fixed work of the same kinds, not in seconds.

    python benchmarks/guard.py [--refresh]

Every figure is the median over rounds of a ratio: CPU time of a stage, on one thread, over that of a fixed
calibration (FFT, matrix products, passes over arrays, plain Python; for the start of the program, that of the
libraries it needs) run just before it, so that neither the machine nor its load matters much. A stage is too
slow where its ratio is above `factor` times the one stored in guard.json; then two more tries are made, and
the median of the three counts. --refresh stores the ratios of now, after a change that is meant to cost or
to save time.
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

from beattrack.decoding.dbn import DBNDecoder  # noqa: E402
from beattrack.network.inference import load_network  # noqa: E402
from beattrack.registry import DEFAULT_MODEL, find  # noqa: E402
from beattrack.spectrogram import Spectrogram  # noqa: E402

STORED = Path(__file__).with_suffix(".json")
ROOT = STORED.parents[1]
FACTOR = 1.6  # between machines and libraries the ratios differ by some tens of percent
ROUNDS = 7
TRIES = 3
SECONDS = 60

Ratios = Mapping[str, float]


def calibration() -> Callable[[], None]:
    """Fixed work of the kinds that the stages do, of about the same time each."""
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
    """What is guarded: each stage on a minute of music, and the start of the program."""
    samples = music(SECONDS, 22050).mean(axis=1)
    spectrogram = Spectrogram()
    network = load_network(find(DEFAULT_MODEL).path, threads=1)
    decoder = DBNDecoder(engine="numpy")
    magnitudes = spectrogram(samples)
    activations = network.compute([magnitudes])
    return {
        "spectrogram": lambda: spectrogram(samples),
        "network": lambda: network.compute([magnitudes]),
        "decoder": lambda: decoder(activations),
        "beattrack --help": lambda: start("-m", "beattrack", "--help"),
        "import of the tracker": lambda: start("-c", "import beattrack.tracker"),
    }


def libraries() -> dict[str, Callable[[], Any]]:
    """What the start of the program is measured against: Python and the libraries that it cannot do without.

    How long those take differs between environments far more than computing does.
    """
    return {
        "beattrack --help": lambda: start("-c", "import click"),
        "import of the tracker": lambda: start("-c", "import numpy, onnxruntime, soundfile, soxr"),
    }


def start(*arguments: str) -> None:
    """Run Python to its end."""
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def cpu_seconds() -> float:
    """CPU time of this process and of those it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure() -> dict[str, float]:
    """Ratio of each stage to its calibration."""
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
    """Give the ratios, and the stages whose median over all tries is above `factor` times what is stored."""
    tries: list[Ratios] = []
    while True:
        tries.append(take())
        ratios = {name: statistics.median(ratios[name] for ratios in tries) for name in stored}
        slow = [name for name in stored if ratios[name] > factor * stored[name]]
        if len(tries) == TRIES or not (slow or tries[1:]):
            return ratios, slow


def main() -> int:
    """Measure, print a table and tell whether all is as fast as it was."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--refresh", action="store_true", help="store the ratios of now")
    if parser.parse_args().refresh:
        tries = [measure() for _ in range(TRIES)]
        ratios = {name: round(statistics.median(found[name] for found in tries), 3) for name in tries[0]}
        STORED.write_text(json.dumps({"factor": FACTOR, "ratios": ratios}, indent=2) + "\n")
        print(f"stored in {STORED.name}: {ratios}")
        return 0
    record = json.loads(STORED.read_text())
    ratios, slow = check(measure, record["ratios"], record["factor"])
    print("| stage | ratio | stored | of at most |\n|---|---:|---:|---:|")
    for name, stored in record["ratios"].items():
        share = f"{ratios[name] / stored:.2f} of {record['factor']}"
        print(f"| {name} | {ratios[name]:.2f} | {stored:.2f} | {share} |")
    for name in slow:
        print(f"{name} is slower than it was; where that is meant, run {Path(__file__).name} --refresh")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
