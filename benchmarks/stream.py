"""Cost and latency of tracking a stream in hops of 10 ms on one core.

    taskset -c 0 python benchmarks/stream.py [--model tcn-causal] [--after 60] [--rate 44100]

Prints Markdown: the CPU time for a minute of audio, for the median hop, the 99.9th percentile and the worst,
the same and the memory in the minute `--after`, and the latency from a click to the report of its beat. CPU
time depends little on what else the machine does.
`--model fake` measures all but network and decoder, and needs no model file.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported

import numpy as np  # noqa: E402
from common import music  # noqa: E402

from beattrack.streaming import StreamTracker  # noqa: E402
from tests.synth import click_clip  # noqa: E402

HOP_SECONDS = 0.01
LOOP_SECONDS = 30.0  # of music that is repeated
TRACK_SECONDS = 20.0  # duration of a click track
WARM_UP = 5.0  # seconds before beats are expected
TEMPI = (60, 75, 90, 105, 120, 140, 160, 180)
NEAR = 0.07  # seconds between a click and the time of its beat


def make_tracker(model: str, rate: int, channels: int) -> StreamTracker:
    """Return a tracker for a model, or one without network and decoder for "fake"."""
    if model != "fake":
        return StreamTracker(model, sample_rate=rate, channels=channels)
    from tests.streaming_cases import TWO_VIEWS, FakeDecoder, FakeNetwork

    return StreamTracker(FakeNetwork(TWO_VIEWS), FakeDecoder(), sample_rate=rate, channels=channels)


def hops(samples: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    """Cut samples into hops."""
    hop = round(HOP_SECONDS * rate)
    for start in range(0, len(samples) - hop + 1, hop):
        yield samples[start : start + hop]


def minute(tracker: StreamTracker, loop: np.ndarray, rate: int) -> np.ndarray:
    """Track a minute of music, and return the CPU time in seconds that each hop took."""
    seconds = []
    for _ in range(round(60 / LOOP_SECONDS)):
        for chunk in hops(loop, rate):
            start = time.process_time()
            tracker.process(chunk)
            seconds.append(time.process_time() - start)
    return np.array(seconds)


def memory() -> float:
    """Return the memory of this process in MB; 0 if the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if status.exists() else 0.0


def cost(model: str, rate: int, after: int) -> None:
    """Print the cost of the first minute after a warm-up, and of a later one."""
    loop = (music(LOOP_SECONDS, rate) * 32767).astype(np.int16)
    tracker = make_tracker(model, rate, 2)
    for chunk in hops(loop[: round(WARM_UP * rate)], rate):
        tracker.process(chunk)
    print("| minute | CPU s | median hop ms | 99.9 % ms | worst ms | memory MB |")
    print("|---:|---:|---:|---:|---:|---:|")
    for number in range(1, after + 1):
        took = minute(tracker, loop, rate)
        if number in (1, after):
            row = f"{took.sum():.2f} | {1e3 * np.median(took):.3f} | {1e3 * np.quantile(took, 0.999):.2f}"
            print(f"| {number} | {row} | {1e3 * took.max():.2f} | {memory():.1f} |", flush=True)


def click_times(bpm: float) -> np.ndarray:
    """Return the times of the clicks of a track in seconds."""
    return np.arange(0.503, TRACK_SECONDS - 0.5, 60 / bpm)


def latencies(model: str, rate: int, bpm: float) -> np.ndarray:
    """Return the seconds from each click that is reported to its report."""
    clicks = click_times(bpm)
    samples = click_clip(clicks, duration=TRACK_SECONDS, sample_rate=rate)
    rng = np.random.default_rng(0)
    samples = (samples + 1e-4 * rng.standard_normal(len(samples))).astype(np.float32)
    tracker = make_tracker(model, rate, 1)
    found = []
    for chunk in hops(samples, rate):
        for beat in tracker.process(chunk):
            nearest = clicks[np.abs(clicks - beat.time).argmin()]
            if nearest >= WARM_UP and abs(nearest - beat.time) <= NEAR:
                found.append(tracker.seconds - nearest)
    return np.array(found)


def latency(model: str, rate: int) -> None:
    """Print the latency on click tracks."""
    tracker = make_tracker(model, rate, 1)
    ahead = tracker.network.look_ahead / tracker.network.settings.spectrogram.fps
    print(
        f"\nDelay until an activation is there: {1e3 * tracker.delay:.1f} ms, with a look-ahead of ", end=""
    )
    print(f"{1e3 * ahead:.0f} ms.\n\n| BPM | clicks | reported | median ms | 90 % ms |")
    print("|---:|---:|---:|---:|---:|")
    found = {bpm: latencies(model, rate, bpm) for bpm in TEMPI}
    expected = {bpm: int((click_times(bpm) >= WARM_UP).sum()) for bpm in TEMPI}
    for bpm in TEMPI:
        print(row(f"{bpm}", expected[bpm], found[bpm]))
    print(row("all", sum(expected.values()), np.concatenate(list(found.values()))))


def row(name: str, clicks: int, found: np.ndarray) -> str:
    """Return a row of the table of latencies."""
    if not len(found):
        return f"| {name} | {clicks} | 0 | | |"
    middle, most = 1e3 * np.quantile(found, (0.5, 0.9))
    return f"| {name} | {clicks} | {len(found)} | {middle:.0f} | {most:.0f} |"


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="tcn-causal", help="name or path of a causal model, or fake")
    parser.add_argument("--after", type=int, default=60, help="minute that is compared with the first")
    parser.add_argument("--rate", type=int, default=44100, help="sample rate of the stream in Hz")
    options = parser.parse_args()
    print(f"### Stream of {options.rate} Hz, stereo for the cost, in hops of {1e3 * HOP_SECONDS:.0f} ms\n")
    cost(options.model, options.rate, options.after)
    latency(options.model, options.rate)


if __name__ == "__main__":
    main()
