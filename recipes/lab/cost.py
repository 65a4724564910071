#!/usr/bin/env python
"""Measure what networks with as many parameters cost, against the length of the input.

    python recipes/lab/cost.py [--full] [--out FOLDER] [--seed N]

Writes cost.csv (time of a forward pass, of the body alone, of a training step and of ONNX Runtime, by number
of threads), cost-memory.csv (peak memory, each in a process of its own) and cost.png. A table that is there
already is drawn again but not measured again.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from experiments import COLOURS, NAMES, experiment, figure, read_table, save_plot, tidy, versions, write_table
from torch import Tensor

from beattrack.network.export import export_onnx
from beattrack.network.inference import Network, load_network
from beattrack.network.model import BeatNetwork
from beattrack.network.model_settings import ModelSettings
from beattrack.network.networks import NETWORKS as CONFIGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORKS = ("tcn", "wavenet", "cnn1d", "cnn2d", "gru", "lstm", "bilstm")
MEASURES = {
    "forward": "forward pass",
    "body": "forward pass, body alone",
    "step": "training step",
    "onnx": "forward pass, ONNX Runtime",
}
MOST_MEMORY = 6 * 2**30  # bytes, of a process that measures memory
MEMORY_UNIT = 2**20
SHORT = 200  # frames, to warm up


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        frames: lengths of the input.
        step_frames: longest input of a training step.
        rounds: how often each time is measured; networks take turns.
        threads: numbers of threads.
    """

    frames: tuple[int, ...]
    step_frames: int
    rounds: int
    threads: tuple[int, ...] = (1, 2)


SMALL = Size(frames=(300, 3000), step_frames=3000, rounds=3)
FULL = Size(frames=(1000, 3000, 10_000, 30_000, 100_000), step_frames=30_000, rounds=3)

Clock = Callable[[], float]


class Bench:
    """One network in torch and in ONNX Runtime, and what can be measured of it."""

    def __init__(self, name: str, seed: int, exported: Network | None = None) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = BeatNetwork(CONFIGS[name].matched)
        self.exported = exported
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def export(self, path: Path, threads: int) -> None:
        """Open the network in ONNX Runtime."""
        export_onnx(self.network, ModelSettings(network=self.network.settings), path)
        self.exported = load_network(path, threads=threads)

    def measures(self, frames: int) -> dict[str, Callable[[], None]]:
        """Return what can be measured for an input of a number of frames, as functions to be called."""
        settings = self.network.settings
        bands, channels = settings.front_end.bands, settings.feature_channels
        rng = np.random.default_rng(0)
        spectrogram = torch.from_numpy(rng.random((1, frames, bands), np.float32))
        features = torch.from_numpy(rng.random((1, channels, frames), np.float32))
        found = {
            "forward": lambda: self.forward(spectrogram),
            "step": lambda: self.step(spectrogram),
        }
        if settings.tcn is not None or settings.recurrent is not None:
            found["body"] = lambda: self.body(features)
        if self.exported is not None:
            magnitudes = rng.random((frames, bands), np.float32)
            found["onnx"] = lambda: self.onnx(magnitudes)
        return found

    def forward(self, spectrogram: Tensor) -> None:
        """Run the whole network."""
        self.network.eval()
        with torch.no_grad():
            self.network(spectrogram)

    def body(self, features: Tensor) -> None:
        """Run the TCN or the recurrent layers."""
        self.network.eval()
        with torch.no_grad():
            self.network.body(features)

    def step(self, spectrogram: Tensor) -> None:
        """Run forward and backward, and change the weights."""
        self.network.train()
        logits = self.network(spectrogram)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits.beats, torch.zeros_like(logits.beats)
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def onnx(self, magnitudes: np.ndarray) -> None:
        """Run the whole network in ONNX Runtime."""
        if self.exported is None:
            raise RuntimeError("the network was not exported")
        self.exported.compute([magnitudes])


def measure_times(size: Size, seed: int) -> list[dict[str, object]]:
    """Measure times; networks take turns, so that a busy machine slows all of them down alike.

    With one thread it is the CPU time of the process that counts, which other processes hardly change; with
    several threads it is the time that passes.
    """
    rows = []
    for threads in size.threads:
        torch.set_num_threads(threads)
        clock: Clock = time.process_time if threads == 1 else time.perf_counter
        with tempfile.TemporaryDirectory() as folder:
            benches = {name: Bench(name, seed) for name in NETWORKS}
            for name, bench in benches.items():
                bench.export(Path(folder) / f"{name}.onnx", threads)
                for run in bench.measures(SHORT).values():
                    run()
            for frames in size.frames:
                times = _rounds(benches, frames, size, clock)
                rows += _time_rows(times, frames, threads, seed)
                click.echo(f"{threads} threads, {frames} frames: measured")
    return rows


