"""Accuracy of live tracking: beats scored as they are reported, without looking back.

    python benchmarks/stream_accuracy.py --data-home DIR [--model tcn-causal] [--out DIR]

Every recording is streamed from its start in chunks of 10 ms. Beats are scored by the time that the report
states, and by the moment of the report (`moment`), each from 0 s and from 5 s on. --out keeps the beats as
.beats files and the results as JSON files, for `recipes/scores.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from beattrack import audio  # noqa: E402
from beattrack.datasets import Track, load_dataset  # noqa: E402
from beattrack.decoding.online import OnlineBeat  # noqa: E402
from beattrack.evaluation.results import Run, to_json  # noqa: E402
from beattrack.evaluation.run import RunSettings, from_predictions, score  # noqa: E402
from beattrack.streaming import StreamTracker  # noqa: E402

RATE = 22050
CHUNK_SECONDS = 0.01
TRIMS = (0.0, 5.0)
COLUMNS = ("beats.f_measure", "beats.cmlt", "beats.amlt", "downbeats.f_measure")


def streamed(track: Track, tracker: StreamTracker) -> list[OnlineBeat]:
    """Return the beats of a recording that is streamed from its start."""
    samples = audio.load(track.audio, sample_rate=RATE)
    tracker.reset()
    step = round(CHUNK_SECONDS * RATE)
    beats = [b for i in range(0, len(samples), step) for b in tracker.process(samples[i : i + step])]
    return beats + tracker.finish()


def write(path: Path, times: Sequence[float], positions: Sequence[int | None]) -> None:
    """Write beats, of which two at one time would be an error, as time and position."""
    rows = dict(zip((f"{time:.3f}" for time in times), positions, strict=True))
    lines = (f"{time}\t{position or 2}" for time, position in rows.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def cells(run: Run, genre: str | None = None) -> str:
    """Return the scores of all files or of a genre as cells of a table."""
    mean = (run.summary if genre is None else run.genres[genre]).mean
    return " | ".join("" if (value := mean(key)) is None else f"{value:.3f}" for key in COLUMNS)


def main() -> None:
    """Stream the recordings and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="gtzan", help="see `beattrack eval`")
    parser.add_argument("--data-home", type=Path)
    parser.add_argument("--model", default="tcn-causal")
    parser.add_argument("--out", type=Path, default=Path("runs/stream"), help="folder for the beats")
    options = parser.parse_args()

    dataset = load_dataset(options.dataset, data_home=options.data_home)
    tracker = StreamTracker(options.model, sample_rate=RATE)
    delays = []
    for track in dataset.tracks:
        beats = streamed(track, tracker)
        positions = [beat.position for beat in beats]
        write(options.out / "time" / f"{track.id}.beats", [beat.time for beat in beats], positions)
        write(options.out / "moment" / f"{track.id}.beats", [beat.reported for beat in beats], positions)
        delays += [beat.reported - beat.time for beat in beats]
    delays.sort()
    print(f"{len(dataset.tracks)} files of {dataset.name}, streamed with {options.model}")
    print(f"frames from the time of a beat to its report: median {100 * delays[len(delays) // 2]:.0f}\n")

    print("| scored by | from | beats F | CMLt | AMLt | downbeats F |\n|---|--:|--:|--:|--:|--:|")
    runs = {}
    for kind in ("time", "moment"):
        inputs = from_predictions(dataset, options.out / kind, suffix=".beats", missing="zero")
        for trim in TRIMS:
            name = f"live, {kind}"
            run = score(inputs, RunSettings(trim=trim, quiet=True), name=name, dataset=dataset.name)
            (options.out / f"{kind}-{trim:g}.json").write_text(to_json(run))
            print(f"| {kind} | {trim:g} s | {cells(run)} |")
            runs[kind, trim] = run
    first = runs["time", TRIMS[0]]
    print("\n| genre | beats F | CMLt | AMLt | downbeats F |\n|---|--:|--:|--:|--:|")
    for genre in first.genres:
        print(f"| {genre} | {cells(first, genre)} |")


if __name__ == "__main__":
    main()
