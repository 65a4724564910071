"""All figures of speed in one run, each by its ratio to something else measured in the same minutes.

    python benchmarks/bars.py [--repeats 7] [--before CHECKOUT] [--peers PYTHON] [--only cold,stages]

- cold: a new process on 3 minutes of MP3, on two cores and on one, beside `import torch`
- stages: CPU time of each stage on one thread, as a share of the whole
- long: an hour of music
- batch: throughput of one process with one thread, and of two
- peers: CPU time and memory of madmom and librosa and, for an interpreter that has them, of the decoders of
  metricon and madmom-infer

The commands take turns. Ratios are medians over the pairs of runs, which other load on the machine affects
less than it does times. CHECKOUT is another version of beattrack to compare with. Prints Markdown. Python's
bytecode is cached, as it is for installed packages. ONNX Runtime has no switch for older processors; NumPy's
and OpenBLAS's are NPY_DISABLE_CPU_FEATURES and OPENBLAS_CORETYPE=Haswell.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from common import music
from peers import DECODERS, TRACKERS, Peer
from predict import LAUNCHER, Cost, write_mp3

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("cold", "stages", "long", "batch", "peers")
RATE = 44100
BATCH_FILES, BATCH_SECONDS = 200, 180  # so many that the start of the processes hardly counts


def processor() -> str:
    """Return the name of the processor and its widest vector instructions, as far as Linux tells."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in info.splitlines()}
    flags = fields.get("flags", "").split()
    widest = next((name for name in ("avx512f", "avx2", "sse4_2") if name in flags), "")
    return f"{fields.get('model name', platform.machine())}, {widest}"


