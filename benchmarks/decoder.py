"""Speed and memory of the DBN decoder, of the same search without bounds and, if installed, of madmom's.

    taskset -c 0 python benchmarks/decoder.py [--seconds 180] [--repeats 5] [--no-scaling]

Prints Markdown. The first table has median CPU times in one process after a warm-up; the decoders take turns,
so that load on the machine affects them equally. The second table has the CPU time of the first decoding in a
new process, including the loading of numba, and the increase of the peak memory of that process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from beattrack.activations import Activations  # noqa: E402
from beattrack.decoding.base import Decoder, Decoding  # noqa: E402
from beattrack.decoding.dbn import DBNDecoder, DBNSettings  # noqa: E402
from beattrack.decoding.dbn import decoder as decoder_module  # noqa: E402
from beattrack.decoding.dbn.viterbi import Viterbi  # noqa: E402
from beattrack.decoding.madmom import MadmomDecoder  # noqa: E402
from beattrack.errors import MissingExtraError  # noqa: E402
from tests.dbn_cases import beats_only, pulse, same  # noqa: E402


class AllPaths(DBNDecoder):
    """The decoder without bounds, in NumPy: the reference for speed and for the result."""

    def __call__(self, *args: Any, **kwargs: Any) -> Decoding:
        """Return the beats of one recording."""
        found = decoder_module.search
        decoder_module.search = Viterbi  # type: ignore[assignment]
        try:
            return super().__call__(*args, **kwargs)
        finally:
            decoder_module.search = found


ENGINES: dict[str, Callable[[DBNSettings], Decoder]] = {
    "madmom": MadmomDecoder,
    "all paths": lambda settings: AllPaths(settings, engine="numpy"),
    "NumPy": lambda settings: DBNDecoder(settings, engine="numpy"),
    "numba": lambda settings: DBNDecoder(settings, engine="numba"),
}
CASES = {
    "beats, all tempi": (False, DBNSettings.madmom()),
    "beats and bars {3, 4}, 60 tempi": (True, DBNSettings.madmom(num_tempi=60)),
    "beats and bars {3, 4}, all tempi": (True, DBNSettings.madmom()),
}
LENGTHS = (10, 60, 180, 600, 1800, 3600)  # seconds


def installed() -> list[str]:
    """Return the names of the installed engines."""
    names = []
    for name, make in ENGINES.items():
        try:
            make(DBNSettings.madmom())
        except MissingExtraError as error:
            print(f"<!-- without {name}: {error} -->")
        else:
            names.append(name)
    return names


def recording(seconds: float, *, bars: bool) -> Activations:
    """Return the activations to decode, at 100 frames per second."""
    activations = pulse(seconds, seed=7, bpm=110.0)
    return activations if bars else beats_only(activations)


def side_by_side(names: list[str], seconds: float, repeats: int) -> list[list[str]]:
    """Return the rows of the first table."""
    rows = []
    for title, (bars, settings) in CASES.items():
        activations = recording(seconds, bars=bars)
        decoders = {name: ENGINES[name](settings) for name in names}
        found = {name: decoder(activations) for name, decoder in decoders.items()}
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(repeats):
            for name, decoder in decoders.items():
                start = time.process_time()
                decoder(activations)
                times[name].append(time.process_time() - start)
        medians = {name: statistics.median(values) for name, values in times.items()}
        cells = [f"{medians[name]:.3f}{_ratio(medians, name)}" for name in names]
        agree = all(same(decoding, found[names[0]]) for decoding in found.values())
        rows.append([title, *cells, "yes" if agree else "NO"])
    return rows


def _ratio(medians: dict[str, float], name: str) -> str:
    if name == "madmom" or "madmom" not in medians:
        return ""
    return f" (1/{medians['madmom'] / medians[name]:.1f})"


def scaling(names: list[str], lengths: Iterable[int]) -> list[list[str]]:
    """Return the rows of the second table; madmom needs gigabytes for ten minutes and is not run on more."""
    rows = []
    for seconds in lengths:
        for bars in (False, True):
            row = [_length(seconds), "bars" if bars else "beats"]
            for name in names:
                too_much = name == "madmom" and seconds > 600
                row.append("" if too_much else _measure_apart(name, seconds, bars=bars))
            rows.append(row)
    return rows


def _length(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


def _measure_apart(name: str, seconds: int, *, bars: bool) -> str:
    command = [sys.executable, __file__, "--measure", name, "bars" if bars else "beats", str(seconds)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def measure(name: str, kind: str, seconds: float) -> str:
    """Return CPU seconds and added megabytes of the first decoding in this process."""
    activations = recording(seconds, bars=kind == "bars")
    decoder = ENGINES[name](DBNSettings.madmom())
    before, start = _peak_megabytes(), time.process_time()
    decoder(activations)
    return f"{time.process_time() - start:.2f} s, {_peak_megabytes() - before:.0f} MB"


def _peak_megabytes() -> float:
    # The peak of resource.getrusage would include the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # Linux only
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=180, help="duration of the recording in the first table"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-scaling", action="store_true", help="leave out the second table")
    parser.add_argument("--measure", nargs=3, metavar=("ENGINE", "KIND", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, kind, seconds = options.measure
        print(measure(name, kind, float(seconds)))
        return
    names = installed()
    print(f"\nCPU seconds for {options.seconds:g} s at 100 frames/s, 55-215 BPM (share of madmom's):\n")
    rows = side_by_side(names, options.seconds, options.repeats)
    print(table(["model", *names, "same beats"], rows))
    if not options.no_scaling:
        print("\nFirst decoding in a fresh process, default settings: CPU time, added peak memory:\n")
        print(table(["length", "model", *names], scaling(names, LENGTHS)))


if __name__ == "__main__":
    main()
