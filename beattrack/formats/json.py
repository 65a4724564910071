"""The JSON format: the versioned schema of `beattrack.result`, with one beat per line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beattrack.result import Beats


class JsonWriter:
    """Writer of `.json` files."""

    suffix = ".json"

    def render(self, beats: Beats) -> str:
        """Return one JSON object; times have full precision, so that reading it restores the beats."""
        record = beats.to_dict()
        rows = [f"    {_dumps(row)}" for row in record.pop("beats")]
        head = _dumps(record, indent=2).removesuffix("\n}")
        body = "[\n" + ",\n".join(rows) + "\n  ]" if rows else "[]"
        return f'{head},\n  "beats": {body}\n}}\n'


def _dumps(value: object, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False)
