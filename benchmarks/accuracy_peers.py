"""Beat trackers of other packages, each run on a list of files in its own process.

    python benchmarks/accuracy_peers.py PEER OUT < files.txt

Writes OUT/NAME.beats for each file, and OUT/seconds.json with the CPU seconds of each file, including audio
decoding and child processes. The first file is first tracked once without timing, so that compilation and
lazy imports are not measured. Needs only the package of the tracker, so that it can run in a separate
environment. The exit code is 3 if that package is missing.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

NOT_INSTALLED = 3
Track = Callable[[str], list[tuple[float, "int | None"]]]


def librosa_beat_track() -> Track:
    """Return librosa's default tracker, dynamic programming on onset strength (Ellis 2007)."""
    import librosa

    def track(path: str) -> list[tuple[float, int | None]]:
        samples, rate = librosa.load(path)
        _, times = librosa.beat.beat_track(y=samples, sr=rate, units="time")
        return [(float(seconds), None) for seconds in times]

    track.version = librosa.__version__  # type: ignore[attr-defined]
    return track


def librosa_plp() -> Track:
    """Return peaks of the predominant local pulse (Grosche & Müller 2011), as in librosa's example."""
    import librosa
    import numpy as np

    def track(path: str) -> list[tuple[float, int | None]]:
        samples, rate = librosa.load(path)
        pulse = librosa.beat.plp(y=samples, sr=rate)
        frames = np.flatnonzero(librosa.util.localmax(pulse))
        return [(float(seconds), None) for seconds in librosa.frames_to_time(frames, sr=rate)]

    track.version = librosa.__version__  # type: ignore[attr-defined]
    return track


def madmom_dbn() -> Track:
    """Return madmom's recurrent networks and joint beat and downbeat DBN (Böck et al. 2016)."""
    import numpy as np

    # Names that madmom 0.16.1 needs and that recent Python and NumPy versions have removed.
    collections.MutableSequence = collections.abc.MutableSequence  # type: ignore[attr-defined]
    np.float, np.int = float, int  # type: ignore[attr-defined]
    warnings.simplefilter("ignore")
    import madmom
    from madmom.features import downbeats

    asarray = np.asarray

    def asarray_of_ragged(values, *args, **kwargs):  # type: ignore[no-untyped-def]
        try:
            return asarray(values, *args, **kwargs)
        except ValueError:
            return asarray(values, dtype=object)

    np.asarray = asarray_of_ragged
    network = downbeats.RNNDownBeatProcessor()
    decoder = downbeats.DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4], fps=100)

    def track(path: str) -> list[tuple[float, int | None]]:
        return [(float(seconds), int(position)) for seconds, position in decoder(network(path))]

    track.version = madmom.__version__  # type: ignore[attr-defined]
    return track


def aubio_tempo() -> Track:
    """Return aubio's tempo object with the settings of its command line; it is causal, unlike the others."""
    import aubio
    import numpy as np
    import soundfile
    import soxr

    # Its frames of 1024 samples are meant for 44.1 kHz; at 22.05 kHz its F-measure is a quarter lower.
    rate, hop = 44100, 512

    def track(path: str) -> list[tuple[float, int | None]]:
        # aubio itself reads only a few formats.
        samples, file_rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), file_rate, rate).astype(np.float32)
        tempo = aubio.tempo("default", 1024, hop, rate)
        blocks = (mono[start : start + hop] for start in range(0, len(mono) - hop + 1, hop))
        return [(float(tempo.get_last_s()), None) for block in blocks if tempo(block)]

    track.version = aubio.version  # type: ignore[attr-defined]
    return track


def beattrack_default() -> Track:
    """Return beattrack with its defaults, on one thread."""
    import beattrack
    from beattrack.tracker import BeatTracker

    tracker = BeatTracker(threads=1)

    def track(path: str) -> list[tuple[float, int | None]]:
        beats = tracker.track(path)
        positions = [None] * len(beats) if beats.positions is None else beats.positions.tolist()
        return list(zip(beats.times.tolist(), positions, strict=True))

    track.version = beattrack.__version__  # type: ignore[attr-defined]
    return track


PEERS: dict[str, tuple[str, Callable[[], Track]]] = {
    "beattrack": ("beattrack, shipped model", beattrack_default),
    "madmom": ("madmom, RNN + DBN", madmom_dbn),
    "librosa": ("librosa beat_track", librosa_beat_track),
    "librosa-plp": ("librosa PLP", librosa_plp),
    "aubio": ("aubio tempo", aubio_tempo),
}


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its children, such as audio decoders."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> int:
    """Track the files listed on standard input."""
    peer, out = sys.argv[1], Path(sys.argv[2])
    try:
        track = PEERS[peer][1]()
    except ImportError as error:
        print(f"{peer}: {error}", file=sys.stderr)
        return NOT_INSTALLED
    files = [line for line in sys.stdin.read().splitlines() if line]
    out.mkdir(parents=True, exist_ok=True)
    track(files[0])
    seconds = {}
    for file in files:
        start = cpu_seconds()
        beats = track(file)
        seconds[file] = cpu_seconds() - start
        rows = (f"{at:.6f}" if position is None else f"{at:.6f}\t{position}" for at, position in beats)
        (out / f"{Path(file).stem}.beats").write_text("".join(f"{row}\n" for row in rows))
    record = {"version": track.version, "seconds": seconds}  # type: ignore[attr-defined]
    (out / "seconds.json").write_text(json.dumps(record, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
