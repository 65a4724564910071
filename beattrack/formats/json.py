"""JSON by the versioned schema in `beattrack.result`, one beat a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beattrack.result import Beats


class JsonWriter:
    """Write `.json` files."""

    suffix = ".json"

    def render(self, beats: Beats) -> str:
        """Give one JSON object; times have all their digits, so that reading it back gives the same beats."""
        record = beats.to_dict()
        rows = [f"    {_dumps(row)}" for row in record.pop("beats")]
        head = _dumps(record, indent=2).removesuffix("\n}")
        body = "[\n" + ",\n".join(rows) + "\n  ]" if rows else "[]"
        return f'{head},\n  "beats": {body}\n}}\n'


def _dumps(value: object, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False)