def _rounds(
    benches: dict[str, Bench], frames: int, size: Size, clock: Clock
) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of each round, by network and measure."""
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(size.rounds):
        for name, bench in benches.items():
            for measure, run in bench.measures(frames).items():
                if measure == "step" and frames > size.step_frames:
                    continue
                started = clock()
                run()
                times.setdefault((name, measure), []).append(clock() - started)
    return times


def _time_rows(
    times: dict[tuple[str, str], list[float]], frames: int, threads: int, seed: int
) -> list[dict[str, object]]:
    return [
        {
            "network": name,
            "measure": measure,
            "frames": frames,
            "seconds": statistics.median(seconds),
            "to_tcn": _ratio(seconds, times["tcn", measure]),
            "clock": "cpu" if threads == 1 else "wall",
            "load": os.getloadavg()[0],
            "seed": seed,
            **versions(),
        }
        for (name, measure), seconds in times.items()
    ]


def _ratio(seconds: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median over the rounds of the ratio within a round."""
    return statistics.median(own / other for own, other in zip(seconds, reference, strict=True))


def measure_memory(size: Size, seed: int) -> list[dict[str, object]]:
    """Measure peak memory, each in a process of its own; empty if it does not fit in `MOST_MEMORY`."""
    rows = []
    for frames in size.frames:
        for name in NETWORKS:
            for measure in ("forward", "step"):
                job = {"network": name, "measure": measure, "frames": frames}
                rows.append({**job, "mib": _memory_of(job, seed), "parameters": _parameters(name)})
        click.echo(f"{frames} frames: memory measured")
    return rows


def _memory_of(job: dict[str, object], seed: int) -> float | str:
    command = [sys.executable, __file__, "--out", ".", "--seed", str(seed), "--memory-of", json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else ""


def peak_memory(name: str, measure: str, frames: int, seed: int) -> float:
    """Return by how many MiB the peak memory of this process grows as a network runs.

    Raises:
        RuntimeError: if it needs more than `MOST_MEMORY`.
    """
    torch.set_num_threads(1)
    bench = Bench(name, seed)
    bench.measures(SHORT)[measure]()
    before = _peak()
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    bench.measures(frames)[measure]()
    return (_peak() - before) / MEMORY_UNIT


def _peak() -> int:
    """Return the peak memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, getrusage also counts the process that started this one
        line = next(
            line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:")
        )
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _parameters(name: str) -> int:
    with torch.device("meta"):
        return BeatNetwork(CONFIGS[name].matched).parameter_count()


def draw(out: Path) -> None:
    """Draw the tables."""
    times, memory = read_table(out / "cost.csv"), read_table(out / "cost-memory.csv")
    drawing = figure(7.2)
    panels = drawing.subplots(2, 3)
    for axes, (measure, title) in zip(panels.flat, MEASURES.items(), strict=False):
        rows = [row for row in times if row["measure"] == measure and row["threads"] == "1"]
        _draw_curves(axes, rows, "seconds")
        axes.set_title(title, loc="left")
        axes.set_ylabel("seconds, one thread")
    steps = [row for row in memory if row["measure"] == "step" and row["mib"]]
    _draw_curves(panels[1][1], steps, "mib")
    panels[1][1].set_title("peak memory of a training step", loc="left")
    panels[1][1].set_ylabel("MiB")
    _draw_speed_up(panels[1][2], times)
    tidy(panels.flat)
    panels[0][0].legend(fontsize=8, frameon=False)
    save_plot(drawing, out / "cost.png")


def _draw_curves(axes: Axes, rows: Sequence[dict[str, str]], column: str) -> None:
    for name in NETWORKS:
        own = [(int(row["frames"]), float(row[column])) for row in rows if row["network"] == name]
        if own:
            axes.plot(*zip(*own, strict=True), "o-", ms=3, lw=1.4, color=COLOURS[name], label=NAMES[name])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("frames")


def _draw_speed_up(axes: Axes, times: Sequence[dict[str, str]]) -> None:
    """Draw how much faster two threads run the longest training step than one."""
    frames = max((int(row["frames"]) for row in times if row["measure"] == "step"), default=0)
    seconds = {
        (row["network"], row["threads"]): float(row["seconds"])
        for row in times
        if row["measure"] == "step" and int(row["frames"]) == frames
    }
    names = [name for name in NETWORKS if (name, "2") in seconds and (name, "1") in seconds]
    gains = [seconds[name, "1"] / seconds[name, "2"] for name in names]
    axes.barh([NAMES[name] for name in names], gains, color=[COLOURS[name] for name in names])
    axes.axvline(1, color="#8a97a5", lw=1)
    axes.invert_yaxis()
    axes.set_title(f"training step, {frames} frames", loc="left")
    axes.set_xlabel("times faster with two threads")


@experiment
@click.option("--memory-of", hidden=True, help="Measure the memory of one network and print it.")
def main(full: bool, memory_of: str | None, out: Path, seed: int) -> None:
    """Measure what networks with as many parameters cost, against the length of the input."""
    if memory_of is not None:
        job = json.loads(memory_of)
        click.echo(peak_memory(job["network"], job["measure"], job["frames"], seed))
        return
    size = FULL if full else SMALL
    for name, measure in (("cost-memory.csv", measure_memory), ("cost.csv", measure_times)):
        if not (out / name).exists():
            write_table(out / name, measure(size, seed))
    draw(out)


if __name__ == "__main__":
    main()
