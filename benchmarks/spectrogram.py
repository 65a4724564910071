"""Speed of audio decoding and the spectrogram on one core, compared with librosa and madmom if installed.

    taskset -c 0 python benchmarks/spectrogram.py [--seconds 180] [--repeats 7] [--file song.mp3]

Prints Markdown. Every figure is a median CPU time; the tasks take turns, so that load on the machine affects
them equally. "x real time" is seconds of music per second of work.
"""

from __future__ import annotations

import argparse
import collections
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported

import numpy as np  # noqa: E402
from common import music, write_files  # noqa: E402

Task = Callable[[], Any]


def decoding_tasks(paths: list[Path], rate: int) -> dict[str, Task]:
    """Return functions that read a file as mono samples at `rate`."""
    tasks: dict[str, Task] = {}
    try:
        from beattrack.audio import load
    except ImportError as error:
        print(f"<!-- beattrack: {error} -->")
    else:
        for path in paths:
            tasks[f"beattrack {path.suffix[1:].upper()}"] = lambda path=path: load(path, sample_rate=rate)
    try:
        import librosa
    except ImportError:
        pass
    else:
        for path in paths:
            tasks[f"librosa.load {path.suffix[1:].upper()}"] = lambda path=path: librosa.load(path, sr=rate)
    return tasks


def spectrogram_tasks(mono: np.ndarray, rate: int) -> dict[str, Task]:
    """Return functions that compute spectrograms.

    All use Hann windows of 1024 samples at 22.05 kHz and 100 frames per second, except the harmony view,
    which is computed in addition. librosa supports only whole hops and mel filters.
    """
    tasks = _beattrack_tasks(mono)
    try:
        import librosa
    except ImportError:
        pass
    else:
        options = {"sr": rate, "n_fft": 1024, "hop_length": 220, "n_mels": 73, "power": 1.0}
        tasks["librosa.feature.melspectrogram (73 bands)"] = lambda: librosa.feature.melspectrogram(
            y=mono, **options
        )
    if madmom := _madmom_task(mono, rate):
        tasks["madmom FilteredSpectrogram (12 bands/octave)"] = madmom
    return tasks


def _beattrack_tasks(mono: np.ndarray) -> dict[str, Task]:
    try:
        from beattrack.harmony import Harmony
        from beattrack.spectrogram import Spectrogram
    except ImportError as error:
        print(f"<!-- beattrack: {error} -->")
        return {}
    spectrogram, harmony = Spectrogram(), Harmony()
    return {
        "beattrack (73 bands)": lambda: spectrogram(mono),
        "beattrack harmony view (73 semitones, 10 frames/s)": lambda: harmony(mono),
    }


def _madmom_task(mono: np.ndarray, rate: int) -> Task | None:
    # Names that madmom 0.16.1 needs and that recent Python and NumPy versions have removed.
    collections.MutableSequence = collections.abc.MutableSequence  # type: ignore[attr-defined]
    for name, kind in (("float", float), ("int", int), ("bool", bool), ("object", object)):
        if name not in vars(np):
            setattr(np, name, kind)
    try:
        from madmom.audio.signal import FramedSignal, Signal
        from madmom.audio.spectrogram import FilteredSpectrogram
        from madmom.audio.stft import ShortTimeFourierTransform
    except ImportError:
        return None

    def run() -> Any:
        frames = FramedSignal(Signal(mono, sample_rate=rate), frame_size=1024, fps=100)
        stft = ShortTimeFourierTransform(frames)
        return FilteredSpectrogram(stft, num_bands=12, fmin=30, fmax=rate / 2, norm_filters=True)

    return run


def measure(tasks: dict[str, Task], repeats: int) -> dict[str, float]:
    """Return the median seconds of each task."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()  # imports, caches, compilation
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def report(title: str, medians: dict[str, float], music_seconds: float, baseline: dict[str, str]) -> None:
    """Print a Markdown table; `baseline` has the row to which each row is compared."""
    print(f"\n### {title}\n\n| | ms | x real time | times ours |\n|---|---:|---:|---:|")
    for name, median in medians.items():
        ours = medians.get(baseline.get(name, name))
        ratio = f"{median / ours:.1f}" if ours else ""
        print(f"| {name} | {median * 1e3:.1f} | {music_seconds / median:.0f} | {ratio} |")


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180, help="duration of the synthetic music")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--file", type=Path, help="decode this recording instead of synthetic music")
    options = parser.parse_args()
    rate = 22050
    with tempfile.TemporaryDirectory() as folder:
        paths = [options.file] if options.file else []
        seconds = options.seconds
        try:
            import soundfile
        except ImportError:
            print("<!-- no soundfile: decoding is not measured -->")
        else:
            if options.file:
                seconds = soundfile.info(options.file).duration
            else:
                paths = write_files(Path(folder), music(seconds, 44100), 44100)
            tasks = decoding_tasks(paths, rate)
            baseline = {name: f"beattrack {name.split()[-1]}" for name in tasks}
            title = f"Decode, mix down, resample to 22.05 kHz: {seconds:.0f} s"
            report(title, measure(tasks, options.repeats), seconds, baseline)
    mono = music(seconds, rate).mean(axis=1)
    tasks = spectrogram_tasks(mono, rate)
    baseline = dict.fromkeys(tasks, "beattrack (73 bands)")
    report(f"Spectrogram: {seconds:.0f} s", measure(tasks, options.repeats), seconds, baseline)


if __name__ == "__main__":
    main()
