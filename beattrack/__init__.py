"""Beats, downbeats and tempo of any recording.

`beattrack.track("song.wav")` tracks one file. To track many files with one model, use `BeatTracker`. To track
music while it plays, use `stream` or `StreamTracker`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack import audio, plot, sonify
    from beattrack.activations import Activations
    from beattrack.decoding.anchors import Anchors
    from beattrack.decoding.base import Decoder, Decoding
    from beattrack.decoding.dbn import DBNSettings
    from beattrack.decoding.make import make_decoder
    from beattrack.decoding.online import OnlineBeat
    from beattrack.decoding.peaks import PeakSettings
    from beattrack.errors import (
        ActivationError,
        AudioError,
        BeattrackError,
        MissingExtraError,
        ModelError,
        SettingsError,
    )
    from beattrack.harmony import Harmony, HarmonySettings
    from beattrack.network.inference import Network, load_network
    from beattrack.result import Beats
    from beattrack.spectrogram import Spectrogram, SpectrogramSettings
    from beattrack.streaming.tracker import StreamTracker, stream
    from beattrack.tempo import Tempo, TempoCandidate, estimate_tempo
    from beattrack.tracker import BeatTracker, track

__all__ = [
    "ActivationError",
    "Activations",
    "Anchors",
    "AudioError",
    "BeatTracker",
    "Beats",
    "BeattrackError",
    "DBNSettings",
    "Decoder",
    "Decoding",
    "Harmony",
    "HarmonySettings",
    "MissingExtraError",
    "ModelError",
    "Network",
    "OnlineBeat",
    "PeakSettings",
    "SettingsError",
    "Spectrogram",
    "SpectrogramSettings",
    "StreamTracker",
    "Tempo",
    "TempoCandidate",
    "__version__",
    "audio",
    "estimate_tempo",
    "load_network",
    "make_decoder",
    "plot",
    "sonify",
    "stream",
    "track",
]

# Public names are imported on first use, so that `import beattrack` is fast.
_MODULES = {
    "ActivationError": "errors",
    "Activations": "activations",
    "Anchors": "decoding.anchors",
    "AudioError": "errors",
    "BeatTracker": "tracker",
    "Beats": "result",
    "BeattrackError": "errors",
    "DBNSettings": "decoding.dbn",
    "Decoder": "decoding.base",
    "Decoding": "decoding.base",
    "Harmony": "harmony",
    "HarmonySettings": "harmony",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "Network": "network.inference",
    "OnlineBeat": "decoding.online",
    "PeakSettings": "decoding.peaks",
    "SettingsError": "errors",
    "Spectrogram": "spectrogram",
    "SpectrogramSettings": "spectrogram",
    "StreamTracker": "streaming.tracker",
    "Tempo": "tempo",
    "TempoCandidate": "tempo",
    "estimate_tempo": "tempo",
    "load_network": "network.inference",
    "make_decoder": "decoding.make",
    "stream": "streaming.tracker",
    "track": "tracker",
}
_PACKAGES = ("audio", "plot", "sonify")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"beattrack.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'beattrack' has no attribute {name!r}")
    return getattr(import_module(f"beattrack.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
