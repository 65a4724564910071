"""From a recording and its beats to a file with a picture."""

from __future__ import annotations

import math
import os
from pathlib import Path

from beattrack import audio
from beattrack.activations import Activations, Float
from beattrack.errors import MissingExtraError, SettingsError
from beattrack.plot.columns import Columns, peaks, reduced, stride
from beattrack.plot.draw import Picture, draw, save
from beattrack.plot.settings import PICTURES, PlotSettings
from beattrack.result import Beats
from beattrack.runtime.files import atomic_path
from beattrack.spectrogram import Spectrogram

COLUMNS = 3000  # more than the picture has pixels
BLOCK_SECONDS = 30.0
LEAD_SECONDS = 0.1  # before the part, for the frames that begin before it


def require_matplotlib() -> None:
    """Import matplotlib. Raises MissingExtraError if it is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("matplotlib", "eval", "drawing") from error


def write_plot(
    source: audio.Source | None,
    beats: Beats,
    activations: Activations | None,
    path: str | os.PathLike[str],
    settings: PlotSettings | None = None,
    *,
    track: int | None = None,
) -> None:
    """Draw a recording with its beats and write the picture.

    Args:
        source: path of the recording or whatever else `beattrack.audio.read_blocks` accepts; None leaves out
            the spectrogram.
        beats: beats of the recording.
        activations: what they were found in; None leaves them out.
        path: file to write, whole or not at all: .png or .svg.
        settings: which part to draw.
        track: audio track of a film, counted from 1; None is the default one.

    Raises:
        SettingsError: if the suffix of `path` is unknown, or the part begins after the end of the recording.
        AudioError: if the recording cannot be read.
        MissingExtraError: if matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURES:
        raise SettingsError(f"{os.fspath(path)}: unknown picture format; use one of {', '.join(PICTURES)}")
    require_matplotlib()
    window = (PlotSettings() if settings is None else settings).window(beats.duration)

    picture = Picture(
        beats=beats,
        window=window,
        spectrogram=None if source is None else _spectrogram(source, window, track),
        activations=None if activations is None else _activations(activations, window),
    )
    with atomic_path(path) as temporary:
        save(draw(picture), temporary, suffix[1:])


def _spectrogram(source: audio.Source, window: tuple[float, float], track: int | None) -> Columns:
    spectrogram = Spectrogram()
    settings = spectrogram.settings
    first, last = _frames(window, settings.fps)
    step = stride(last - first, COLUMNS)
    lead = math.floor(max(window[0] - LEAD_SECONDS, 0))  # a whole second begins at a frame and at a sample
    samples = audio.read_excerpt(
        source,
        audio.Excerpt(lead),
        sample_rate=settings.sample_rate,
        track=track,
        block_seconds=BLOCK_SECONDS,
    )
    skipped = round(lead * settings.fps)
    values = reduced(spectrogram.blocks(samples), first - skipped, last - skipped, step)
    return Columns(values, (first - 0.5) / settings.fps, step / settings.fps)


def _activations(activations: Activations, window: tuple[float, float]) -> tuple[Columns, Columns | None]:
    first, last = _frames(window, activations.fps)
    step = stride(last - first, COLUMNS)

    def columns(values: Float) -> Columns:
        start = first if step == 1 else first - 0.5
        return Columns(peaks(values[first:last], step), start / activations.fps, step / activations.fps)

    downbeats = activations.downbeats
    return columns(activations.beats), None if downbeats is None else columns(downbeats)


def _frames(window: tuple[float, float], fps: float) -> tuple[int, int]:
    first = math.floor(window[0] * fps)
    return first, max(math.ceil(window[1] * fps), first + 1)