class Runner:
    """Starts processes and measures them.

    Args:
        cache: folder for Python's bytecode.
    """

    def __init__(self, cache: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {**kept, "PYTHONPYCACHEPREFIX": str(cache)}

    def __call__(self, command: Sequence[str], *, cores: int | None = None, root: Path = ROOT) -> Cost:
        """Run a command in a checkout, on the first `cores` cores that are usable, and return its cost."""
        usable = sorted(os.sched_getaffinity(0))
        launched = [sys.executable, "-S", "-c", LAUNCHER, *command]
        output = subprocess.run(
            launched,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env=self._environment,
            preexec_fn=lambda: os.sched_setaffinity(0, usable[:cores]),
        ).stdout
        return Cost(*map(float, output.split()))


def predict(*arguments: str) -> list[str]:
    """Return the command that tracks."""
    return [sys.executable, "-m", "beattrack", "predict", "--quiet", *arguments]


def in_turns(tasks: dict[str, Callable[[], Cost]], repeats: int) -> dict[str, list[Cost]]:
    """Return the costs of tasks that take turns, after a run of each that fills the caches."""
    for task in tasks.values():
        task()
    costs: dict[str, list[Cost]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            costs[name].append(task())
    return costs


def ratio(costs: Sequence[Cost], others: Sequence[Cost], field: str = "wall") -> float:
    """Return the median ratio of the pairs of runs."""
    return statistics.median(
        getattr(one, field) / getattr(other, field) for one, other in zip(costs, others, strict=True)
    )


def row(*cells: object) -> None:
    """Print a row of a table."""
    print("| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |")


def cold(run: Runner, song: str, repeats: int, roots: dict[str, Path]) -> None:
    """Print the cost of a cold process beside that of importing torch."""
    torch = [sys.executable, "-c", "import torch"]
    print("\n### One cold process, 3 minutes of 44.1 kHz stereo MP3\n")
    print("| cores | command | wall s | CPU s | peak MB | wall / import torch | CPU / import torch |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for cores in (2, 1):
        tasks: dict[str, Callable[[], Cost]] = {
            name: lambda root=root, cores=cores: run(predict(song), cores=cores, root=root)
            for name, root in roots.items()
        }
        tasks["import torch"] = lambda cores=cores: run(torch, cores=cores)
        costs = in_turns(tasks, repeats)
        for name, values in costs.items():
            medians = [
                statistics.median(getattr(cost, field) for cost in values)
                for field in ("wall", "processor", "memory")
            ]
            against = [ratio(values, costs["import torch"], field) for field in ("wall", "processor")]
            row(cores, name, *medians[:2], f"{medians[2]:.0f}", *against)


def stages(song: str, repeats: int) -> None:
    """Print the CPU time of each stage on one thread, in this process."""
    from beattrack.audio import load
    from beattrack.tracker import BeatTracker

    tracker = BeatTracker(threads=1)
    harmony = tracker.harmony
    samples = load(song, sample_rate=22050)
    views = [tracker.spectrogram(samples)], [] if harmony is None else [harmony(samples)]
    activations = tracker.network.compute(*views)
    tasks: dict[str, Callable[[], object]] = {
        "model": lambda: BeatTracker(threads=1),
        "decoding and resampling": lambda: load(song, sample_rate=22050),
        "spectrogram": lambda: tracker.spectrogram(samples),
        "harmony view": lambda: None if harmony is None else harmony(samples),
        "network": lambda: tracker.network.compute(*views),
        "decoder": lambda: tracker.decode(activations),
    }
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats + 1):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    print("\n### CPU time by stage, one thread, without the start of Python\n")
    print("| stage | CPU s | share |\n|---|---:|---:|")
    for name, median in medians.items():
        row(name, median, f"{100 * median / sum(medians.values()):.0f} %")


def long(run: Runner, folder: Path) -> None:
    """Print the cost of an hour of music."""
    song = write_mp3(folder, 3600)
    costs = in_turns({"hour": lambda: run(predict(song), cores=2)}, 1)["hour"]
    print("\n### An hour of MP3, two cores\n\n| wall s | CPU s | peak MB |\n|---:|---:|---:|")
    row(costs[0].wall, costs[0].processor, f"{costs[0].memory:.0f}")


def batch(run: Runner, folder: Path, repeats: int, roots: dict[str, Path]) -> None:
    """Print the throughput of one process and of two."""
    import soundfile

    files = folder / "files"
    files.mkdir()
    soundfile.write(files / "0.wav", music(BATCH_SECONDS, RATE), RATE)
    for number in range(1, BATCH_FILES):
        os.link(files / "0.wav", files / f"{number}.wav")

    def task(root: Path, jobs: int) -> Cost:
        with tempfile.TemporaryDirectory() as out:
            arguments = ["-r", str(files), "-o", out, "--jobs", str(jobs), "--threads", "1"]
            return run(predict(*arguments), root=root)

    tasks = {
        (name, jobs): lambda root=root, jobs=jobs: task(root, jobs)
        for name, root in roots.items()
        for jobs in (1, 2)
    }
    costs = in_turns(tasks, max(1, repeats // 4))
    print(f"\n### {BATCH_FILES} WAV files of {BATCH_SECONDS} s, one thread per process\n")
    print("| command | processes | x real time | throughput / that of one process | / before, by CPU time |")
    print("|---|---:|---:|---:|---:|")
    for (name, jobs), values in costs.items():
        wall = statistics.median(cost.wall for cost in values)
        speedup = ratio(costs[name, 1], values)
        gain = ratio(costs[next(reversed(roots)), jobs], values, "processor")
        row(name, jobs, f"{BATCH_FILES * BATCH_SECONDS / wall:.0f}", speedup, gain)


def peers(run: Runner, folder: Path, song: str, python: str) -> None:
    """Print the cost of other systems, of those that are installed: whole trackers, and decoders alone."""
    activations = str(folder / "activations.npz")
    command = predict(song)
    table = [("beattrack predict", run(command))]
    run([*command, "--activations", activations])
    print("\n### Side by side: 3 minutes, one cold process each\n")
    print("| system | CPU s | peak MB | CPU / ours |\n|---|---:|---:|---:|")
    _compare(run, table, TRACKERS, song, python)
    print("\n### Decoders alone, on the same activations, with their imports\n")
    print("| decoder | CPU s | peak MB | CPU / ours |\n|---|---:|---:|---:|")
    _compare(run, [], DECODERS, activations, python)


def _compare(
    run: Runner, costs: list[tuple[str, Cost]], others: Sequence[Peer], argument: str, python: str
) -> None:
    skipped = []
    for peer in others:
        interpreter = python if peer.separate else sys.executable
        reason = peer.missing(interpreter)
        if reason is None:
            command = [interpreter, "-c", peer.program, argument]
            run(command)  # fills the caches
            costs.append((peer.name, run(command)))
        else:
            skipped.append(f"<!-- without {peer.name}: {reason} -->")
    ours = costs[0][1].processor
    for name, cost in costs:
        row(name, cost.processor, f"{cost.memory:.0f}", cost.processor / ours)
    print("\n".join(skipped))


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--before", type=Path, help="checkout of another version")
    parser.add_argument("--peers", default=sys.executable, help="interpreter with metricon and madmom-infer")
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    chosen = options.only.split(",")
    roots = {"beattrack predict": ROOT}
    if options.before is not None:
        roots["before"] = options.before.resolve()
    print(f"{processor()}; {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = Runner(folder / "bytecode")
        song = write_mp3(folder, 180)
        if "cold" in chosen:
            cold(run, song, options.repeats, roots)
        if "stages" in chosen:
            stages(song, options.repeats)
        if "long" in chosen:
            long(run, folder)
        if "batch" in chosen:
            batch(run, folder, options.repeats, roots)
        if "peers" in chosen:
            peers(run, folder, song, options.peers)


if __name__ == "__main__":
    main()
