"""Markers for video editors: an edit decision list of DaVinci Resolve, and XML of Final Cut Pro.

A marker is a frame long and lies on the frame nearest to its beat.

Sources: CMX 3600 edit decision lists with the marker comments that DaVinci Resolve writes and imports;
Apple's FCPXML 1.9 document type definition.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from beattrack.formats.grid import bar_labels
from beattrack.formats.markup import DECLARATION, element, title
from beattrack.formats.milliseconds import whole
from beattrack.formats.options import DEFAULT, WriteOptions

if TYPE_CHECKING:
    from beattrack.result import Beats

USUAL_RATE = 24.0  # frames per second
_START = 3600  # seconds: timelines of Resolve begin at 01:00:00:00
_BROADCAST = 1001  # 23.976, 29.97 and 59.94 frames per second are 24000, 30000 and 60000 / 1001


class EdlWriter:
    """Write `.edl` files."""

    suffix = ".edl"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._rate = frame_rate(options.fps or USUAL_RATE)

    def render(self, beats: Beats) -> str:
        """Return one event per beat, red at downbeats and blue elsewhere."""
        name = "".join(character if character.isprintable() else "?" for character in title(beats.file))
        events = [f"TITLE: {name}\nFCM: NON-DROP FRAME\n"]
        rows = zip(whole(beats.times.tolist(), float(self._rate)), _names(beats), strict=True)
        for number, (frame, (label, downbeat)) in enumerate(rows, 1):
            start, end = (_timecode(at, self._rate) for at in (frame, frame + 1))
            colour = "Red" if downbeat else "Blue"
            times = f"{start} {end} {start} {end}"
            events.append(
                f"{number:03d}  001      V     C        {times}\n |C:ResolveColor{colour} |M:{label} |D:1\n"
            )
        return "\n".join(events)


class FcpxmlWriter:
    """Write `.fcpxml` files."""

    suffix = ".fcpxml"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._rate = frame_rate(options.fps or USUAL_RATE)

    def render(self, beats: Beats) -> str:
        """Return a project with one gap, as long as the recording, that has a marker at each beat."""
        frames = list(whole(beats.times.tolist(), float(self._rate)))
        last = max([1, round(beats.duration * self._rate), *(frame + 1 for frame in frames)])
        frame = self._seconds(1)
        markers = [
            element("marker", {"start": self._seconds(at), "duration": frame, "value": label})
            for at, (label, _) in zip(frames, _names(beats), strict=True)
        ]
        length = self._seconds(last)
        gap = element("gap", {"name": "Beats", "offset": "0s", "start": "0s", "duration": length}, markers)
        shape = {"format": "r1", "duration": length, "tcStart": "0s", "tcFormat": "NDF"}
        sequence = element("sequence", shape, [element("spine", {}, [gap])])
        project = element("project", {"name": title(beats.file)}, [sequence])
        size = {"id": "r1", "frameDuration": frame, "width": 1920, "height": 1080}
        resources = element("resources", {}, [element("format", size)])
        library = element("library", {}, [element("event", {"name": "beattrack"}, [project])])
        root = element("fcpxml", {"version": "1.9"}, [resources, library])
        return f"{DECLARATION}\n<!DOCTYPE fcpxml>\n{root}\n"

    def _seconds(self, frames: int) -> str:
        time = frames / self._rate
        whole_seconds = time.denominator == 1
        return f"{time.numerator}s" if whole_seconds else f"{time.numerator}/{time.denominator}s"


def frame_rate(rate: float) -> Fraction:
    """Return a rate as the fraction that it stands for: 29.97 is 30000/1001."""
    broadcast = Fraction(round(rate) * 1000, _BROADCAST)
    near = abs(float(broadcast) - rate) < 0.005
    return broadcast if near and rate != round(rate) else Fraction(rate).limit_denominator(1000)


def _names(beats: Beats) -> list[tuple[str, bool]]:
    """Return the name of each beat's marker, and whether it is a downbeat."""
    if beats.positions is None:
        return [(f"Beat {number}", False) for number in range(1, len(beats) + 1)]
    return [
        (label, position == 1)
        for label, position in zip(bar_labels(beats), beats.positions.tolist(), strict=True)
    ]


def _timecode(frame: int, rate: Fraction) -> str:
    """Return hours, minutes, seconds and frames; rates that are not whole count as the next whole rate."""
    nominal = max(1, round(rate))
    seconds, frames = divmod(frame + _START * nominal, nominal)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}"
