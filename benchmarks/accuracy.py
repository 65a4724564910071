"""Accuracy and speed of beattrack and of other beat trackers on the same files, as a Markdown table.

    python benchmarks/accuracy.py --data-home DIR [--python madmom=/path/to/python] [--out DIR]

Each tracker runs in its own process on one thread (benchmarks/accuracy_peers.py). --python gives the
interpreter of a tracker that needs its own environment. All are scored by `beattrack.evaluation`. Predictions
are kept in --out and reused. If the data home has the published detections of the 2020 TCN
(`published_tcn2020`), they are scored as well. The last column is CPU seconds per minute of audio.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import soundfile  # noqa: E402
from accuracy_peers import NOT_INSTALLED, PEERS  # noqa: E402

from beattrack.datasets import Dataset, load_dataset  # noqa: E402
from beattrack.evaluation.results import Run, to_json  # noqa: E402
from beattrack.evaluation.run import RunSettings, from_predictions, score  # noqa: E402

PUBLISHED = "published_tcn2020"
COLUMNS = (
    "beats F",
    "CMLt",
    "AMLt",
    "down F",
    "CMLt",
    "AMLt",
    "Acc1",
    "Acc2",
    "octave errors",
    "bias",
    "CPU s / min",
)


def predict(peer: str, python: str, dataset: Dataset, out: Path) -> dict[str, object] | None:
    """Run a tracker on a dataset and return its version and CPU seconds; None if it is not installed."""
    record = out / "seconds.json"
    if not record.is_file():
        files = "\n".join(str(track.audio.resolve()) for track in dataset.tracks if track.audio is not None)
        script = Path(__file__).with_name("accuracy_peers.py")
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        print(f"{peer} ...", file=sys.stderr, flush=True)
        command = [python, str(script), peer, str(out)]
        done = subprocess.run(
            command,
            input=files,
            text=True,
            env={**os.environ, **threads, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        if done.returncode == NOT_INSTALLED:
            return None
        done.check_returncode()
    return json.loads(record.read_text())


def row(name: str, run: Run | None, speed: float | None) -> str:
    """Return a row of the table; `run` is None for a tracker that is not installed."""
    if run is None:
        return f"| {name} | not installed |" + " |" * (len(COLUMNS) - 1)
    mean = run.summary.mean
    keys = (
        "beats.f_measure",
        "beats.cmlt",
        "beats.amlt",
        "downbeats.f_measure",
        "downbeats.cmlt",
        "downbeats.amlt",
    )
    cells = ["" if (value := mean(key)) is None else f"{value:.3f}" for key in keys]
    cells += [f"{100 * (mean(key) or 0):.0f} %" for key in ("tempo.acc1", "tempo.acc2", "fault.octave")]
    bias = mean("timing.mean_ms")
    cells += ["" if bias is None else f"{bias:+.0f} ms", "" if speed is None else f"{speed:.2f}"]
    return f"| {name} | " + " | ".join(cells) + " |"


def minutes(dataset: Dataset) -> float:
    """Return the duration of all recordings in minutes."""
    return sum(soundfile.info(str(track.audio)).duration for track in dataset.tracks) / 60


def main() -> None:
    """Run the trackers and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="gtzan", help="see `beattrack eval`")
    parser.add_argument("--data-home", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/accuracy"), help="folder for predictions")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument(
        "--python", nargs="*", default=[], metavar="PEER=PATH", help="interpreter of a tracker"
    )
    parser.add_argument("--trim", type=float, default=0.0)
    options = parser.parse_args()

    dataset = load_dataset(options.dataset, data_home=options.data_home)
    pythons = dict(entry.split("=", 1) for entry in options.python)
    settings = RunSettings(trim=options.trim)
    total = minutes(dataset)
    lines = []
    run: Run | None
    for peer in options.peers:
        out = options.out / dataset.name.replace(":", "-") / peer
        record = predict(peer, pythons.get(peer, sys.executable), dataset, out)
        if record is None:
            lines.append(row(PEERS[peer][0], None, None))
            continue
        name = f"{PEERS[peer][0]} ({record['version']})"
        inputs = from_predictions(dataset, out, suffix=".beats", missing="zero")
        run = score(inputs, settings, name=name, dataset=dataset.name)
        (out / "run.json").write_text(to_json(run))
        lines.append(row(name, run, sum(record["seconds"].values()) / total))  # type: ignore[attr-defined]
    published = dataset.home / PUBLISHED
    if published.is_dir():
        inputs = from_predictions(dataset, published, suffix=".downbeats.txt", tempo_suffix=".bpm.txt")
        run = score(inputs, settings, name="TCN 2020", dataset=dataset.name)
        lines.append(row("TCN + DBN of Böck & Davies 2020, published detections", run, None))

    print(
        f"{len(dataset.tracks)} files of {dataset.name}, {total:.1f} minutes, beats from {options.trim:g} s\n"
    )
    print("| system | " + " | ".join(COLUMNS) + " |")
    print("|---|" + "--:|" * len(COLUMNS))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
