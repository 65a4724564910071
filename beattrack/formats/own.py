"""Our own JSON, with all that it holds."""

from __future__ import annotations

import json
import os
from typing import Any

from beattrack.formats.text import read_text


def read_record(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Read the record in a JSON file that beattrack wrote; None for any other file.

    Raises:
        BeatFileError: if the file cannot be read.
    """
    text = read_text(path)
    if not text.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and "schema_version" in record else None
