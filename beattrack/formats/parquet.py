"""The rows of a Parquet dataset: one recording a row, with its beats as lists.

Columns, version 1 (later versions only add columns):

    file              string, never null: path or URL as given
    error             string: why the file could not be tracked; null if it was. If not null, the columns from
                      `duration` to `decoder` are null
    duration          double: seconds
    tempo             double: beats per minute; null with fewer than two beats
    tempo_strength    double: probability that `tempo`, not `tempo_alternative`, is the tempo
    tempo_alternative double: the other candidate, in beats per minute; null if there is none
    metre             int32: most common number of beats in a bar; null if unknown
    confidence        double: mean confidence of the beats, 0 to 1; null if there are none
    certainty         double: probability that the file is right; null without --confidence
    times             list of double: times of the beats, seconds
    positions         list of int32: position of each beat in the bar, 1 for a downbeat; null if only beats
                      were tracked
    beat_confidence   list of float: confidence of each beat, 0 to 1
    reason            string: why there are no beats or why they may be wrong, or null
    grid              string: the grid of --grid as JSON, see `beattrack.gridding.Grid`, or null
    model             string: name of the network
    decoder           string: name and settings of the decoder as JSON
    warnings          list of string: warnings about the file
    beattrack         string, never null: version that wrote the row

The metadata of each file has the keys `beattrack` (version) and `beattrack_schema` ("1").
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from beattrack.errors import MissingExtraError
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.result import Beats

Row: TypeAlias = dict[str, Any]

PARQUET = "parquet"  # name of the format on the command line
SUFFIX = ".parquet"
SCHEMA_VERSION = "1"


def row_of(beats: Beats, file: str | None, warnings: Sequence[str] = ()) -> Row:
    """Return the row of a recording.

    Args:
        beats: its beats.
        file: its path or URL as given.
        warnings: warnings about it.
    """
    row = failed_row(file, None, warnings)
    tempo, grid = beats.tempo, beats.grid
    row |= {
        "duration": beats.duration,
        "metre": beats.metre,
        "confidence": beats.mean_confidence,
        "certainty": None if beats.certainty is None else beats.certainty.file,
        "times": beats.times,
        "positions": beats.positions,
        "beat_confidence": beats.confidence,
        "reason": beats.reason,
        "grid": None if grid is None else json.dumps(grid.to_dict()),
        "model": beats.model,
        "decoder": json.dumps(beats.decoder, sort_keys=True),
    }
    if tempo is not None:
        others = [candidate.bpm for candidate in tempo.candidates if candidate.bpm != tempo.bpm]
        strengths = [candidate.strength for candidate in tempo.candidates if candidate.bpm == tempo.bpm]
        row |= {
            "tempo": tempo.bpm,
            "tempo_strength": strengths[0] if strengths else None,
            "tempo_alternative": others[0] if others else None,
        }
    return row


def failed_row(file: str | None, error: str | None, warnings: Sequence[str] = ()) -> Row:
    """Return the row of a recording that could not be tracked, with the reason."""
    return {
        "file": encodable(file or ""),
        "error": None if error is None else encodable(error),
        "warnings": [encodable(text) for text in warnings],
        "beattrack": __version__,
    }


def encodable(text: str) -> str:
    """Return text without the bytes of file names that are not UTF-8, as rows contain it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def size_of(row: Mapping[str, Any]) -> int:
    """Return roughly how many bytes a row takes in memory."""
    beats = row.get("times")
    return 1000 + (0 if beats is None else 24 * len(beats))


def schema() -> Any:
    """Return the schema, a `pyarrow.Schema`.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """
    arrow = require_pyarrow()
    columns = [
        ("file", arrow.string(), False),
        ("error", arrow.string(), True),
        ("duration", arrow.float64(), True),
        ("tempo", arrow.float64(), True),
        ("tempo_strength", arrow.float64(), True),
        ("tempo_alternative", arrow.float64(), True),
        ("metre", arrow.int32(), True),
        ("confidence", arrow.float64(), True),
        ("certainty", arrow.float64(), True),
        ("times", arrow.list_(arrow.float64()), True),
        ("positions", arrow.list_(arrow.int32()), True),
        ("beat_confidence", arrow.list_(arrow.float32()), True),
        ("reason", arrow.string(), True),
        ("grid", arrow.string(), True),
        ("model", arrow.string(), True),
        ("decoder", arrow.string(), True),
        ("warnings", arrow.list_(arrow.string()), True),
        ("beattrack", arrow.string(), False),
    ]
    fields = [arrow.field(name, kind, nullable=nullable) for name, kind, nullable in columns]
    return arrow.schema(fields, metadata={"beattrack": __version__, "beattrack_schema": SCHEMA_VERSION})


def encode_rows(rows: Sequence[Row]) -> bytes:
    """Return the content of a Parquet file with these rows."""
    arrow = require_pyarrow()
    return encode_table(arrow.Table.from_pylist(list(rows), schema=schema()))


def encode_table(table: Any) -> bytes:
    """Return the content of a Parquet file with a `pyarrow.Table`."""
    require_pyarrow()
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def require_pyarrow() -> Any:
    """Return the module pyarrow.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "cluster", "--format parquet") from error
    return pyarrow
