"""The `.beats` format: a header of comments, then one beat per line with its time and position in the bar.

    # tempo_bpm: 121.95
    # metre: 4
    0.480<TAB>1
    0.972<TAB>2

Header lines have the form `# key: value`; `tempo_bpm` comes first and is `none` with fewer than two beats. If
only beats were tracked, each line holds just the time. `numpy.loadtxt` and mir_eval's `load_labeled_events`
(`load_events` for files of times only) read the file unchanged. It is ASCII, so that they do so under every
locale.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from beattrack.formats.options import DEFAULT, WriteOptions
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.result import Beats


class BeatsWriter:
    """Writer of `.beats` files."""

    suffix = ".beats"

    def __init__(self, options: WriteOptions = DEFAULT) -> None:
        self._options = options

    def render(self, beats: Beats) -> str:
        """Return the header and one line per beat."""
        header = {**_header(beats), **self._units()}
        lines = [f"# {key}: {_ascii(value)}" for key, value in header.items()]
        times = self._options.times_text(beats.times.tolist())
        if beats.positions is None:
            lines.extend(times)
        else:
            lines.extend(f"{time}\t{position}" for time, position in zip(times, beats.positions, strict=True))
        return "\n".join(lines) + "\n"

    def _units(self) -> dict[str, str]:
        if self._options.units == "seconds":
            return {}
        return {"units": self._options.units, "units_per_second": f"{self._options.per_second:.12g}"}


def _header(beats: Beats) -> dict[str, str]:
    header = {"tempo_bpm": "none" if beats.bpm is None else f"{beats.bpm:.2f}"}
    if beats.tempo is not None:
        candidates = (
            f"{candidate.bpm:.2f} ({candidate.strength:.2f})" for candidate in beats.tempo.candidates
        )
        header["tempo_candidates"] = ", ".join(candidates)
        if beats.tempo.stability is not None:
            header["tempo_stability"] = f"{beats.tempo.stability:.4f}"
    header["metre"] = "none" if beats.metre is None else str(beats.metre)
    header["beats"] = str(len(beats))
    header["confidence"] = "none" if beats.mean_confidence is None else f"{beats.mean_confidence:.3f}"
    if beats.certainty is not None:
        header["certainty"] = f"{beats.certainty.file:.3f}"
    header["duration"] = f"{beats.duration:.3f}"
    if beats.model is not None:
        header["model"] = beats.model
    if beats.decoder:
        header["decoder"] = str(beats.decoder.get("name", "none"))
        header["decoder_settings"] = json.dumps(beats.decoder.get("settings", {}), allow_nan=False)
    if beats.reason is not None:
        header["reason"] = beats.reason
    if beats.grid is not None:
        header["grid"] = beats.grid.sentence
        if beats.grid.pieces:
            pieces = (f"{piece.bpm:.3f} from {piece.offset:.4f}" for piece in beats.grid.pieces)
            header["grid_pieces"] = ", ".join(pieces)
    header["beattrack"] = __version__
    return header


def _ascii(text: str) -> str:
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable.encode("ascii", "backslashreplace").decode("ascii")
