"""Cost of a song, overhead of the scheduler, and from both the cost of a catalogue, for docs/scale.md.

    python benchmarks/scale.py cost [--repeats 5] [-o cost.json]
    python benchmarks/scale.py simulate [--songs 1000000] [--chunk 5] [--workers 2] [-o scheduler.json]
    python benchmarks/scale.py plan cost.json scheduler.json [--price 0.04]

`cost` tracks music of 30 s and of 4 min, as MP3, in a process of its own with one thread, and takes the
median of the repeats. `simulate` sends songs that take 1 ms of sleep each to a cluster on this machine, by
the code of `beattrack predict --scheduler`, and subtracts what the same processes use while idle. All figures
but the duration are CPU seconds, which depend less on how busy the machine is. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common import music, write_files

ROOT = Path(__file__).resolve().parents[1]
RATE = 44100
LENGTHS = (30.0, 240.0)
CATALOGUES = (10**4, 10**6, 10**8)
CORES = 100
WORK = 1e-3  # seconds of a simulated song
CHUNK_SECONDS = 5.0  # of work that a message to a worker holds
IDLE_SECONDS = 10.0

Row = dict[str, float]


def cost_here(path: Path) -> Row:
    """Track a file twice in this process; return the costs of the second time, which loads nothing."""
    begin = time.process_time()
    import beattrack
    from beattrack.audio import read_blocks

    tracker = beattrack.BeatTracker(threads=1)
    started = time.process_time() - begin
    tracker.track(path)
    begin = time.process_time()
    for _ in read_blocks(path, sample_rate=tracker.spectrogram.settings.sample_rate):
        pass
    decoded = time.process_time() - begin
    begin = time.process_time()
    beats = tracker.track(path)
    return {
        "cpu": time.process_time() - begin,
        "decoding": decoded,
        "start": started,
        "read": path.stat().st_size,
        "beats": len(beats.to_text("beats").encode()),
        "json": len(beats.to_text("json").encode()),
        "memory": peak_memory(),
    }


def peak_memory() -> int:
    """Return the largest memory of this process so far in bytes."""
    # On Linux, the usual figure (ru_maxrss) begins with that of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cost(repeats: int) -> list[Row]:
    """Measure the cost of a song of each length, each time in a new process."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in LENGTHS:
            (path,) = write_files(Path(folder), music(seconds, RATE), RATE, kinds=("MP3",))
            command = [sys.executable, __file__, "_song", str(path)]
            runs = []
            for _ in range(repeats):
                done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
                runs.append(json.loads(done.stdout))
            row = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            rows.append({"seconds": seconds, **row})
    return rows


def make_work(result: int) -> Callable[[str], tuple[float, bytes]]:
    """Return the function that a worker applies to a simulated song, whose result has `result` bytes."""
    answer = b"\0" * result

    def work(name: str) -> tuple[float, bytes]:
        begin = time.perf_counter()
        time.sleep(WORK)
        return time.perf_counter() - begin, answer

    return work


def simulate(songs: int, chunk: int, workers: int, result: int) -> Row:
    """Send simulated songs through the scheduler, and return the CPU time that this takes.

    Args:
        songs: number of songs.
        chunk: songs in a message; 0 to send 5 s of work, as for real songs.
        workers: processes of the cluster.
        result: bytes of a song's result.
    """
    from beattrack.cluster import chunks
    from beattrack.cluster.connect import connected

    if chunk:
        chunks.CHUNK_SECONDS, chunks.MOST_ITEMS = chunk * WORK, chunk
    names = [f"s3://catalogue/{number // 1000:06}/{number:09}.mp3" for number in range(songs)]
    work, seen = 0.0, bytearray(songs)
    with connected("local", workers=workers) as client:
        list(_outcomes(client, names[: 10 * workers], result))  # loads what is needed
        idle = _used(client, lambda: time.sleep(IDLE_SECONDS))

        def send() -> None:
            nonlocal work
            for index, (seconds, _) in _outcomes(client, names, result):
                seen[index] += 1
                work += seconds

        begin = time.perf_counter()
        busy = _used(client, send)
        wall = time.perf_counter() - begin
    if seen.count(1) != songs:
        raise SystemExit("a song was lost or done twice")
    return {
        "songs": songs,
        "workers": workers,
        "chunk": chunk,
        "wall": wall,
        "work": work,
        "client": max(busy[0] - idle[0] * wall / IDLE_SECONDS, 0.0),
        "worker": max(busy[1] - idle[1] * wall / IDLE_SECONDS, 0.0),
        "idle": idle[0] / IDLE_SECONDS,
        "memory": peak_memory(),
    }


def _outcomes(client: Any, names: list[str], result: int) -> Iterator[tuple[int, tuple[float, bytes]]]:
    from beattrack.cluster.run import run

    weights = [1.0] * len(names)
    make = partial(make_work, result)
    return run(client, make, names, weights=weights, retries=2, died=lambda tries: (0.0, b""))


