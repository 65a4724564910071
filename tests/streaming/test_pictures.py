"""The pictures of the page on streams are what their script draws with the numbers of the code."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pictures_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("streaming_pictures", DOCS / "streaming_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (DOCS / "streaming_latency.svg").read_text(encoding="utf-8") == script.latency()
    assert (DOCS / "streaming_causality.svg").read_text(encoding="utf-8") == script.causality()
