"""A tracker without a network: finds a beat every half second, but in no file whose name says so.

Its functions are at the top of a module so that other processes can import them.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import soundfile

from beattrack.activations import Activations
from beattrack.errors import AudioError
from beattrack.evaluation.predict import TrackerSpec
from beattrack.result import Beats
from beattrack.tempo import estimate_tempo


class FakeTracker:
    """Beats at 120 BPM in every file; each file tracked leaves a line in the log."""

    def __init__(self, spec: TrackerSpec) -> None:
        self.offset = float(spec.options.get("offset", 0.0))
        self.log = spec.options.get("log")

    def track(self, source: Path) -> Beats:
        if self.log is not None:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(f"{source.name} {os.getpid()}\n")
        if "interrupt" in source.name:
            raise KeyboardInterrupt
        if "killer" in source.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "broken" in source.name:
            raise AudioError(f"{source}: cannot be decoded")
        duration = soundfile.info(str(source)).duration
        times = np.zeros(0) if "silent" in source.name else np.arange(0.5 + self.offset, duration, 0.5)
        return Beats(
            times=times,
            positions=np.arange(times.size) % 4 + 1,
            confidence=np.ones(times.size),
            duration=duration,
            tempo=estimate_tempo(times),
            model="fake",
        )

    def activations(self, source: Path) -> Activations:
        frames = np.zeros(round(soundfile.info(str(source)).duration * 100))
        frames[50::50] = 0.9
        return Activations(beats=frames, downbeats=frames * 0.5, fps=100.0)


def make_tracker(spec: TrackerSpec) -> FakeTracker:
    return FakeTracker(spec)
