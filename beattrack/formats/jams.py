"""JAMS, the annotation format of music research: one annotation of beats and one of the tempo.

Source: E. J. Humphrey et al., "JAMS: A JSON annotated music specification for reproducible MIR research",
ISMIR 2014, and the schema of the `jams` package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from beattrack.formats.markup import title
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.result import Beats

JAMS_VERSION = "0.3.4"


class JamsWriter:
    """Write `.jams` files."""

    suffix = ".jams"

    def render(self, beats: Beats) -> str:
        """Return one object. The value of a beat is its position in the bar, or null."""
        positions = [None] * len(beats) if beats.positions is None else beats.positions.tolist()
        rows = zip(beats.times.tolist(), positions, beats.confidence.tolist(), strict=True)
        annotations = [_annotation("beat", beats, [_observation(t, 0.0, p, c) for t, p, c in rows])]
        if beats.tempo is not None:
            tempi = [_observation(0.0, beats.duration, c.bpm, c.strength) for c in beats.tempo.candidates]
            annotations.append(_annotation("tempo", beats, tempi))
        record = {
            "file_metadata": {
                "title": title(beats.file),
                "artist": "",
                "release": "",
                "duration": beats.duration,
                "identifiers": {},
                "jams_version": JAMS_VERSION,
            },
            "annotations": annotations,
            "sandbox": _about(beats),
        }
        return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _annotation(namespace: str, beats: Beats, data: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "time": 0.0,
        "duration": beats.duration,
        "annotation_metadata": {
            "curator": {"name": "", "email": ""},
            "annotator": {},
            "version": __version__,
            "corpus": "",
            "annotation_tools": f"beattrack {__version__}",
            "annotation_rules": "",
            "validation": "",
            "data_source": "program",
        },
        "data": data,
        "sandbox": {},
    }


def _observation(time: float, duration: float, value: float | None, confidence: float) -> dict[str, Any]:
    return {"time": time, "duration": duration, "value": value, "confidence": confidence}


def _about(beats: Beats) -> dict[str, Any]:
    """Return what the sandbox holds: versions and settings, as in our JSON."""
    record = beats.to_dict()
    keys = ("schema_version", "beattrack", "file", "model", "decoder", "metre", "confidence", "reason")
    return {"beattrack": {key: record[key] for key in keys}}
