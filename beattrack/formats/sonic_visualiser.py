"""Layers of Sonic Visualiser: time instants as `.svl`, which is XML, and as a table without a header.

Sonic Visualiser opens both with File > Import Annotation Layer. A layer counts in audio samples; its sample
rate should be that of the recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beattrack.formats.grid import bar_labels
from beattrack.formats.markup import DECLARATION, element
from beattrack.formats.milliseconds import whole
from beattrack.formats.options import DEFAULT, WriteOptions

if TYPE_CHECKING:
    from beattrack.result import Beats

USUAL_RATE = 44100


class SvlWriter:
    """Write `.svl` files."""

    suffix = ".svl"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._rate = round(options.rate or USUAL_RATE)

    def render(self, beats: Beats) -> str:
        """Return a layer of time instants with `bar.beat` as labels."""
        frames = list(whole(beats.times.tolist(), self._rate))
        model = {
            "id": 1,
            "name": "",
            "sampleRate": self._rate,
            "start": frames[0] if frames else 0,
            "end": frames[-1] + 1 if frames else 0,
            "type": "sparse",
            "dimensions": 1,
            "resolution": 1,
            "notifyOnAdd": "true",
            "dataset": 0,
        }
        points = [
            element("point", {"frame": frame, "label": label})
            for frame, label in zip(frames, bar_labels(beats), strict=True)
        ]
        layer = {"id": 2, "type": "timeinstants", "name": "Beats", "model": 1, "plotStyle": 0}
        colour = {"colourName": "Purple", "colour": "#800080", "darkBackground": "false"}
        data = [element("model", model), element("dataset", {"id": 0, "dimensions": 1}, points)]
        display = [element("layer", {**layer, **colour})]
        root = element("sv", {}, [element("data", {}, data), element("display", {}, display)])
        return f"{DECLARATION}\n<!DOCTYPE sonic-visualiser>\n{root}\n"


class SvCsvWriter:
    """Write tables of time and label, as Sonic Visualiser imports and exports them."""

    suffix = ".sv.csv"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._options = options

    def render(self, beats: Beats) -> str:
        """Return one line per beat."""
        times = self._options.times_text(beats.times.tolist())
        if beats.positions is None:
            return "".join(f"{time}\n" for time in times)
        return "".join(f"{time},{label}\n" for time, label in zip(times, bar_labels(beats), strict=True))
