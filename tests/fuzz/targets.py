"""What is done with bytes of any origin: each function takes them, and raises nothing but on a fault of ours.

The tests call these with what hypothesis makes up, the programs in `fuzz/` with what libFuzzer finds.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from beattrack.activations import Activations
from beattrack.audio import AudioWarning, read_blocks
from beattrack.decoding.make import make_decoder
from beattrack.errors import ActivationError, AudioError, BeattrackError, ModelError, SettingsError
from beattrack.formats.readers import BeatFileError, read_beats, read_tempo
from beattrack.network.model_settings import ModelSettings
from beattrack.registry import ModelCard
from beattrack.result import Beats
from beattrack.tracker import decode

MAX_SAMPLES = 22050 * 60  # a few bytes may state hours
MAX_FRAMES = 3000
_FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None


@contextmanager
def file_of(data: bytes, suffix: str = "") -> Iterator[str]:
    """Give the name of a file with these bytes."""
    with tempfile.NamedTemporaryFile(suffix=suffix, dir=_FOLDER) as file:
        file.write(data)
        file.flush()
        yield file.name


def one_line(error: BeattrackError, name: str = "") -> None:
    """Check that an error is one sentence that names the file."""
    message = str(error)
    assert message.startswith(name), message
    assert 0 < len(message) < 1000, message
    assert "\n" not in message, message


def audio(data: bytes) -> bool:
    """Decode; tell whether it was audio."""
    samples = 0
    with warnings.catch_warnings(), file_of(data) as name:
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", AudioWarning)
        try:
            for block in read_blocks(name, sample_rate=22050, block_seconds=5.0):
                assert block.dtype == np.float32
                assert block.ndim == 1
                assert np.isfinite(block).all()
                samples += len(block)
                if samples > MAX_SAMPLES:
                    break
        except AudioError as error:
            one_line(error, name)
            return False
    return True


def beat_file(data: bytes) -> bool:
    """Read as a beat file and as a tempo file; tell whether it was the first."""
    with file_of(data) as name:
        try:
            assert 0 < read_tempo(name) < np.inf
        except BeatFileError as error:
            one_line(error, name)
        try:
            beats = read_beats(name)
        except BeatFileError as error:
            one_line(error, name)
            return False
    assert np.isfinite(beats.times).all()
    assert (np.diff(beats.times) > 0).all()
    assert beats.positions is None or len(beats.positions) == len(beats.times)
    assert beats.tempo is None or np.isfinite(beats.tempo)
    return True


def result_record(data: bytes) -> bool:
    """Read as the JSON of a result, of a model card and of settings; tell whether it was the first."""
    for read in (ModelCard.from_dict, ModelSettings.from_json):
        try:
            read(data.decode("utf-8", "replace") if read == ModelSettings.from_json else parsed(data))
        except ModelError as error:
            one_line(error)
    try:
        beats = Beats.from_dict(parsed(data))
    except SettingsError as error:
        one_line(error)
        return False
    for format in ("beats", "csv"):
        beats.to_text(format)  # type: ignore[arg-type]
    assert Beats.from_dict(json.loads(beats.to_text("json"))) == beats
    return True


def parsed(data: bytes) -> object:
    """Parse JSON; None for what is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def activations(data: bytes) -> bool:
    """Load as activations and decode; tell whether they were."""
    with file_of(data, ".npz") as name, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            loaded = Activations.load(name)
        except ActivationError as error:
            one_line(error, name)
            return False
        if len(loaded.beats) <= MAX_FRAMES and 10 <= loaded.fps <= 120:
            for decoder in (make_decoder("dbn"), make_decoder("peaks")):
                check_decoded(decode(loaded, decoder))
    return True


def numbers(data: bytes) -> bool:
    """Take the bytes themselves for activations and decode them; tell whether there were beats."""
    values = np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(2, -1)[:, :MAX_FRAMES]
    decoded = [
        decode(Activations(values[0].copy(), bars, 100.0), make_decoder(name))  # type: ignore[arg-type]
        for bars in (None, values[1].copy())
        for name in ("dbn", "peaks")
    ]
    for beats in decoded:
        check_decoded(beats)
    return any(len(beats) for beats in decoded)


def check_decoded(beats: Beats) -> None:
    """Check what holds for all beats."""
    assert np.isfinite(beats.times).all()
    assert (np.diff(beats.times) > 0).all()
    assert ((beats.confidence >= 0) & (beats.confidence <= 1)).all()
    assert beats.positions is None or (beats.positions >= 1).all()
    json.loads(beats.to_text("json"))
