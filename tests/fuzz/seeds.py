"""Small valid files of each kind, to be damaged."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import soundfile

from beattrack.activations import Activations
from beattrack.network.model_settings import ModelSettings
from beattrack.result import Beats

SOUNDS = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "wavfloat": ("WAVEX", "FLOAT"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
}


def sound(kind: str) -> bytes:
    """A twentieth of a second of a decaying tone, in stereo."""
    format, subtype = SOUNDS[kind]
    seconds = np.arange(800) / 16000
    tone = 0.5 * np.sin(2 * np.pi * 440 * seconds) * np.exp(-seconds / 0.02)
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone, -tone], axis=1), 16000, format=format, subtype=subtype)
    return file.getvalue()


def beat_files() -> Iterator[bytes]:
    """Beats in the formats that are read."""
    yield b"# tempo_bpm: 120.00\n0.500\t1\n1.000\t2\n1.500\t3\n2.000\t4\n"
    yield b"0.5\n1.0\n1.5\n"
    yield b"time,position,confidence\n0.500,1,0.9000\n1.000,2,0.8000\n"
    yield b"0.5\t0.5\t1.1\n1.0\t1.0\t1.2\n"
    yield b'"a.wav",0.5,"1"\n,1.0,"2"\n'
    yield b"120.0 60.0 0.8\n"
    yield record()
    yield b"0,500;1\n1,000;2\n1,500;3\n"
    yield b"0.5 1.0 1.5 2.0 2.5\n"
    yield "0.5\t1\n1.0\t2\n".encode("utf-16")
    yield b'{"beats": [0.5, 1.0, 1.5], "downbeats": [0.5], "beat_positions": [1, 2, 3], "bpm": 120}'
    yield b'{"annotations": [{"namespace": "beat", "data": [{"time": 0.5, "value": 1}]}]}'
    yield b'<sv><model sampleRate="8000"/><dataset><point frame="4000" label="1"/></dataset></sv>'


def record() -> bytes:
    """The JSON of a result."""
    times = np.arange(1, 5) * 0.5
    beats = Beats(
        times=times, positions=np.array([1, 2, 3, 1]), confidence=np.ones(4), duration=5.0, model="tcn"
    )
    return beats.to_text("json").encode()


def settings() -> bytes:
    """The settings in a model."""
    return ModelSettings().to_json().encode()


def card() -> bytes:
    """A model card."""
    beats = {"f": 0.9, "cmlt": 0.8, "amlt": 0.9}
    score = {"dataset": "a", "files": 1, "trim_s": 0, "system": "dbn", "beats": beats}
    return json.dumps(
        {
            "schema_version": 1,
            "name": "small",
            "description": "A model.",
            "file": "small.onnx",
            "sha256": "0" * 64,
            "licence": "MIT",
            "data": [{"name": "groove", "hours": 1.5, "licence": "CC BY 4.0", "source": "a"}],
            "trained_on_datasets": ["groove"],
            "parameters": 72262,
            "receptive_field_frames": 16381,
            "fps": 100,
            "seed": 1,
            "commit": "0123abc",
            "recipe": "small",
            "date": "2026-11-23",
            "metrics": [
                {**score, "downbeats": None, "tempo": {"acc1": 0.8}, "per_genre": {"a": {"beats": beats}}}
            ],
        }
    ).encode()


def saved_activations() -> bytes:
    """An .npz of activations with a pulse."""
    file = io.BytesIO()
    beats = np.full(200, 0.01, np.float32)
    beats[::50] = 0.9
    Activations(beats, 0.5 * beats, 100.0)
    np.savez(file, beats=beats, downbeats=0.5 * beats, fps=np.float64(100.0))
    return file.getvalue()
