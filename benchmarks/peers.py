"""Other systems to compare with, each as a program for a process of its own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

# Sets names that madmom 0.16.1 needs and that recent Python and NumPy versions have removed.
MADMOM = """
import collections, collections.abc, sys
import numpy as np
collections.MutableSequence, np.float, np.int = collections.abc.MutableSequence, float, int
from madmom.features.downbeats import RNNDownBeatProcessor
from beattrack.activations import Activations
from beattrack.decoding.madmom import MadmomDecoder
beats, downbeats = RNNDownBeatProcessor()(sys.argv[1]).T
MadmomDecoder()(Activations(beats=np.minimum(beats + downbeats, 1), downbeats=downbeats.copy(), fps=100))
"""
LIBROSA = """
import sys
import librosa
samples, rate = librosa.load(sys.argv[1])
librosa.beat.beat_track(y=samples, sr=rate)
"""
OURS = """
import sys
from beattrack.activations import Activations
from beattrack.decoding.dbn import DBNDecoder
DBNDecoder()(Activations.load(sys.argv[1]))
"""
METRICON = """
import sys
import numpy as np
import metricon
from metricon.activations import Activations
stored = np.load(sys.argv[1])
activations = Activations.from_activations(stored["beats"], stored["downbeats"], fps=100)
metricon.DownbeatTracker(fps=100).track(activations)
"""
MADMOM_INFER = """
import sys
import numpy as np
from madmom_infer.features.downbeats import DBNDownBeatTrackingProcessor
stored = np.load(sys.argv[1])
beats, downbeats = stored["beats"], stored["downbeats"]
activations = np.stack([np.maximum(beats - downbeats, 1e-6), downbeats], axis=1)
DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4], fps=100)(activations)
"""


@dataclass(frozen=True)
class Peer:
    """A system.

    Attributes:
        name: name in the table.
        package: module that it needs.
        program: Python program; its argument is a recording, or for a decoder a file of activations.
        separate: whether it needs an interpreter of its own, because its requirements differ from ours.
    """

    name: str
    package: str
    program: str
    separate: bool = False

    def missing(self, python: str) -> str | None:
        """Return why it cannot be run by an interpreter, or None if it can."""
        found = subprocess.run(
            [
                python,
                "-c",
                f"import importlib.util as u, sys; sys.exit(u.find_spec('{self.package}') is None)",
            ]
        )
        return f"{self.package} is not installed for {python}" if found.returncode else None


TRACKERS = (
    Peer("madmom 0.16.1, RNN + DBN", "madmom", MADMOM),
    Peer("librosa beat_track", "librosa", LIBROSA),
)
DECODERS = (
    Peer("beattrack", "beattrack", OURS),
    Peer("metricon", "metricon", METRICON, separate=True),
    Peer("madmom-infer", "madmom_infer", MADMOM_INFER, separate=True),
)