def _used(client: Any, action: Callable[[], None]) -> tuple[float, float]:
    """Return the CPU seconds of this process, which is client and scheduler, and of the workers."""
    workers = client.run(time.process_time)
    here = time.process_time()
    action()
    here = time.process_time() - here
    return here, sum(client.run(time.process_time).values()) - sum(workers.values())


def show_cost(rows: list[Row]) -> None:
    """Print the cost of a song of each length."""
    print("| song | CPU | of this, decoding | read | .beats | .json | peak memory | start of a worker |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        kbit = row["read"] * 8 / row["seconds"] / 1000
        print(
            f"| {row['seconds']:.0f} s, {kbit:.0f} kbit/s | {row['cpu']:.2f} s | {row['decoding']:.2f} s "
            f"| {row['read'] / 1e6:.2f} MB | {row['beats'] / 1e3:.1f} kB | {row['json'] / 1e3:.1f} kB "
            f"| {row['memory'] / 1e6:.0f} MB | {row['start']:.1f} s |"
        )


def show_scheduler(row: Row) -> None:
    """Print the overhead of a simulation."""
    messages = row["songs"] / row["chunk"] if row["chunk"] else row["songs"] * WORK / CHUNK_SECONDS
    client, worker = (row[name] / row["songs"] * 1e3 for name in ("client", "worker"))
    print(
        f"{row['songs']:.0f} songs in about {messages:.0f} messages to {row['workers']:.0f} workers: "
        f"{row['wall']:.0f} s, with {row['work']:.0f} s of work\n"
        f"client and scheduler: {client:.3f} ms of CPU a song, {row['client'] / messages * 1e3:.2f} ms a "
        f"message; {row['idle'] * 100:.1f} % of a core if idle; {row['memory'] / 1e6:.0f} MB\n"
        f"workers: {worker:.3f} ms of CPU a song beside its work"
    )


def overheads(cost: Row, scheduler: Row) -> tuple[float, float]:
    """Return the CPU seconds of a song in client and scheduler, and on its worker beside its work.

    Args:
        cost: cost of the song.
        scheduler: a simulation with messages of `chunk` songs.
    """
    songs = max(CHUNK_SECONDS // cost["cpu"], 1.0)  # in a message
    message = scheduler["chunk"] / scheduler["songs"] / songs
    return scheduler["client"] * message, scheduler["worker"] * message


def show_plan(costs: list[Row], scheduler: Row, price: float) -> None:
    """Print hours and money for catalogues of several sizes, at a price for a core hour in dollars."""
    print(f"| songs | each | core hours | on {CORES} cores | at ${price:g} a core hour | read | .json |")
    print("|---|---|---|---|---|---|---|")
    for songs in CATALOGUES:
        for row in costs:
            hours = songs * (row["cpu"] + sum(overheads(row, scheduler))) / 3600
            print(
                f"| 10^{len(str(songs)) - 1} | {row['seconds']:.0f} s | {hours:,.1f} "
                f"| {hours / CORES:,.1f} h | ${hours * price:,.2f} | {songs * row['read'] / 1e9:,.0f} GB "
                f"| {songs * row['json'] / 1e9:,.1f} GB |"
            )
    for row in costs:
        here, there = overheads(row, scheduler)
        print(
            f"\n{row['seconds']:.0f} s: overhead {100 * (here + there) / row['cpu']:.2f} % of the work; one "
            f"scheduler is busy with {row['cpu'] / here:,.0f} workers; a core reads "
            f"{row['read'] / row['cpu'] / 1e6:.2f} MB/s"
        )


def main() -> None:
    """Run the part that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("cost", "simulate"):
        part = parts.add_parser(name)
        part.add_argument("-o", "--out", type=Path)
        if name == "cost":
            part.add_argument("--repeats", type=int, default=5)
        else:
            part.add_argument("--songs", type=int, default=10**6)
            part.add_argument("--chunk", type=int, default=5, help="songs in a message; 0 for 5 s of work")
            part.add_argument("--workers", type=int, default=2)
            part.add_argument("--result-bytes", type=int, default=2000)
    plan = parts.add_parser("plan")
    plan.add_argument("cost", type=Path)
    plan.add_argument("scheduler", type=Path)
    plan.add_argument("--price", type=float, default=0.04)
    parts.add_parser("_song").add_argument("path", type=Path)
    options = parser.parse_args()
    if options.part == "_song":
        print(json.dumps(cost_here(options.path)))
        return
    if options.part == "plan":
        costs, scheduler = (json.loads(path.read_text()) for path in (options.cost, options.scheduler))
        show_plan(costs, scheduler, options.price)
        return
    if options.part == "cost":
        found: Any = cost(options.repeats)
        show_cost(found)
    else:
        found = simulate(options.songs, options.chunk, options.workers, options.result_bytes)
        show_scheduler(found)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
