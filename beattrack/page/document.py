"""The HTML of a page: program, data and sound in one file.

Text from outside, such as the name of the recording, enters in two places: escaped as the title, and in a
block of JSON in which every character that means something to HTML is written as `\\u003c` and the like. A
content security policy keeps the page from loading or sending anything, and from running any script but its
own.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beattrack.page.picture import COLUMNS_PER_SECOND
from beattrack.page.sound import CHUNK_SECONDS, LEAD, SAMPLE_RATE, SAMPLES_PER_PEAK, Sound
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.audio import Excerpt
    from beattrack.result import Beats

WAVESURFER = "wavesurfer-7.12.12.min.js"
WAVESURFER_SHA256 = "cb9fff59e7ce18932fab801771589ca48bc0362db82218d86cf05f5b60f0bc5e"
SCRIPTS = ("editor.js", "player.js", "lanes.js", "pointer.js", "app.js")
STANDARD_INPUT = "recording"

_NOT_IN_HTML = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'\u2028\u2029"}


def render(
    sound: Sound,
    pictures: Sequence[bytes],
    beats: Beats,
    activations: Activations,
    excerpt: Excerpt,
) -> Iterator[str]:
    """Return the text of a page, in pieces.

    Args:
        sound: the part of the recording to show.
        pictures: its spectrogram, PNG images of 20 seconds each.
        beats: beats of the recording.
        activations: activations of the recording.
        excerpt: the part, which begins at a frame of the activations.
    """
    name = os.path.basename(beats.file) if beats.file else STANDARD_INPUT
    first = round(excerpt.start * activations.fps)
    library = _static("vendor", WAVESURFER)
    program = "\n".join(_static(script) for script in SCRIPTS)
    values = {
        "policy": _policy(library, program),
        "title": html.escape(name),
        "style": _static("page.css"),
        "licence": _static("vendor", "LICENSE"),
        "library": library,
        "program": program,
        "data": _json(_data(name, sound, beats, activations, excerpt)),
        "peaks": _base64(sound.peaks.tobytes()),
        "beats": _base64(_bytes_of(activations.beats[first:])),
        "downbeats": _base64(
            b"" if activations.downbeats is None else _bytes_of(activations.downbeats[first:])
        ),
    }
    head, tail = _static("page.html").split("{{sound}}")
    yield _filled(head, values)
    # Last, because a browser shows the page before it has read all of an hour of sound.
    for index, picture in enumerate(pictures):
        yield _block(f"picture-{index}", picture)
    for index, chunk in enumerate(sound.chunks):
        yield _block(f"sound-{index}", chunk)
    yield _filled(tail, values)


def _data(
    name: str, sound: Sound, beats: Beats, activations: Activations, excerpt: Excerpt
) -> dict[str, Any]:
    shown = (beats.times >= excerpt.start) & (beats.times <= excerpt.start + sound.duration)
    return {
        "name": name,
        "stem": os.path.splitext(name)[0],
        "version": __version__,
        "duration": sound.duration,
        "offset": excerpt.start,
        "recordingDuration": max(beats.duration, excerpt.start + sound.duration),
        "times": (beats.times[shown] - excerpt.start).round(4).tolist(),
        "positions": None if beats.positions is None else beats.positions[shown].tolist(),
        "bpm": beats.bpm,
        "metre": beats.metre,
        "model": beats.model,
        "decoder": beats.decoder.get("name"),
        "confidence": beats.mean_confidence,
        "reason": beats.reason,
        "activationsPerSecond": activations.fps,
        "peaksPerSecond": SAMPLE_RATE / SAMPLES_PER_PEAK,
        "columnsPerSecond": COLUMNS_PER_SECOND,
        "sampleRate": SAMPLE_RATE,
        "chunkSeconds": CHUNK_SECONDS,
        "leadSeconds": LEAD / SAMPLE_RATE,
        "chunks": len(sound.chunks),
    }


def _json(data: dict[str, Any]) -> str:
    """Return JSON that can stand in an HTML script element whatever the texts in it."""
    return json.dumps(data, ensure_ascii=True, allow_nan=False).translate(_NOT_IN_HTML)


def _bytes_of(probabilities: NDArray[np.floating]) -> bytes:
    """Quantise probabilities, shape (frames,), to bytes; what is not finite counts as 0."""
    finite = np.nan_to_num(probabilities, nan=0.0, posinf=0.0, neginf=0.0)
    levels: NDArray[np.uint8] = np.rint(np.clip(finite, 0, 1) * 255).astype(np.uint8)
    return levels.tobytes()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _block(identity: str, data: bytes) -> str:
    return f'<script type="text/plain" id="{identity}">{_base64(data)}</script>\n'


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{_base64(hashlib.sha256(script.encode()).digest())}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"


def _filled(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def _static(*names: str) -> str:
    file = resources.files("beattrack.page").joinpath("static", *names)
    return file.read_text(encoding="utf-8")
